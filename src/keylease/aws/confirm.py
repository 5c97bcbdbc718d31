"""Whether AWS knows a new access key by now.

A new key is known in some places before others, so one success proves little: the key counts as known after three
in a row, and as usable after the permission set's own probe has succeeded once (asking who one is proves a key, not
what it may do). The least is four calls without a pause. Until then, every refusal means "not yet".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from keylease.aws.clients import Clients
from keylease.aws.failures import ask
from keylease.domain.access import Probe
from keylease.domain.clock import Clock
from keylease.errors import AwsCredentials, AwsDenied, AwsFailed, AwsThrottled, AwsUnreachable
from keylease.ports import AccessKey

WITHIN = timedelta(seconds=30)
"""The limit. AWS promises none; a key is known after some seconds as a rule."""

IN_A_ROW = 3
PAUSE = 1.0
"""Seconds after a refusal."""

_NOT_YET = (AwsCredentials, AwsDenied, AwsThrottled, AwsUnreachable)


def confirmed(clients: Clients, access_key: AccessKey, probe: Probe | None, clock: Clock) -> bool:
    """Use the access key until it works; False where `WITHIN` is over first.

    Raises `AwsFailed` where the probe itself is wrong, so that no waiting helps.
    """
    until = clock.now() + WITHIN
    sts = clients.with_access_key(access_key, "sts")
    calls: list[Callable[[], object]] = [lambda: ask(sts.get_caller_identity)] * IN_A_ROW
    calls += [_probe(clients, access_key, probe)] if probe else []
    done = 0
    while done < len(calls):
        try:
            calls[done]()
            done += 1
        except _NOT_YET:
            done = 0 if done < IN_A_ROW else done
            if clock.now() >= until:
                return False
            clock.sleep(PAUSE)
    return True


def _probe(clients: Clients, access_key: AccessKey, probe: Probe) -> Callable[[], object]:
    client = clients.with_access_key(access_key, probe.service)
    if probe.operation not in client.meta.method_to_api_mapping:
        raise AwsFailed(f"The probe names {probe.service} {probe.operation}, which AWS's library does not know.")
    call = getattr(client, probe.operation)
    return lambda: ask(call, **probe.parameters)
