"""The tool that looks for ways out of the fence that nobody has judged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

CHECKS = Path(__file__).parents[2] / "checks"


@pytest.fixture(scope="module")
def check() -> ModuleType:
    sys.path.insert(0, str(CHECKS))
    try:
        import outlive  # the tool is no package
    finally:
        sys.path.remove(str(CHECKS))
    return outlive


def run(*edit: str) -> subprocess.CompletedProcess[str]:
    start = f"import sys; sys.path.insert(0, {str(CHECKS)!r}); import outlive"
    program = "; ".join((start, *edit, "sys.exit(outlive.main())"))
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)


def test_everything_that_the_locked_data_holds_is_judged() -> None:
    done = run()

    assert (done.returncode, done.stdout) == (0, "")
    assert "matches nothing any more" not in done.stderr


def test_an_operation_that_nobody_has_judged_is_named_and_fails(tmp_path: Path) -> None:
    reviewed = tmp_path / "reviewed.txt"
    text = (CHECKS / "outlive-reviewed.txt").read_text("utf-8")
    reviewed.write_text(text.replace("\nevs:GetDepotUrl depotUrl token\n", "\n"), "utf-8")
    done = run(f"import pathlib; outlive.REVIEWED = pathlib.Path({str(reviewed)!r})")

    assert (done.returncode, done.stdout) == (1, "not judged: evs:GetDepotUrl depotUrl token\n")


@pytest.mark.parametrize(
    "action", ["connect:StartEmailContact", "xray:CreateSamplingRule", "s3:PutBucketVersioning"]
)
def test_a_write_that_nobody_has_judged_is_named_and_fails(tmp_path: Path, action: str) -> None:
    reviewed, (service, name) = tmp_path / "reviewed.txt", action.split(":")
    lines = (CHECKS / "outlive-reviewed.txt").read_text("utf-8").splitlines()
    of_service = [number for number, line in enumerate(lines) if line.startswith(f"{service}: ")]
    for number in of_service:
        lines[number] = lines[number].replace(f" {name}", "")
    reviewed.write_text("\n".join(line for line in lines if line != f"{service}:"), "utf-8")
    done = run(f"import pathlib; outlive.REVIEWED = pathlib.Path({str(reviewed)!r})")

    assert (done.returncode, done.stdout) == (1, f"not judged: {action}\n")


@pytest.mark.parametrize(
    "action",
    [
        "ssm:UpdateAssociation",
        "route53domains:UpdateDomainNameservers",
        "kafka:PutClusterPolicy",
        "guardduty:AcceptInvitation",
        "servicecatalog:AssociatePrincipalWithPortfolio",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:AttachVolume",
        "ssm:RegisterTaskWithMaintenanceWindow",
        "states:StartExecution",
        "ses:CreateReceiptRule",
    ],
)
def test_writes_to_what_is_there_are_searched(check: ModuleType, action: str) -> None:
    assert check.Found(action=action, entry=action) in list(check.writing_actions())


def test_an_answer_with_another_member_is_not_judged_by_an_old_entry(check: ModuleType) -> None:
    found = check.Found(action="evs:GetDepotUrl", entry="evs:GetDepotUrl depotUrl password token")

    assert check.unjudged([found], {"evs:GetDepotUrl depotUrl token": "a reason"}) == [found]
    assert check.unjudged([found], {found.entry: "a reason"}) == []


@pytest.mark.parametrize(
    ("action", "is_judged"),
    [
        ("iam:CreateAccessKey", True),  # a record
        ("iam:CreateSomethingThatDoesNotExistYet", True),  # the core denies it unseen
        ("secretsmanager:GetSecretValue", True),  # told
        ("iam:GetSecretOfSomebody", False),  # a read: accepted as a pattern, which vouches for no answer
        ("iam:BorrowCredentials", False),
        (
            "quicksight:GetAnotherEmbedUrl",
            False,
        ),  # denied in the last hours only: somebody must say that this is enough
    ],
)
def test_what_counts_as_judged(check: ModuleType, action: str, is_judged: bool) -> None:  # noqa: FBT001 - a case
    found = check.Found(action=action, entry=f"{action} SecretAccessKey")

    assert (check.unjudged([found], {}) == []) == is_judged


def test_secrets_are_found_however_deep_and_what_only_points_is_not(check: ModuleType) -> None:
    shapes = {
        "Answer": {
            "type": "structure",
            "members": {
                "NextToken": {"shape": "Text"},
                "clientToken": {"shape": "Text"},
                "SecretArn": {"shape": "Text"},
                "TokenType": {"shape": "Text"},
                "PasswordLastUsed": {"shape": "Text"},
                "TokenCount": {"shape": "Number"},
                "CredentialKind": {"shape": "Choice"},
                "List": {"shape": "List"},
            },
        },
        "List": {"type": "list", "member": {"shape": "Item"}},
        "Item": {"type": "structure", "members": {"Map": {"shape": "Map"}, "Again": {"shape": "Answer"}}},
        "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Leaf"}},
        "Leaf": {
            "type": "structure",
            "members": {"UploadUrls": {"shape": "Texts"}, "sessionToken": {"shape": "Text"}},
        },
        "Texts": {"type": "list", "member": {"shape": "Text"}},
        "Text": {"type": "string"},
        "Choice": {"type": "string", "enum": ["a"]},
        "Number": {"type": "integer"},
    }

    assert check._Members(shapes).of("Answer") == {"UploadUrls", "sessionToken"}


def test_an_entry_under_no_reason_is_refused(check: ModuleType) -> None:
    with pytest.raises(ValueError, match="no reason"):
        check.reviewed("# a comment\n\ns3:GetObject url\n")
    assert check.reviewed("## why\ns3:GetObject url\n") == {"s3:GetObject url": "why"}
    assert check.reviewed("## why\ns3: PutObject PutTag\n") == {"s3:PutObject": "why", "s3:PutTag": "why"}


def test_every_group_of_reviewed_operations_gives_its_reason(check: ModuleType) -> None:
    entries = check.reviewed((CHECKS / "outlive-reviewed.txt").read_text("utf-8"))

    assert len(entries) > 1000
    assert all(len(reason) > 30 and reason.endswith(".") for reason in entries.values())
