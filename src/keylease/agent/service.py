"""The agent as a service of the person's own: what each system needs, as files and the commands that take them up.

systemd keeps a user's unit, launchd a launch agent, Windows a scheduled task that begins when the person signs in.
None of them runs as anybody but the person, and none has a secret in its file or its command line. Pure, but for
`install` and `uninstall`.
"""

from __future__ import annotations

import plistlib
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from xml.sax.saxutils import escape

from keylease.agent import private_file

NAME = "keylease-agent"
LABEL = "keylease.agent"
PUBLIC = 0o644

UNIT = """\
[Unit]
Description=keylease: AWS credentials that renew themselves
Documentation=man:systemd.service(5)

[Service]
ExecStart={command}
Restart=on-failure
RestartSec=10
NoNewPrivileges=yes
UMask=0077
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
MemoryMax=200M

[Install]
WantedBy=default.target
"""
TASK = """\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers><LogonTrigger><Enabled>true</Enabled><UserId>{user}</UserId></LogonTrigger></Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{user}</UserId><LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>
  </Settings>
  <Actions Context="Author"><Exec><Command>{program}</Command><Arguments>{arguments}</Arguments></Exec></Actions>
</Task>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service: its file, and how the system takes it up and lets it go."""

    path: Path
    content: bytes
    start: Sequence[Sequence[str]]
    stop: Sequence[Sequence[str]]


def service(
    command: Sequence[str], *, platform: str, home: Path, state: Path, uid: int = 0, user: str = ""
) -> Service:
    """The service that runs this command, on a system that `sys.platform` calls so.

    `uid` counts on macOS. `user` is this person for Windows, `DOMAIN\\name`: a task that names nobody would begin
    whoever signs in, and only an administrator may make such a one.
    """
    if platform == "win32":
        return _task(command, state, user)
    if platform == "darwin":
        return _launch_agent(command, home, uid)
    return _unit(command, home)


def install(one: Service) -> list[str]:
    """Write the file and start the service. What did not work comes back, as commands for the person to try."""
    private_file.write(one.path, lambda _: one.content, private=False)
    return [" ".join(command) for command in one.start if not _ran(command)]


def uninstall(one: Service) -> bool:
    """Stop the service and take its file away. False where there was none."""
    for command in one.stop:
        _ran(command)
    if not one.path.exists():
        return False
    one.path.unlink()
    return True


def _unit(command: Sequence[str], home: Path) -> Service:
    written = UNIT.format(command=" ".join(_for_systemd(word) for word in command))
    control = ("systemctl", "--user")
    return Service(
        path=home / ".config" / "systemd" / "user" / f"{NAME}.service",
        content=written.encode(),
        start=[(*control, "daemon-reload"), (*control, "enable", "--now", NAME)],
        stop=[(*control, "disable", "--now", NAME)],
    )


def _launch_agent(command: Sequence[str], home: Path, uid: int) -> Service:
    path = home / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    written = {
        "Label": LABEL,
        "ProgramArguments": list(command),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "ProcessType": "Background",
        "Umask": 0o077,
    }
    return Service(
        path=path,
        content=plistlib.dumps(written),
        start=[("launchctl", "bootstrap", f"gui/{uid}", str(path))],
        stop=[("launchctl", "bootout", f"gui/{uid}/{LABEL}")],
    )


def _task(command: Sequence[str], state: Path, user: str) -> Service:
    path = state / f"{NAME}.xml"
    program, *words = command
    arguments = subprocess.list2cmdline(words)
    program = escape(str(PureWindowsPath(program)))
    written = TASK.format(user=escape(user), program=program, arguments=escape(arguments))
    return Service(
        path=path,
        content=written.encode("utf-16"),
        start=[("schtasks", "/Create", "/TN", NAME, "/XML", str(path), "/F"), ("schtasks", "/Run", "/TN", NAME)],
        stop=[("schtasks", "/End", "/TN", NAME), ("schtasks", "/Delete", "/TN", NAME, "/F")],
    )


def _for_systemd(word: str) -> str:
    """A word of ExecStart (systemd.service(5), systemd.unit(5)): `%` and `$` mean something there."""
    meant = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return meant if meant == word and word.isprintable() and not set(word) & set(" ;'") else f'"{meant}"'


def _ran(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def this_platform() -> str:
    """What `sys.platform` says here."""
    return sys.platform
