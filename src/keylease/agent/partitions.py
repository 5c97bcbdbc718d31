"""The hosts of sign-in and console that each of AWS's partitions has of its own."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition's hosts; `{region}` stands for the region where the host has it."""

    sign_in: str
    console: str

    def sign_in_at(self, region: str) -> str:
        """The federation endpoint."""
        return f"https://{self.sign_in.format(region=region)}/federation"

    def console_at(self, region: str) -> str:
        """The console's first page in a region."""
        return f"https://{self.console}/console/home?{urlencode({'region': region})}"


PARTITIONS = {
    "aws": Partition(sign_in="signin.aws.amazon.com", console="console.aws.amazon.com"),
    "aws-cn": Partition(sign_in="signin.amazonaws.cn", console="console.amazonaws.cn"),
    "aws-us-gov": Partition(sign_in="signin.amazonaws-us-gov.com", console="console.amazonaws-us-gov.com"),
    "aws-eusc": Partition(sign_in="{region}.signin.amazonaws-eusc.eu", console="console.amazonaws-eusc.eu"),
}
