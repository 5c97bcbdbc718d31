"""Lines that set and unset variables, in the words of each shell."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping

from keylease.errors import BadRequest

STATIC = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION")
ENDPOINT = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
ALL = ("AWS_PROFILE", *STATIC, *ENDPOINT)
"""What AWS programs take credentials from; what is not set is unset, since one of them may win over another."""


def lines(shell: str, variables: Mapping[str, str]) -> list[str]:
    """The lines for `sh`, `fish`, `powershell` or `cmd`. Raises `BadRequest`."""
    if shell not in SHELLS:
        raise BadRequest(f"There is no shell {shell} here.", hint=f"There are {', '.join(SHELLS)}.")
    set_it, unset_it = SHELLS[shell]
    others = [name for name in ALL if name not in variables]
    return [*(unset_it(name) for name in others), *_each(set_it, variables.items())]


def _each(set_it: Callable[[str, str], str], variables: Iterable[tuple[str, str]]) -> Iterable[str]:
    return (set_it(name, value) for name, value in variables)


def _fish(name: str, value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"set -gx {name} '{quoted}'"


def _powershell(name: str, value: str) -> str:
    quoted = value.replace("'", "''")
    return f"$Env:{name} = '{quoted}'"


def _cmd(name: str, value: str) -> str:
    if set(value) & set('"%^&|<>\r\n'):
        raise BadRequest(f"cmd cannot take the value of {name}.", hint="Use PowerShell.")
    return f'set "{name}={value}"'


SHELLS: Mapping[str, tuple[Callable[[str, str], str], Callable[[str], str]]] = {
    "sh": (lambda name, value: f"export {name}={shlex.quote(value)}", lambda name: f"unset {name}"),
    "fish": (_fish, lambda name: f"set -e {name}"),
    "powershell": (_powershell, lambda name: f"Remove-Item Env:{name} -ErrorAction SilentlyContinue"),
    "cmd": (_cmd, lambda name: f'set "{name}="'),
}
"""How each shell sets a variable and unsets one."""
