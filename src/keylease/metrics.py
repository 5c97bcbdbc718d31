"""Figures for Prometheus: made anew each time somebody asks, from the ledger and from what the last passes saw.

They are the same whichever process is asked, but for `keylease_aws_calls_total`, which counts what this process has
asked. Nothing here calls AWS. docs/how-to/watching.md says what each figure means and when to wake somebody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from keylease.app import App
from keylease.domain.lease import State as LeaseState
from keylease.health import State
from keylease.reconciler import PassReport

ACCOUNT = ["account"]


def text(app: App) -> bytes:
    """All figures in Prometheus' own format. Raises what the ledger may fail with."""
    registry = CollectorRegistry()
    figures = [*_ledger(app), *_passes(app), *_calls(app)]  # first all of it: a failure is no half answer
    registry.register(_Collected(figures))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, figures: list[Metric]) -> None:
        self._figures = figures

    def collect(self) -> list[Metric]:
        """The figures."""
        return self._figures


def _gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"keylease_{name}", meaning, labels=labels)


def _ledger(app: App) -> Iterator[Metric]:
    now = app.clock.now()
    figures = app.store.figures(now)
    leases = _gauge("leases", "Leases that have not ended, by account and state.", "account", "state")
    overdue = _gauge("overdue_removal_seconds", "How long ago the oldest lease ended that AWS holds.", "account")
    for account in app.clouds:
        for state in LeaseState:
            leases.add_metric([account, state], figures.states.get((account, state), 0))
        since = figures.overdue_since.get(account)
        overdue.add_metric([account], (now - since).total_seconds() if since else 0)
    yield leases
    yield overdue


def _passes(app: App) -> Iterator[Metric]:
    state, now = app.health.state, app.clock.now()
    well = _gauge("well", "1 where a pass has run lately everywhere and nothing needs a person.")
    well.add_metric([], float(state.is_well(now)))
    near = _gauge("horizons_near", "Horizons that are nearer than three weeks.")
    near.add_metric([], len(state.near))
    yield from (well, near, *_by_account(state, app))


def _by_account(state: State, app: App) -> Iterator[Metric]:
    now = app.clock.now()
    age = _gauge("pass_age_seconds", "How long ago the last pass over the account ended.", "account")
    took = _gauge("pass_duration_seconds", "How long it took.", "account")
    for account, at in (state.passed or {}).items():
        age.add_metric([account], (now - at).total_seconds())
        took.add_metric([account], (state.seconds or {}).get(account, 0))
    yield from (age, took)
    figures: dict[str, tuple[str, Callable[[PassReport], float]]] = {
        "pass_failures": ("What it could not do.", lambda it: len(it.failures)),
        "alarms": ("What a person must look at.", lambda it: len(it.alarms)),
        "away": ("1 where the account did not answer.", lambda it: it.is_away),
        "leased_users": ("IAM users that AWS holds under /keylease/.", lambda it: it.users),
        "fences": (
            "Policies under /keylease/fence/; an account holds 1,500 at most.",
            lambda it: it.fences,
        ),
    }
    for name, (meaning, of) in figures.items():
        metric = _gauge(name, meaning, "account")
        for report in state.reports:
            metric.add_metric([report.account], float(of(report)))
        yield metric


def _calls(app: App) -> Iterator[Metric]:
    meaning = "Requests to IAM that this process has made, by what came of them."
    calls = CounterMetricFamily("keylease_aws_calls", meaning, labels=["account", "result"])
    for account, pacing in app.pacings.items():
        for result in ("answered", "throttled", "unanswered"):
            calls.add_metric([account, result], pacing.counts[result])
    yield calls
