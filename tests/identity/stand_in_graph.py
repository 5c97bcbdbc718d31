"""Microsoft Graph over HTTP, as far as keylease asks it, with people who can be disabled, deleted and moved.

It answers batches in reverse, pages what is long, throttles when it is told to, and wants its own access token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from serving import Asked, Reply, serving

PAGE = 3


@dataclass
class Person:
    """Somebody in the directory; `enabled` None is what Graph says where it may not tell."""

    enabled: bool | None = True
    groups: set[str] = field(default_factory=set)


@dataclass
class StandInGraph:
    """The directory, and how it answers. `busy` answers the next requests, `busy_questions` the next parts."""

    address: str = ""
    people: dict[str, Person] = field(default_factory=dict)
    busy: list[Reply] = field(default_factory=list)
    busy_questions: list[dict[str, Any]] = field(default_factory=list)
    token: str = "graph-access-token"
    asked: list[Asked] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    overlook: Callable[[str], bool] = lambda _: False
    next_page: str | None = None

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return Reply(401, {"error": {"code": "InvalidAuthenticationToken"}})
        if self.busy:
            return self.busy.pop(0)
        path = asked.path.removeprefix("/v1.0")
        if path == "/$batch":
            return Reply(200, {"responses": self._batch(json.loads(asked.body)["requests"])})
        status, body = self._one(asked.method, path, json.loads(asked.body or b"null"))
        return Reply(status, body)

    def _batch(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        assert len(requests) <= 20, "Graph takes twenty"
        replies = []
        for one in requests:
            self.questions.append(one["url"])
            if self.overlook(one["url"]):
                continue
            if self.busy_questions:
                replies.append({"id": one["id"], **self.busy_questions.pop(0)})
                continue
            status, body = self._one(one["method"], one["url"], one.get("body"))
            replies.append({"id": one["id"], "status": status, "headers": {}, "body": body})
        return replies[::-1]

    def _one(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        found = re.fullmatch(r"/users/([0-9a-f-]{36})(/\w+)?", urlsplit(path).path)
        person = self.people.get(found[1]) if found else None
        if found is None or person is None:
            return 404, {"error": {"code": "Request_ResourceNotFound", "message": "x"}}
        match method, found[2]:
            case "GET", None:
                return 200, {"id": found[1], "accountEnabled": person.enabled}
            case "POST", "/checkMemberGroups":
                return self._members(person, body["groupIds"])
            case _, "/getMemberGroups":
                return self._page(path, sorted(person.groups))
        return 400, {"error": {"code": "BadRequest"}}

    def _members(self, person: Person, asked: list[str]) -> tuple[int, Any]:
        assert 0 < len(asked) <= 20, "checkMemberGroups takes twenty"
        if not all(re.fullmatch(r"[0-9a-f-]{36}", group) for group in asked):
            return 400, {"error": {"code": "Request_BadRequest"}}
        return 200, {"value": [group for group in asked if group in person.groups]}

    def _page(self, path: str, groups: list[str]) -> tuple[int, Any]:
        begin = int(parse_qs(urlsplit(path).query).get("$skiptoken", ["0"])[0])
        page: dict[str, Any] = {"value": groups[begin : begin + PAGE]}
        if begin + PAGE < len(groups):
            onward = f"{self.address}/v1.0{urlsplit(path).path}?$skiptoken={begin + PAGE}"
            page["@odata.nextLink"] = self.next_page or onward
        return 200, page


@contextmanager
def stand_in_graph() -> Iterator[StandInGraph]:
    made = StandInGraph()
    with serving(made.reply) as address:
        made.address = address
        yield made
