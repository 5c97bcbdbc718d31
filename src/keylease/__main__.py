"""`python -m keylease` is the `keylease` command."""

from keylease.cli import main

if __name__ == "__main__":
    main()
