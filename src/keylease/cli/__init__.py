"""The command line: one file per noun. stdout is data, stderr is for people.

`keylease --version` answers before anything else is loaded; everything else begins in program.py.
"""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point of the `keylease` command."""
    if sys.argv[1:] == ["--version"]:
        from keylease import __version__

        sys.stdout.write(f"keylease {__version__}\n")
        return
    try:
        from keylease.cli.program import run

        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:  # before there was a command to interrupt
        sys.exit(130)
