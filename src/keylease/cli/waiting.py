"""Words that move on a terminal's stderr while something takes its time.

They appear after 300 ms, so a quick answer shows nothing; then they are wiped away, and what comes next stands
in their place. Rich is loaded only once they appear.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS_BEFORE = 0.3


@contextmanager
def spinner(words: str) -> Iterator[None]:
    """Show the words from 300 ms on until the block is left."""
    done = threading.Event()
    thread = threading.Thread(target=_show, args=(words, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _show(words: str, done: threading.Event) -> None:
    if done.wait(SECONDS_BEFORE):
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True, highlight=False).status(Text(words)):
        done.wait()
