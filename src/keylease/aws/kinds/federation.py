"""Directories that an account trusts: SAML and OpenID Connect providers of IAM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keylease.aws.failures import AlreadyExists, NoSuchEntity, ask
from keylease.aws.kinds.kind import TAG, Asked, Kind, Place, is_ours, tag_list
from keylease.domain.guardrail import Found, Properties

_TAGS = {TAG: "federation"}


def read(at: Place, asked: Asked) -> Iterator[Found]:
    """The providers that are ours or wanted."""
    for one in ask(at.iam.list_saml_providers)["SAMLProviderList"]:
        found = ask(at.iam.get_saml_provider, SAMLProviderArn=one["Arn"])
        name = one["Arn"].partition("/")[2]
        properties = {"metadata": found["SAMLMetadataDocument"]}
        yield from _provider("saml-provider", name, properties, found.get("Tags", []), asked)
    for one in ask(at.iam.list_open_id_connect_providers)["OpenIDConnectProviderList"]:
        found = ask(at.iam.get_open_id_connect_provider, OpenIDConnectProviderArn=one["Arn"])
        name = one["Arn"].partition("/")[2]
        properties = {"client_ids": sorted(found["ClientIDList"])}
        yield from _provider("oidc-provider", name, properties, found.get("Tags", []), asked)


def _provider(
    kind: str, name: str, properties: Properties, tags: list[dict[str, str]], asked: Asked
) -> Iterator[Found]:
    ours = is_ours(tags={tag["Key"]: tag["Value"] for tag in tags}, name=name)
    if ours or f"{kind}/{name}" in asked.keys:
        yield Found(kind=kind, name=name, properties=properties, ours=ours, part="federation" if ours else "")


class SamlProvider:
    """A directory that is trusted by its SAML metadata."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it."""
        tags = tag_list(_TAGS)
        try:
            ask(at.iam.create_saml_provider, Name=name, SAMLMetadataDocument=after["metadata"], Tags=tags)
        except AlreadyExists:
            self.update(at, name, {}, after)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Give it other metadata: from then on assertions that the old one signed are refused."""
        del before
        arn = at.arn("iam", f"saml-provider/{name}")
        ask(at.iam.update_saml_provider, SAMLProviderArn=arn, SAMLMetadataDocument=after["metadata"])

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take it away."""
        del before
        try:
            ask(at.iam.delete_saml_provider, SAMLProviderArn=at.arn("iam", f"saml-provider/{name}"))
        except NoSuchEntity:
            return


class OidcProvider:
    """A directory that is trusted by its issuer; its name is the issuer without `https://`."""

    def create(self, at: Place, name: str, after: Properties) -> None:
        """Make it. AWS checks its certificate against its own list of authorities."""
        try:
            ask(
                at.iam.create_open_id_connect_provider,
                Url=f"https://{name}",
                ClientIDList=after["client_ids"],
                Tags=tag_list(_TAGS),
            )
        except AlreadyExists:
            self.update(at, name, {"client_ids": []}, after)

    def update(self, at: Place, name: str, before: Properties, after: Properties) -> None:
        """Add and remove applications; adding one that is there does no harm."""
        arn = at.arn("iam", f"oidc-provider/{name}")
        add: Any = at.iam.add_client_id_to_open_id_connect_provider
        remove: Any = at.iam.remove_client_id_from_open_id_connect_provider
        for client_id in sorted(set(after["client_ids"]) - set(before["client_ids"])):
            ask(add, OpenIDConnectProviderArn=arn, ClientID=client_id)
        for client_id in sorted(set(before["client_ids"]) - set(after["client_ids"])):
            ask(remove, OpenIDConnectProviderArn=arn, ClientID=client_id)

    def delete(self, at: Place, name: str, before: Properties) -> None:
        """Take it away."""
        del before
        arn = at.arn("iam", f"oidc-provider/{name}")
        try:
            ask(at.iam.delete_open_id_connect_provider, OpenIDConnectProviderArn=arn)
        except NoSuchEntity:
            return


KINDS: Mapping[str, Kind] = {"saml-provider": SamlProvider(), "oidc-provider": OidcProvider()}
