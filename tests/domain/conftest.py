"""Until tests/conftest.py has it: the judge for everybody here."""

from oracle.judge import judge

__all__ = ["judge"]
