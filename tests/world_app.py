"""What a real server serves in tests: the whole program over a world's ledger and its fake AWS."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from keylease.app import App
from keylease.browsers import Browsers, Stay
from keylease.domain.access import Principal
from keylease.health import Health
from keylease.identity.unsafe import UnsafePeople
from keylease.notices import Book, Notices
from keylease.second_thoughts import SecondThoughts
from keylease.session_leases import SessionLeases
from keylease.terminals import TerminalSignIns
from keylease.testing_sign_ins import memory_kept
from keylease.testing_telling import memory_telling
from world import World


def app_of(world: World, people: Sequence[Principal]) -> App:
    """Any of these people may be chosen as whoever visits."""
    unsafe, kept = UnsafePeople(people, world.clock), memory_kept()
    return App(
        catalogue=world.catalogue,
        store=world.store,
        clouds=world.clouds,
        clock=world.clock,
        broker=world.broker,
        visibility=world.visibility,
        reconciler=world.reconciler,
        health=Health(broker=world.broker, reconciler=world.reconciler, clock=world.clock),
        second_thoughts=SecondThoughts(
            broker=world.broker,
            store=world.store,
            clouds=world.clouds,
            catalogue=world.catalogue,
            clock=world.clock,
        ),
        session_leases=SessionLeases(
            store=world.store, clouds=world.clouds, catalogue=world.catalogue, clock=world.clock
        ),
        sign_in=unsafe,
        browsers=Browsers(sign_in=unsafe, kept=kept, store=world.store, clock=world.clock, stay=Stay()),
        terminals=TerminalSignIns(kept=kept, store=world.store, clock=world.clock, lasts=timedelta(days=30)),
        unsafe=unsafe,
        telling=(telling := memory_telling()),
        notices=Notices(
            store=world.store,
            telling=telling,
            clouds=world.clouds,
            catalogue=world.catalogue,
            clock=world.clock,
            book=Book(),
            address="http://127.0.0.1",
        ),
        unsafe_people={person.subject: person.name for person in people},
    )
