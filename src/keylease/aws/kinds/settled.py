"""What an account has once: its password policy, its alias, and EC2's defaults in each region.

AWS keeps no mark of who set one of these, so none counts as ours: where one is there and differs, it is adopted by
name or left alone. EC2's own defaults (no IMDSv2 demanded, disks not encrypted) count as not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keylease.aws.failures import NoSuchEntity, ask
from keylease.aws.kinds.kind import Asked, Kind, Place
from keylease.domain.guardrail import Found, Phase, Properties

ACCOUNT = "account"
_COMPUTED = {"ExpirePasswords"}
"""AWS says it and takes it not."""


def read_account(at: Place, asked: Asked) -> Iterator[Found]:
    """The password policy and the alias, where there are any."""
    del asked
    try:
        policy: Mapping[str, Any] = ask(at.iam.get_account_password_policy)["PasswordPolicy"]
        own = {name: value for name, value in policy.items() if name not in _COMPUTED}
        yield Found(kind="password-policy", name=ACCOUNT, properties=own, ours=False, phase=Phase.SETTLE)
    except NoSuchEntity:
        pass
    for alias in ask(at.iam.list_account_aliases)["AccountAliases"]:
        yield Found(kind="account-alias", name=ACCOUNT, properties={"alias": alias}, ours=False, phase=Phase.SETTLE)


def read_ec2(at: Place, asked: Asked) -> Iterator[Found]:
    """EC2's defaults in each region that is looked at."""
    for region in asked.regions:
        ec2 = at.service("ec2", region)
        if ask(ec2.get_ebs_encryption_by_default)["EbsEncryptionByDefault"]:
            yield Found(kind="ebs-encryption", name=region, properties={}, ours=False, phase=Phase.SETTLE)
        level = ask(ec2.get_instance_metadata_defaults).get("AccountLevel", {})
        own = {name: value for name, value in level.items() if name in ("HttpTokens", "HttpPutResponseHopLimit")}
        if own:
            yield Found(kind="imds-defaults", name=region, properties=own, ours=False, phase=Phase.SETTLE)


class PasswordPolicy:
    """The account's password policy. AWS replaces it whole."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Set it."""
        del name
        given = {key: value for key, value in after.items() if value is not None}
        ask(at.iam.update_account_password_policy, **given)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Set it anew, with what else is in it: what AWS is not told goes back to its default."""
        del before
        there: Mapping[str, Any] = ask(at.iam.get_account_password_policy)["PasswordPolicy"]
        own = {key: value for key, value in there.items() if key not in _COMPUTED}
        self.create(at, name, own | dict(after))

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take it away: AWS's own default holds again."""
        del name, before
        try:
            ask(at.iam.delete_account_password_policy)
        except NoSuchEntity:
            return


class AccountAlias:
    """The name in the address of the account's sign-in page; there is at most one."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Set it."""
        del name
        ask(at.iam.create_account_alias, AccountAlias=after["alias"])

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Replace it."""
        self.create(at, name, after)
        del before

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take it away."""
        del name
        try:
            ask(at.iam.delete_account_alias, AccountAlias=before["alias"])
        except NoSuchEntity:
            return


class EbsEncryption:
    """New disks are encrypted, in one region."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Switch it on."""
        del after
        ask(at.service("ec2", name).enable_ebs_encryption_by_default)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """It is on or off."""
        del before
        self.create(at, name, after)

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Switch it off."""
        del before
        ask(at.service("ec2", name).disable_ebs_encryption_by_default)


class ImdsDefaults:
    """How instances reach their metadata where their launch does not say, in one region."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Set what is named."""
        ask(at.service("ec2", name).modify_instance_metadata_defaults, **after)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Set it anew."""
        del before
        self.create(at, name, {key: _or_none(value) for key, value in after.items()})

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Have no preference again."""
        self.create(at, name, {key: _or_none(None) if key == "HttpTokens" else -1 for key in before})


def _or_none(value: Any) -> Any:
    return "no-preference" if value is None else value


KINDS: Mapping[str, Kind] = {
    "password-policy": PasswordPolicy(),
    "account-alias": AccountAlias(),
    "ebs-encryption": EbsEncryption(),
    "imds-defaults": ImdsDefaults(),
}
