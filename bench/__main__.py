"""Runs measurements: all of them, or those named. `python -m bench [NAME ...]`

Standard output holds one JSON object a line and nothing else; the table and all that is said go to standard
error. Exit status 0: all were measured; 1: one was not, and the others were all the same; 2: there is no
measurement of that name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from bench import (
    agent_endpoint,
    audit_vs_custodian,
    audit_vs_floor,
    audit_vs_prowler,
    aws_cli_overhead,
    calls_per_lease,
    cli_start,
    credential_process_cached,
    credential_process_vs_boto3_import,
    expiry_lag,
    id_token_verify,
    issue_end_sqlite,
    issue_vs_openbao,
    outage_recovery,
    pages,
    pass_100k,
    plan_vs_floor,
    policy_sizes,
    sign_in_own_share,
    start_200k,
    throttled_drain,
)
from bench.result import NotMeasured, Result, table
from keylease.errors import KeyleaseError

MEASUREMENTS: dict[str, Callable[[], Iterator[Result]]] = {
    "agent_endpoint": agent_endpoint.measure,
    "audit_vs_custodian": audit_vs_custodian.measure,
    "audit_vs_floor": audit_vs_floor.measure,
    "audit_vs_prowler": audit_vs_prowler.measure,
    "aws_cli_overhead": aws_cli_overhead.measure,
    "calls_per_lease": calls_per_lease.measure,
    "cli_start": cli_start.start,
    "cli_version": cli_start.version,
    "credential_process_cached": credential_process_cached.measure,
    "credential_process_vs_boto3_import": credential_process_vs_boto3_import.measure,
    "expiry_lag": expiry_lag.measure,
    "id_token_verify": id_token_verify.measure,
    "issue_end_sqlite": issue_end_sqlite.measure,
    "plan_vs_floor": plan_vs_floor.measure,
    "issue_vs_openbao": issue_vs_openbao.measure,
    "page_history_1": partial(pages.history, connections=1),
    "page_history_32": partial(pages.history, connections=32),
    "page_my_leases_1": partial(pages.my_leases, connections=1),
    "page_my_leases_32": partial(pages.my_leases, connections=32),
    "page_weight": pages.weight,
    "policy_sizes": policy_sizes.measure,
    "throttled_drain": throttled_drain.measure,
    "start_200k": start_200k.measure,
    "pass_100k": pass_100k.measure,
    "outage_recovery": outage_recovery.measure,
    "sign_in_own_share": sign_in_own_share.measure,
}


def main(names: Sequence[str]) -> int:
    """Run the measurements of these names, all of them where there are none. The exit status."""
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        _say(f"There is no measurement {', '.join(unknown)}. There are: {', '.join(MEASUREMENTS)}.")
        return 2
    results, failed = [], False
    for name in names or MEASUREMENTS:
        try:
            for result in MEASUREMENTS[name]():
                print(result.line(), flush=True)
                results.append(result)
        except (NotMeasured, KeyleaseError) as failure:
            failed = True
            _say(f"{name} was not measured: {failure}")
    if results:
        _say(table(results))
    return 1 if failed else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
