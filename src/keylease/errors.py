"""Every way in which keylease fails, in one tree.

A failure has a code that never changes, a sentence that says what happened, and a hint that says what to do
next. Its class says who has to act: `Invalid` (the asker wrote something that cannot be), `Refused` (the rules
say no), `Missing`, `Conflict` (things are not as the asker believed), `Unavailable` (try again later),
`Unsafe` (keylease will not start like this). The web maps these six to HTTP once; the CLI ends with the
failure's own `exit_status`.

Neither sentence nor hint ever holds a secret. Exit statuses 0 to 4 are common ground: done, failed, wrong
usage, not decided yet, sign in first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar


class KeyleaseError(Exception):
    """The root: a failure that a person can read. `code` is stable, `exit_status` distinct."""

    code: ClassVar[str] = "KL-100"
    exit_status: ClassVar[int] = 1
    hint: str = "Run it again with --verbose, and report it if it stays."

    def __init__(self, sentence: str, *, hint: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        if hint is not None:
            self.hint = hint


class Invalid(KeyleaseError):
    """What was asked cannot be, whoever asks."""


class Refused(KeyleaseError):
    """The rules say no to this person."""


class Missing(KeyleaseError):
    """There is no such thing, or not for this person."""


class Conflict(KeyleaseError):
    """Things are not as the asker believed; nothing was changed."""


class Unavailable(KeyleaseError):
    """Something that keylease stands on does not answer; nothing is lost."""


class Unsafe(KeyleaseError):
    """keylease does not start, or go on, like this."""


class BadConfiguration(Unsafe):
    """The configuration has mistakes; the sentence lists all of them with their lines."""

    code, exit_status = "KL-101", 10
    hint = "`keylease init` writes a commented example to compare with."


class UnsafeNotAllowed(Unsafe):
    """Something named unsafe was asked for without the setting that allows it."""

    code, exit_status = "KL-102", 11
    hint = "Set it in the configuration only where nobody else can reach this machine."


class GroupMissing(Unsafe):
    """A permission set names an IAM group that is not in the account."""

    code, exit_status = "KL-103", 12
    hint = "Create the group, or correct `group` in the permission set; `keylease doctor` lists all of them."


class RoleMissing(Unsafe):
    """A permission set names a session role that is not in the account."""

    code, exit_status = "KL-108", 18
    hint = "Create the role under /keylease/session/, or correct `role` in the permission set."


class BadUntil(Invalid):
    """A duration or an instant that cannot be read."""

    code, exit_status = "KL-201", 20
    hint = "Write 2w, 10d, 36h, P2W, or an instant with its zone such as 2026-12-08T17:00+01:00."


class TooLong(Invalid):
    """Longer than the grant allows."""

    code, exit_status = "KL-202", 21
    hint = "Ask for less; to go on after the end, ask again."


class InThePast(Invalid):
    """An end that is over, or so near that no key could be used."""

    code, exit_status = "KL-203", 22
    hint = "Name an end that lies ahead."


class BeyondHorizon(Invalid):
    """An end after the date up to which the account's groups allow anything."""

    code, exit_status = "KL-204", 23
    hint = "Ask for an end before that date, or ask an administrator to run `keylease horizon move`."


class BadReason(Invalid):
    """A reason is missing, or longer than an IAM tag can hold."""

    code, exit_status = "KL-205", 24
    hint = "Say in one sentence what you need the access key for."


class BadRequest(Invalid):
    """A request over HTTP that does not have the documented form."""

    code, exit_status = "KL-206", 25
    hint = "Compare it with the description at /docs."


class TooShort(Invalid):
    """Fences are made ahead here, one a day, and no day ends before the end that was asked for."""

    code, exit_status = "KL-207", 26
    hint = "Ask until a midnight UTC."


class TakesNoSession(Invalid):
    """The tool takes nothing but an access key that lasts, and the lease gives sessions."""

    code, exit_status = "KL-208", 27
    hint = "Ask for a lease of kind access-key, and `keylease collect` it."


class SignInNeeded(Refused):
    """Nobody is signed in, or the sign-in is over."""

    code, exit_status = "KL-301", 4
    hint = "Sign in, then try again."


class SignInRefused(Refused):
    """What came back from the directory does not prove who somebody is; the sentence says why."""

    code, exit_status = "KL-308", 36
    hint = "Begin the sign-in anew. If it stays, `keylease doctor` looks at the directory's settings."


class SignInTooOld(Refused):
    """The grant asks for a fresher sign-in, or one with a second factor."""

    code, exit_status = "KL-309", 37
    hint = "Sign in again; you come back to where you were."

    def __init__(
        self, sentence: str, *, hint: str | None = None, max_age: timedelta | None = None, mfa: bool = False
    ) -> None:
        super().__init__(sentence, hint=hint)
        self.max_age = max_age
        self.mfa = mfa
        """What to ask the sign-in for, that the same act goes through afterwards."""


class RateLimited(Refused):
    """Too many tries to sign in from one place, or altogether."""

    code, exit_status = "KL-310", 38
    hint = "Nothing was changed. Wait a moment, then try again."

    def __init__(self, sentence: str, *, hint: str | None = None, retry_after: int = 1) -> None:
        super().__init__(sentence, hint=hint)
        self.retry_after = retry_after
        """Whole seconds after which one more try is let through."""


class WrongMachine(Refused):
    """The lease gives its sessions to another machine."""

    code, exit_status = "KL-311", 81
    hint = "Is it to be this machine from now on? `keylease configure --this-machine`, with a fresh sign-in."


class BadProof(Refused):
    """The request does not prove that it comes from the machine that it names."""

    code, exit_status = "KL-312", 82
    hint = "Is this machine's clock right? If it stays, update keylease here and at the server."


class NotGranted(Refused):
    """No grant lets this person lease that permission set in that account."""

    code, exit_status = "KL-302", 30
    hint = "`keylease sets` shows what you may ask for."


class OwnRequest(Refused):
    """Nobody decides on a request of their own."""

    code, exit_status = "KL-303", 31
    hint = "Ask one of the other approvers; `keylease show` names them."


class TooManyOpen(Refused):
    """Somebody has as many leases and requests open as one person may have."""

    code, exit_status = "KL-321", 76
    hint = "Give back what you no longer need, or take back a request."


class NotApprover(Refused):
    """The grant names other approvers."""

    code, exit_status = "KL-304", 32
    hint = "`keylease show` names who may decide."


class NotYours(Refused):
    """The lease belongs to somebody else."""

    code, exit_status = "KL-305", 33
    hint = "`keylease list` shows your own leases."


class NotAuditor(Refused):
    """The audit trail is for those whom the configuration names."""

    code, exit_status = "KL-306", 34
    hint = "Ask an administrator to name you under `auditors`."


class CrossSite(Refused):
    """A page of another site tried to act with this browser's sign-in."""

    code, exit_status = "KL-307", 35
    hint = "Open keylease's own page and act there."


class BrokerIsNoAdministrator(Refused):
    """What an administrator does was tried with the broker's own credentials."""

    code, exit_status = "KL-320", 39
    hint = "Name an administrator's profile with --profile; the broker must never be able to do this."


class NoSuchLease(Missing):
    """No lease has that id, or it is not for this person to see."""

    code, exit_status = "KL-401", 40
    hint = "`keylease list` shows your leases."


class NotApproved(Conflict):
    """The lease waits for an approver, or was denied."""

    code, exit_status = "KL-402", 41
    hint = "`keylease show` says who may decide."


class AlreadyCollected(Conflict):
    """The access key went to its owner once; it is nowhere to be shown again."""

    code, exit_status = "KL-403", 42
    hint = "Lost it? `keylease new-key` makes another with the same end. Not you? `keylease revoke` it at once."


class AlreadyDecided(Conflict):
    """Somebody decided on this request before."""

    code, exit_status = "KL-404", 43
    hint = "Nothing is left to do."


class TooLate(Conflict):
    """What was to be taken back has happened already, or never did."""

    code, exit_status = "KL-420", 116
    hint = "Once it was collected, a lease is ended with `keylease revoke`."


class NothingToReplace(Conflict):
    """Only a lease whose access key was collected and still works has one to replace."""

    code, exit_status = "KL-421", 117
    hint = "`keylease show` says what the lease is; `keylease renew` asks again for one that has ended."


class LeaseOver(Conflict):
    """The lease has ended, or is ending."""

    code, exit_status = "KL-405", 44
    hint = "Ask again: `keylease renew` fills in what you asked for last time."


class SetChanged(Conflict):
    """The permission set is no longer what was approved."""

    code, exit_status = "KL-412", 77
    hint = "Ask again: what you get is then what the configuration says now."


class ChangedMeanwhile(Conflict):
    """Another act on the same lease came first."""

    code, exit_status = "KL-406", 45
    hint = "Look at the lease, then decide anew."


class OtherAccount(Conflict):
    """An administrator's credentials are of an account that the configuration does not name."""

    code, exit_status = "KL-407", 46
    hint = "Name a profile of one of the accounts with --profile."


class PlanOutdated(Conflict):
    """What AWS holds has changed since the plan was made; nothing more was changed."""

    code, exit_status = "KL-408", 47
    hint = "Run it again: it shows a new plan."


class LockedOut(Refused):
    """The plan would leave nobody able to administer the account, or not the one who applies it."""

    code, exit_status = "KL-830", 140
    hint = "docs/guardrails.md, part No lock-out, says in which order to go on."


class TooManyDeletes(Refused):
    """The plan deletes more than the share that `baseline.deletes` allows."""

    code, exit_status = "KL-831", 142
    hint = "Is it the right configuration, with all its parts? If these are to go, add --force."


class ApplyStopped(Unavailable):
    """A change of the plan failed; the sentence says which, and what was done before it."""

    code, exit_status = "KL-832", 143
    hint = "`keylease baseline plan` shows what is left; `apply` goes on from there, `rollback` takes it back."


class NothingKept(Missing):
    """There is no apply of this account that could be taken back."""

    code, exit_status = "KL-833", 144
    hint = "`keylease baseline applies` lists what was kept, and where."


class KeptBroken(Unsafe):
    """What an apply kept cannot be read, so nothing can be taken back by it."""

    code, exit_status = "KL-834", 145
    hint = "Is it keylease's own file, whole? What it holds is written in docs/guardrails.md."


class BadGuardrail(Invalid):
    """The configuration asks for a guardrail that cannot be made; the sentence says why."""

    code, exit_status = "KL-835", 146
    hint = "docs/guardrails.md says what each guardrail needs."


class NotInOrganization(Missing):
    """The account is not the management account of an organization."""

    code, exit_status = "KL-836", 147
    hint = (
        "Run this part with the management account's credentials, or use people.boundary in a standalone account."
    )


class FencesNotAhead(Conflict):
    """Fences were to be made ahead, and the configuration does not say so."""

    code, exit_status = "KL-409", 48
    hint = "Set fences_ahead = true; without it the next pass deletes every fence that nobody wears."


class OtherKind(Conflict):
    """A lease of one kind was asked for what only the other kind gives."""

    code, exit_status = "KL-410", 49
    hint = "`keylease collect` is for access keys; sessions come by themselves after `keylease configure`."


class NothingLaunched(Conflict):
    """This server is not configured to watch what leases launch in that account, or another process does."""

    code, exit_status = "KL-413", 90
    hint = "An administrator names regions under [launch]; see docs/how-to/launch.md."


class AwsUnreachable(Unavailable):
    """AWS did not answer."""

    code, exit_status = "KL-501", 50
    hint = "Nothing was used up. Try again in a minute; keylease goes on trying where it has begun."


class AwsDenied(Unavailable):
    """AWS refuses keylease a permission; the sentence names it."""

    code, exit_status = "KL-502", 51
    hint = "`keylease broker-policy` prints the policy that has it; `keylease doctor` lists all that is missing."


class AwsThrottled(Unavailable):
    """AWS asks for fewer calls."""

    code, exit_status = "KL-503", 52
    hint = "Nothing was used up. Try again in a minute."


class AwsCredentials(Unavailable):
    """keylease has no AWS credentials of its own, or they are no longer accepted."""

    code, exit_status = "KL-504", 53
    hint = "`keylease doctor` says which credentials it used and where they came from."


class FenceDiffers(Unavailable):
    """A fence in the account is not, byte by byte, what it should be."""

    code, exit_status = "KL-505", 54
    hint = "Somebody edited it, so it cannot end a lease. Find out who (CloudTrail: CreatePolicyVersion)."


class AwsQuota(Unavailable):
    """A quota of the account is used up."""

    code, exit_status = "KL-506", 55
    hint = "`keylease doctor` shows the quotas in use."


class AwsFailed(Unavailable):
    """AWS answered in a way that nobody here expected."""

    code, exit_status = "KL-507", 56
    hint = "Try again; if it stays, `keylease doctor` may say why."


class FenceMissing(Unavailable):
    """Fences are made ahead here, and there is none for the day on which the lease ends."""

    code, exit_status = "KL-508", 59
    hint = "An administrator makes them: `keylease fences make --until 26w`."


class NobodyDecides(Refused):
    """The grant names nobody who could decide on this person's request."""

    code, exit_status = "KL-424", 121
    hint = "Tell an administrator; they read of it, too. The grant needs somebody besides you who approves."


class NotDelivered(Unavailable):
    """A mail or a chat message did not go out; it is tried again, and no lease depends on it."""

    code, exit_status = "KL-422", 118
    hint = "Is the server of `notify` reachable, and does it take the password?"


class NoSuchFeed(Missing):
    """A calendar's address that is not, or no longer, good."""

    code, exit_status = "KL-423", 119
    hint = "“Notices and calendar” makes a new one."


class BadAddress(Invalid):
    """What was written is no mail address."""

    code, exit_status = "KL-250", 120
    hint = "Write one such as mara.lind@example.com, or nothing."


class DirectoryUnreachable(Unavailable):
    """The company's directory does not answer, or not as OpenID Connect has it."""

    code, exit_status = "KL-551", 57
    hint = "Nothing was used up. Try again in a minute; leases that are there go on."


class MetricsNotAllowed(Refused):
    """The figures for Prometheus were asked for without their token."""

    code, exit_status = "KL-509", 103
    hint = "Set `server.metrics_token_file`, and send its content as a bearer token (docs/how-to/watching.md)."


class StoreBusy(Unavailable):
    """The ledger's database is locked by somebody else."""

    code, exit_status = "KL-601", 60
    hint = "Nothing was changed. Try again; if it stays, look which program holds the file open."


class StoreFull(Unavailable):
    """The ledger cannot be written: the disk is full or read-only."""

    code, exit_status = "KL-602", 61
    hint = "Nothing was changed. Make room; what can be removed from AWS goes on ending by itself."


class StoreNewer(Unsafe):
    """The ledger was written by a newer keylease than this one."""

    code, exit_status = "KL-603", 62
    hint = "Run the newer keylease, or restore a ledger of this one's age."


class ChainBroken(Unsafe):
    """The audit chain does not hold; the sentence names the first bad record."""

    code, exit_status = "KL-604", 63
    hint = "Keep the database as it is and compare it with a backup."


class StoreFailed(Unavailable):
    """The ledger's database did not do what it was told."""

    code, exit_status = "KL-605", 64
    hint = "Nothing was changed. `keylease doctor` looks at the database."


class LedgerEmpty(Unsafe):
    """AWS holds leased users and the ledger knows no lease at all: it is the wrong ledger, or a lost one."""

    code, exit_status = "KL-606", 65
    hint = "Check `store.url`. If these users are to go, run the pass once with --unsafe-empty-ledger."


class StoreAway(Unavailable):
    """The ledger's database does not answer. Whether the last act was still written is not known."""

    code, exit_status = "KL-607", 100
    hint = "Look at the lease, then try again. `keylease doctor` says what the database answers."


class StoreNotEmpty(Conflict):
    """A ledger was to be copied to where there is one already."""

    code, exit_status = "KL-608", 101
    hint = "Name a database that holds no ledger; nothing was changed."


class StoreNotShared(Unsafe):
    """Processes on several machines need one ledger, and this one is a file."""

    code, exit_status = "KL-609", 102
    hint = "Name a database of PostgreSQL in `store.url`; `keylease store copy` takes the ledger there."


class ServerUnreachable(Unavailable):
    """The CLI cannot reach the keylease server."""

    code, exit_status = "KL-701", 70
    hint = "Is `keylease serve` running? KEYLEASE_SERVER, or `server.address`, says where the CLI looks."


class FileNotWritten(Unavailable):
    """A file on the person's own machine cannot be read or written."""

    code, exit_status = "KL-702", 71
    hint = "Make room, or name another place."


class NotOurs(Conflict):
    """The file or profile to write to holds what keylease did not write, so it stays as it is."""

    code, exit_status = "KL-703", 72
    hint = "Name another one, or move what is there away."


class SignInUnderWay(Conflict):
    """Another keylease on this machine holds the terminal's sign-in, and goes on holding it."""

    code, exit_status = "KL-704", 73
    hint = "Finish the sign-in in the other terminal, or end that command; then try again."


class SignInNotKept(Unavailable):
    """The terminal's sign-in cannot be kept on this machine, or not be read again."""

    code, exit_status = "KL-705", 74
    hint = "docs/how-to/terminal.md says where it is kept and what that needs."


class PortTaken(Conflict):
    """Another program listens where the agent wants to."""

    code, exit_status = "KL-706", 75
    hint = "`keylease agent status` says whether it is an agent. Else name another port with --port."


class FindingsBeyondLimit(Refused):
    """The audit found something as bad as `--fail-on` says, or worse."""

    code, exit_status = "KL-801", 131
    hint = "Mend it, or suppress it with a reason and an end date (--suppressions)."


class NotAllSeen(Refused):
    """The audit could not look at everything, so it cannot say that nothing is as bad as `--fail-on` says."""

    code, exit_status = "KL-802", 132
    hint = "Give the credentials what is missing, or accept it with --allow-gaps."


class BadSuppressions(Invalid):
    """A file of suppressions cannot be read; the sentence says where."""

    code, exit_status = "KL-803", 133
    hint = "Each [[suppress]] has `check`, `reason` and `until`, and may have `subject` and `account`."


class BadLastRun(Invalid):
    """The report of an earlier run cannot be read."""

    code, exit_status = "KL-804", 134
    hint = "It is what `keylease audit --json` writes; name another file, or remove it."


class NotAdopted(Missing):
    """There is no such user, or it was not adopted."""

    code, exit_status = "KL-810", 135
    hint = "`keylease adopt list` shows all adopted users."


class TooLateToUndo(Conflict):
    """The access keys are deleted; nothing brings them back."""

    code, exit_status = "KL-811", 136
    hint = "Let its owner ask for a lease."


class AdoptionFailed(Invalid):
    """An adoption, or its postponement, cannot be like that."""

    code, exit_status = "KL-812", 138
    hint = "Name a later instant; to end sooner, undo the adoption and adopt anew."


class BadPromise(Conflict):
    """Somebody changed the tags that say when an adopted user ends."""

    code, exit_status = "KL-813", 139
    hint = "Mend the tag keylease:adopted-ends (2026-12-31T00:00:00Z), or take all keylease:adopted- tags away."


class NoticeNotSent(Unavailable):
    """An owner could not be told; nothing that depends on it is done until they were."""

    code, exit_status = "KL-814", 128
    hint = "Mend the program that sends mail, or use --outbox; then run it again."


class RootInUse(Conflict):
    """The root user, or a key of it, is in use."""

    code, exit_status = "KL-820", 129
    hint = "`keylease root uses` says by what, from where, and which permission set would do."


class NotRoot(Refused):
    """What only the root user can do to itself was asked with somebody else's credentials."""

    code, exit_status = "KL-821", 137
    hint = "Use a profile with the root user's own credentials: `aws login` as root, or the key itself."


class MembersKeepRoot(Unavailable):
    """Some member accounts could not be looked into; their root users may have credentials."""

    code, exit_status = "KL-822", 127
    hint = "Look at the reasons, and run it again."


def tree(root: type[KeyleaseError] = KeyleaseError) -> Iterator[type[KeyleaseError]]:
    """Every failure with a code of its own, in the order in which they stand here."""
    for failure in root.__subclasses__():
        if "code" in vars(failure):
            yield failure
        yield from tree(failure)


def by_code(code: str) -> type[KeyleaseError]:
    """The failure that has this code; `KeyleaseError` itself for one that is not known here."""
    return next((failure for failure in tree() if failure.code == code), KeyleaseError)
