"""What gateways are given to serve from: all of it, then what changed, and never what is not theirs."""

import asyncio
import threading
import time
from datetime import date
from typing import Any

import msgspec
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlkit import ADMIN, ADMIN_SECRET, CLI, SECRET, a_credential, a_pool, a_workspace
from internal.kit import Control, until
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential
from stationmaster.entrances import live
from stationmaster.entrances.internal.compiler import Compiled, Compiler
from stationmaster.entrances.internal.journal import Journal
from stationmaster.gateway.core.records import Records, apply
from stationmaster.gateway.core.snapshot import Settings, VirtualKey
from stationmaster.gateway.link.control import Control as Link
from stationmaster.gateway.link.verify import verify
from stationmaster.operators import services as operators
from stationmaster.routing import services as routing
from stationmaster.settings import load
from stationmaster.store.changes import change, revision
from stationmaster.store.models import Dropped, Head
from stationmaster.workspaces import services as workspaces


def _stocked() -> None:
    """Something of each kind."""
    credentials.create_credential(ADMIN, a_credential("openai-a", prices={"gpt-*": {"input": 1, "output": 2}}))
    credentials.create_credential(ADMIN, a_credential("openai-b", secret=f"{SECRET}b"))
    routing.create_pool(ADMIN, a_pool("main", "openai-a", "openai-b"))
    routing.create_pool(ADMIN, a_pool("spare", "openai-b"))
    routing.create_route(ADMIN, {"models": ["gpt-*"], "pool": "main", "fallback": ["spare"], "aliases": {"fast": "gpt-5-mini"}})
    routing.create_key(ADMIN, {"name": "team-a", "pools": ["main"], "rpm": 60, "budget": {"day_usd": 2}})


def test_a_gateway_gets_everything(control: Control) -> None:
    """A gateway that has nothing gets each credential, pool, route and key as it was stored, prices and settings."""
    _stocked()
    at, records = control.records()
    assert at == revision()
    assert set(records.credential) == {"openai-a", "openai-b"}
    assert records.credential["openai-a"].secret == SECRET
    assert records.credential["openai-a"].prices[0].match.text == "gpt-*"
    assert [member.credential for member in records.pool["main"].members] == ["openai-a", "openai-b"]
    (route,) = records.route.values()
    assert (route.models, route.pool, route.fallback, route.aliases) == (("gpt-*",), "main", ("spare",), {"fast": "gpt-5-mini"})
    key = records.key["team-a"]
    assert (key.pools, key.rpm, key.budget.day) == (("main",), 60, 2_000_000_000)
    assert records.settings[""].port == 4000
    assert records.price["openai"].models


def test_who_is_up_to_date_gets_nothing(control: Control) -> None:
    """A gateway that has the present revision gets 204 once its time to wait is over."""
    at, _ = control.records()
    assert control.update(at) is None
    assert control.update(at, wait=1) is None


def test_a_change_comes_as_a_difference(control: Control) -> None:
    """What changed since the gateway's revision travels, and nothing else; applied, it is the same as all of it."""
    _stocked()
    at, records = control.records()
    credentials.update_credential(ADMIN, "openai-a", {"disabled": True})
    routing.delete_key(ADMIN, "team-a")
    update = control.update(at)
    assert update is not None
    assert (update.base, update.revision, update.size()) == (at, revision(), 2)
    records = apply(records, update)
    assert records == control.records()[1]
    assert records.credential["openai-a"].disabled
    assert not records.key


def test_a_gateway_that_waits_is_told_at_once(control: Control) -> None:
    """A waiting gateway gets a change that somebody makes meanwhile."""
    at, _ = control.records()
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(control.update(at, wait=30)))
    waiting.start()
    until(lambda: _waiting(control) == 1)
    credentials.create_credential(ADMIN, a_credential())
    waiting.join()
    assert next(iter(found[0].puts["credential"])).id == "openai-a"


def test_a_change_by_another_process_is_seen(control: Control) -> None:
    """A change that this process was not told of is found by looking at the revision."""
    at, _ = control.records()
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(control.update(at, wait=30)))
    waiting.start()
    until(lambda: _waiting(control) == 1)
    Head.objects.update(revision=at + 1)       # as if another process had written it
    waiting.join()
    assert (found[0].base, found[0].revision, found[0].size()) == (at, at + 1, 0)


def test_a_database_that_was_put_back_is_sent_whole(control: Control) -> None:
    """A gateway whose revision is ahead of the database's gets everything: an earlier state was restored."""
    _stocked()
    at, _ = control.records()
    update = control.update(at + 5)
    assert update is not None
    assert (update.base, update.revision) == (None, at)
    Head.objects.update(revision=at - 2)
    update = control.update(at)
    assert update is not None
    assert (update.base, update.revision) == (None, at - 2)


def test_a_setting_that_is_saved_reaches_gateways(control: Control) -> None:
    """An admin's change of a gateway setting travels as a difference."""
    at, _ = control.records()
    live.save_setting(ADMIN, "gateway.error_threshold", 9)
    update = control.update(at)
    assert update is not None
    (saved,) = update.puts["settings"]
    assert isinstance(saved, Settings)
    assert saved.error_threshold == 9


def test_a_disabled_key_is_taken_away_and_comes_back(control: Control) -> None:
    """A key that is disabled is dropped from gateways, and put there again when it is enabled."""
    routing.create_key(ADMIN, {"name": "team-a"})
    at, _ = control.records()
    routing.update_key(ADMIN, "team-a", {"disabled": True})
    update = control.update(at)
    assert update is not None
    assert update.drops["key"] == ["team-a"]
    assert control.records()[1].key == {}
    routing.update_key(ADMIN, "team-a", {"disabled": False})
    assert set(control.records()[1].key) == {"team-a"}


def test_a_rotated_key_is_known_by_both_hashes(control: Control) -> None:
    """While a rotation's grace lasts a gateway knows the key by its old hash, too."""
    routing.create_key(ADMIN, {"name": "team-a"})
    before = control.records()[1].key["team-a"]
    routing.rotate_key(ADMIN, "team-a", grace=3600)
    after = control.records()[1].key["team-a"]
    assert (after.previous_sha256, after.previous_until > 0) == (before.secret_sha256, True)
    assert after.secret_sha256 != before.secret_sha256


def test_no_admin_credential_is_ever_in_it(control: Control) -> None:
    """Workspaces and their admin credentials are no part of what gateways get: not whole, not as a difference, not by
    name, in no encoding that the frames could hold."""
    at, _ = control.records()
    workspaces.create_workspace(ADMIN, a_workspace("acme-admin"))
    workspaces.update_workspace(ADMIN, "acme-admin", {"secret": f"{ADMIN_SECRET}2"})
    for have in (0, at):
        body = control.ask(params={"have": have}).content
        assert ADMIN_SECRET.encode() not in body
        assert b"acme-admin" not in body
    update = control.update(at)
    assert update is not None
    assert update.size() == 0


def test_a_secret_that_does_not_open_takes_only_its_own_out(control: Control) -> None:
    """A credential whose sealed secret was damaged is out of service; the rest of the configuration travels."""
    _stocked()
    sealed = Credential.objects.values_list("secret", flat=True).get(name="openai-b").sealed
    with connection.cursor() as cursor:
        cursor.execute("UPDATE credentials_credential SET secret = %s WHERE name = 'openai-a'", [sealed])
    _, records = control.records()
    assert (records.credential["openai-a"].secret, records.credential["openai-a"].disabled) == ("", True)
    assert records.credential["openai-b"].secret == f"{SECRET}b"


def test_what_gateways_would_refuse_is_never_sent(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash that another key had before its grace was over, a previous hash that was damaged, and a default pool that a file
    names and that is not there: gateways can serve from what they get, and a key that is revoked then is revoked."""
    _stocked()
    theirs, mine = "a" * 64, "b" * 64
    routing.create_key(ADMIN, {"name": "old", "secret_sha256": theirs})
    routing.rotate_key(ADMIN, "old", grace=60)
    routing.create_key(ADMIN, {"name": "damaged", "secret_sha256": mine})
    routing.rotate_key(ADMIN, "damaged", grace=3600)
    routing.create_key(ADMIN, {"name": "victim"})
    at, held = control.records()
    assert held.key["old"].previous_sha256 == theirs
    later = time.time() + 61.0
    said = load(environ={"STATIONMASTER__GATEWAY__DEFAULT_POOL": "nowhere"})
    monkeypatch.setattr(time, "time", lambda: later)
    routing.create_key(ADMIN, {"name": "new", "secret_sha256": theirs})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE routing_virtualkey SET previous_sha256 = key_sha256 WHERE name = 'damaged'")
    routing.update_key(ADMIN, "damaged", {"rpm": 5})
    monkeypatch.setattr("stationmaster.entrances.live._now", lambda: said)
    routing.delete_key(ADMIN, "victim")
    update = control.update(at)
    assert update is not None
    for records in (apply(held, update), control.records()[1]):
        verify(records)
        assert "victim" not in records.key
        assert (records.key["new"].secret_sha256, records.key["old"].previous_sha256) == (theirs, "")
        assert records.settings[""].default_pool == ""
    assert control.records()[1].key["damaged"].previous_until == 0.0


def test_the_gateways_own_client_takes_it(control: Control) -> None:
    """What is served is what the gateway's client reads: whole, difference, nothing, events and hello."""
    _stocked()

    async def speak() -> None:
        async with Link(control.url, control.token) as link:
            whole = await link.snapshot(0, 0)
            assert whole is not None
            assert await link.snapshot(whole.revision, 0) is None
            await link.events("gw-1", "batch-00000001", [msgspec.Raw(msgspec.msgpack.encode({"event": "nothing"}))])

    asyncio.run(speak())


def test_it_is_compiled_once_for_all(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateways that ask for one revision share one compilation and one packed body."""
    _stocked()
    packed: list[int] = []
    update = Compiled.update

    def counted(self: Compiled, have: int) -> Any:
        packed.append(have)
        return update(self, have)

    monkeypatch.setattr(Compiled, "update", counted)
    bodies = {control.ask(params={"have": 0}).content for _ in range(5)}
    assert (len(bodies), packed) == (1, [0])
    everything = {control.ask(params={"have": 10**9 + number}).content for number in range(5)}
    assert (everything, packed) == (bodies, [0]), "whoever knows what nobody knows gets what a new one gets"


def test_reads_keep_no_writer_out(database: str) -> None:
    """While the configuration is being read, others write: reading holds no lock."""
    compiler = Compiler(_write_meanwhile)
    assert compiler.refresh().configuration.records.credential == {}
    assert set(compiler.refresh().configuration.records.credential) == {"openai-a"}


def _write_meanwhile() -> Settings:
    def write() -> None:
        if not Credential.objects.exists():
            credentials.create_credential(ADMIN, a_credential())
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "a writer was kept out"
    return Settings()


def test_prices_are_those_of_the_day(database: str) -> None:
    """Prices are read again on another day, with the next change; they are those of the library's list."""
    days = [date(2026, 1, 1)]
    compiler = Compiler(Settings, lambda: days[0])
    first = compiler.refresh()
    days[0] = date(2026, 1, 2)
    assert compiler.refresh() is first
    credentials.create_credential(ADMIN, a_credential())
    again = compiler.refresh()
    assert set(again.configuration.records.price) == set(first.configuration.records.price) >= {"openai", "anthropic"}


_STEPS = st.lists(st.tuples(st.sampled_from(["put", "drop", "again", "look", "route", "unroute", "setting"]),
                            st.integers(0, 3)), max_size=25)  # fmt: skip


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=_STEPS, limit=st.sampled_from([3, 1000]))
def test_every_way_leads_to_the_same(database: str, steps: list[tuple[str, int]], limit: int) -> None:
    """After any changes, every gateway that follows from any earlier revision holds what one gets that starts anew; with a
    journal too short for the way, too."""
    _empty()
    knob = {"threshold": 1}
    compiler = Compiler(lambda: Settings(error_threshold=knob["threshold"]), lambda: date(2026, 1, 1))
    seen: dict[int, Records] = {}
    _follow(compiler, seen, limit)
    for what, number in steps:
        _step(what, number, knob)
        if what == "look":
            _follow(compiler, seen, limit)
    latest = _follow(compiler, seen, limit)
    anew = Compiler(lambda: Settings(error_threshold=knob["threshold"]), lambda: date(2026, 1, 1)).refresh()
    assert latest == anew.configuration.records


def _follow(compiler: Compiler, seen: dict[int, Records], limit: int) -> Records:
    compiled = compiler.refresh()
    compiled.journal._limit = limit
    for have, records in seen.items():
        seen[have] = apply(records, compiled.update(have))
        assert seen[have] == compiled.configuration.records
    seen.clear()
    seen.update({compiled.revision: compiled.configuration.records})
    return compiled.configuration.records


def _step(what: str, number: int, knob: dict[str, int]) -> None:
    name = f"key-{number}"
    there = set(_names(routing.list_keys(ADMIN, routing_query()).items))
    if what in ("put", "again"):
        if name in there:
            routing.delete_key(ADMIN, name)
        if what == "again" or name not in there:
            routing.create_key(ADMIN, {"name": name, "rpm": number})
    elif what == "drop" and name in there:
        routing.delete_key(ADMIN, name)
    elif what == "route":
        routing.create_route(ADMIN, {"models": [f"m{number}-{revision()}"], "pool": "main", "position": 1})
    elif what == "unroute":
        for row in routing.list_routes(ADMIN, routing_query()).items[number : number + 1]:
            routing.delete_route(ADMIN, row["id"])
    elif what == "setting":
        knob["threshold"] = number + 1
        with change(CLI) as edit:
            edit.record("settings:gateway.error_threshold:set", None, {"value": number})


def routing_query() -> Any:
    """Everything, in one page."""
    from stationmaster.store.listing import Query

    return Query(limit=500)


def _names(items: Any) -> list[str]:
    return [item["name"] for item in items]


def _empty() -> None:
    for row in routing.list_routes(ADMIN, routing_query()).items:
        routing.delete_route(ADMIN, row["id"])
    for name in _names(routing.list_keys(ADMIN, routing_query()).items):
        routing.delete_key(ADMIN, name)
    if not Credential.objects.exists():
        credentials.create_credential(ADMIN, a_credential())
        routing.create_pool(ADMIN, a_pool())
    Dropped.objects.all().delete()


def test_a_journal_forgets_what_lies_too_far_back() -> None:
    """A journal holds so many ids; who comes from before them gets everything, who comes from within gets the way."""
    journal = Journal(1, limit=10)
    for at in range(2, 30):
        journal.note(at, {"key": {f"k{at}": False}})
    assert journal.since(5) is None
    assert journal.since(28) == {"key": {"k29": False}}
    assert journal.since(29) == {}
    assert journal.since(99) is None


def test_a_journal_remembers_how_it_was_at_the_start() -> None:
    """What was not there at the base and is gone again is known not to have been there; in between it was."""
    journal = Journal(1)
    journal.note(2, {"key": {"a": False}})
    journal.note(3, {"key": {"a": True}})
    assert journal.since(1) == {"key": {"a": False}}
    assert journal.since(2) == {"key": {"a": True}}


def test_records_are_those_of_the_link(database: str) -> None:
    """Every kind that a gateway knows is compiled, under the ids that the gateway goes by."""
    _stocked()
    records = Compiler(Settings).refresh().configuration.records
    assert all(isinstance(each, VirtualKey) and each.id == name for name, each in records.key.items())
    assert all(records.counts().values())
    assert operators.any_admin() is False


def _waiting(control: Control) -> int:
    return control.application._door.watch._waiting
