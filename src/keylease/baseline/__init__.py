"""The baseline: what an account should hold, planned, reviewed, applied, and taken back.

    desired.resources(settings, account)    what should be there, as values
    planning.plan(...)                      read the account, compare: a frozen plan
    applying.apply(...)                     carry out exactly that plan, keeping what was there before
    applying.rollback(...)                  lead back to it

Decisions are made in `keylease.domain` (guardrail, lockout, and a file of policies for each part); calls are in
`keylease.aws.kinds`. An administrator's credentials do all of it, never the broker's.
"""
