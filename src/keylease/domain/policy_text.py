"""Policy documents as text for people and their tools: JSON, CloudFormation, Terraform.

Each takes documents by name (`{"keylease-issuer": {...}}`) and gives one whole file. Names are the policies' names
in AWS; what the tools call them inside is made from these. Every file is the same for the same documents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Documents = Mapping[str, Mapping[str, Any]]


def as_json(documents: Documents) -> str:
    """One document alone as it goes to AWS; several as a table by name."""
    alone = next(iter(documents.values())) if len(documents) == 1 else documents
    return json.dumps(alone, indent=2) + "\n"


def as_cloudformation(documents: Documents) -> str:
    """A CloudFormation template in YAML with an `AWS::IAM::ManagedPolicy` for each document."""
    lines = ["AWSTemplateFormatVersion: '2010-09-09'", "Resources:"]
    for name, document in documents.items():
        logical = "".join(word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", name))
        properties = {"ManagedPolicyName": name, "PolicyDocument": document}
        lines += [f"  {logical}:", "    Type: AWS::IAM::ManagedPolicy", "    Properties:"]
        lines += [f"      {line}" for line in _yaml(properties)]
    return "\n".join(lines) + "\n"


def as_terraform(documents: Documents) -> str:
    """Terraform configuration with an `aws_iam_policy` for each document."""
    return "\n".join(_terraform(name, document) for name, document in documents.items())


def _terraform(name: str, document: Mapping[str, Any]) -> str:
    label = re.sub(r"[^A-Za-z0-9]+", "_", name)
    text = (
        json.dumps(document, indent=2, separators=(",", " : "))
        .replace("${", "$${")
        .replace("%{", "%%{")
        .replace("\n", "\n  ")
    )
    lines = (f'resource "aws_iam_policy" "{label}" {{', f"  name = {json.dumps(name)}")
    return "\n".join((*lines, f"  policy = jsonencode({text})", "}")) + "\n"


def _yaml(value: object) -> Iterator[str]:
    """The lines of a value. Texts are written as in JSON, which YAML reads the same."""
    match value:
        case Mapping():
            for key, inner in value.items():
                yield from _entry(f"{_key(str(key))}:", inner)
        case list() | tuple():
            for inner in value:
                first, *rest = _yaml(inner)
                yield f"- {first}"
                yield from (f"  {line}" for line in rest)
        case _:
            yield json.dumps(value)


def _entry(head: str, inner: object) -> Iterator[str]:
    if isinstance(inner, Mapping | list | tuple) and inner:
        yield head
        yield from (f"  {line}" for line in _yaml(inner))
    else:
        yield f"{head} {json.dumps(inner)}"


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z]+", text) else json.dumps(text)
