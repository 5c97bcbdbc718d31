"""The command line: one file per noun. stdout is data, stderr is for people.

`keylease --version` answers before anything else is loaded, and what other programs start again and again
(`credentials --lease`, `prompt`) without Typer; everything else begins in program.py.
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
        sys.exit(_run(sys.argv[1:]))
    except KeyboardInterrupt:  # before there was a command to interrupt
        sys.exit(130)


def _run(arguments: list[str]) -> int:
    match arguments:
        case ["credentials", "--lease", lease]:
            from keylease.cli.credentials import quick

            return quick(lease)
        case ["prompt"]:
            from keylease.cli.prompt import quick as prompt

            return prompt()
    from keylease.cli.program import run

    return run(arguments)
