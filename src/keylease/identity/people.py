"""Who is still in the company's directory, and in which groups: asked of Microsoft Graph.

Two application permissions are enough, and the least that Graph takes for this: `User.Read.All` (`accountEnabled`
is not among what the lesser `User.ReadBasic.All` shows) and `GroupMember.Read.All`. Groups with a hidden membership
need `Member.Read.Hidden` besides; without it Graph answers as if nobody were in them.

Somebody is gone who is not found, whose account is disabled, or who is in none of the groups that were asked for,
directly or by way of others (where every one is needed: not in all). Every other answer says nothing of the person,
and then they are not gone. App roles cannot be looked up with so few permissions: where one of several is enough,
and a role is among them, only the person is.

Graph is asked for the people in question and not for what has changed (delta queries): a delta lists direct members
alone, and needs a state that is kept. From Microsoft's references of delta queries, checkMemberGroups,
getMemberGroups and the user resource.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta

from keylease.domain.access import who_is
from keylease.errors import DirectoryUnreachable
from keylease.identity.entra import ID
from keylease.identity.graph import PERMISSIONS, Answer, Graph, Question

log = logging.getLogger(__name__)

GROUPS_AT_ONCE = 20
"""Of one checkMemberGroups."""
IN_THE_BACKGROUND = timedelta(minutes=5)
AT_SIGN_IN = timedelta(seconds=10)
"""How long Graph may make keylease wait in all."""
NOT_FOUND = "Request_ResourceNotFound"


class EntraPeople:
    """Implements `ports.People`, and answers what groups a token had no room for."""

    def __init__(self, graph: Graph, *, issuer: str) -> None:
        self._graph = graph
        self._issuer = issuer

    def gone(self, principals: Mapping[str, frozenset[str]], *, every: bool = False) -> Mapping[str, str]:
        """Who of these is gone, each with a sentence. Raises `DirectoryUnreachable`."""
        resting = {one: _lookable(principals[one], every=every) for one in principals}
        asked = {one: _questions(subject, resting[one]) for one, subject in self._ours(principals).items()}
        questions = [question for some in asked.values() for question in some]
        answers = self._graph.answers(questions, patience=IN_THE_BACKGROUND)
        lost, unknown = {}, []
        for one, some in asked.items():
            sentence = _judged([next(answers) for _ in some], len(resting[one]) if every else 1)
            if sentence is None:
                unknown.append(one)
            elif sentence:
                lost[one] = sentence
        _tell(len(asked), unknown)
        return lost

    def of(self, subject: str) -> frozenset[str]:
        """All groups of one person, also by way of others. Raises `DirectoryUnreachable`."""
        question = Question(path=f"/users/{subject}/getMemberGroups", body={"securityEnabledOnly": False})
        listed = self._graph.items(question, patience=AT_SIGN_IN)
        if not all(isinstance(one, str) for one in listed):
            raise DirectoryUnreachable("Microsoft Graph lists groups that have no names.")
        return frozenset(listed)

    def _ours(self, principals: Mapping[str, frozenset[str]]) -> dict[str, str]:
        """The subjects of those who are of this directory; others are not looked up."""
        known = {one: who_is(one) for one in principals}
        return {
            one: subject
            for one, (issuer, subject) in known.items()
            if issuer == self._issuer and ID.fullmatch(subject)
        }


def _lookable(groups: frozenset[str], *, every: bool) -> list[str]:
    """Those that can be looked up; none where one is enough that cannot."""
    found = sorted(filter(ID.fullmatch, groups))
    return found if every or len(found) == len(groups) else []


def _questions(subject: str, listed: Sequence[str]) -> list[Question]:
    """First whether the person is there, then of which of these groups they are, twenty at a time."""
    questions = [Question(path=f"/users/{subject}?$select=id,accountEnabled")]
    for begin in range(0, len(listed), GROUPS_AT_ONCE):
        some = list(listed[begin : begin + GROUPS_AT_ONCE])
        questions.append(Question(path=f"/users/{subject}/checkMemberGroups", body={"groupIds": some}))
    return questions


def _judged(answers: Sequence[Answer], needed: int) -> str | None:
    """What somebody has lost who must be in so many groups; empty where nothing, None where they do not say."""
    person, *memberships = answers
    return _presence(person) if _presence(person) != "" or not memberships else _membership(memberships, needed)


def _presence(answer: Answer) -> str | None:
    if answer.status == 404 and _code(answer) == NOT_FOUND:
        return "is not in the directory any more"
    enabled = answer.body.get("accountEnabled") if answer.status == 200 else None
    return {True: "", False: "is disabled in the directory"}.get(enabled) if isinstance(enabled, bool) else None


def _membership(answers: Sequence[Answer], needed: int) -> str | None:
    values = [answer.body.get("value") for answer in answers if answer.status == 200]
    found = [value for value in values if isinstance(value, list)]
    groups = sum(map(len, found))
    if groups >= needed:
        return ""
    lost = "has left a group that they signed in with" if groups else "is in none of the groups that count here"
    return lost if len(found) == len(answers) else None


def _code(answer: Answer) -> object:
    error = answer.body.get("error")
    return error.get("code") if isinstance(error, dict) else None


def _tell(asked: int, unknown: Sequence[str]) -> None:
    """Say of whom nothing is known. Raises `DirectoryUnreachable` where that is everybody."""
    if unknown and len(unknown) == asked:
        raise DirectoryUnreachable("Microsoft Graph says of nobody whether they are there.", hint=PERMISSIONS)
    if unknown:
        log.error("Microsoft Graph does not say whether these are there: %s. %s", ", ".join(unknown), PERMISSIONS)
