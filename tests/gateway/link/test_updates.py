"""Updates by themselves: what they make of a configuration, how they travel, and that a table that grew by updates is
the table that the whole configuration makes.
"""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rig
from gateway import plain
from stationmaster.gateway.core.building import Building
from stationmaster.gateway.core.memory import Memory
from stationmaster.gateway.core.prices import Clause, ModelPrice, Rates, rate
from stationmaster.gateway.core.records import BadUpdate, Records, Update, apply, diff, records_of, snapshot_of, whole
from stationmaster.gateway.core.snapshot import Credential, Member, Pool, Route, Settings, VendorPrices, VirtualKey
from stationmaster.gateway.core.table import Table
from stationmaster.gateway.link.frames import Unpacker, pack, unpack

NAMES = tuple("abcdef")
PRICES = tuple(ModelPrice(Clause("equals", "gpt-4o"), Rates(rate(paid, paid))) for paid in (1, 2))


@st.composite
def configurations(draw: st.DrawFn) -> Records:
    """Small configurations in which everything that refers to something finds it."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    credentials = [
        Credential(name, draw(st.sampled_from(("openai", "anthropic"))), f"s-{name}-{draw(st.integers(0, 1))}") for name in names
    ]
    pools = [
        Pool(f"p{number}", tuple(
            Member(name, draw(st.integers(1, 2)), rpm=draw(st.sampled_from((0, 0, 0, 9))))
            for name in draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        ))
        for number in range(draw(st.integers(1, 3)))
    ]
    routes = [
        Route((model,), draw(st.sampled_from(pools)).id, id=model, position=draw(st.integers(0, 3)))
        for model in draw(st.lists(st.sampled_from(("gpt-*", "*", "o9")), unique=True))
    ]
    secrets = draw(st.lists(st.integers(0, 9), unique=True))
    keys = [VirtualKey(f"k{draw(st.integers(0, 1))}-{n % 4}", rig.sha256(str(n)), rpm=draw(st.integers(0, 1))) for n in secrets]
    prices = {"openai": VendorPrices("openai", (draw(st.sampled_from(PRICES)),))} if draw(st.booleans()) else {}
    return Records(
        {"": Settings(default_pool=draw(st.sampled_from(("", pools[0].id))))}, {one.id: one for one in credentials},
        {one.id: one for one in pools}, {one.id: one for one in routes}, {one.id: one for one in keys}, prices,
    )


def grown(table: Table, update: Update, memory: Memory) -> Table:
    """The table's successor, and everything else let go of."""
    building = Building(update, memory, table.parts)
    for _ in building.steps():
        pass
    made = table.succeed(building)
    for _ in building.release():
        pass
    assert building.unused == 0
    return made


def shape(table: Table) -> dict[str, Any]:
    """Everything that a table decides by, as plain values."""
    return {
        "settings": table.settings, "routes": table.routes,
        "default": table.default.id if table.default is not None else None,
        "keys": {digest: table.keys[digest].key for digest in table.keys},
        "upstreams": {one.id: (one.secret, one.vendor, one.rates("gpt-4o")) for one in table.upstreams.values()},
        "pools": sorted(
            (pool.id, [(one.id, one.weight, one.upstream is table.upstreams[one.id]) for one in pool.members])
            for pool in table.pools.values()
        ),
        "standings": all(one.standing is member.standing for pool in table.pools.values() for member in pool.members
                         for one in [table.upstreams[member.id]]),
    }


@settings(max_examples=150)
@given(st.lists(configurations(), min_size=2, max_size=5))
def test_a_table_grows_into_what_the_whole_makes(steps: list[Records]) -> None:
    """Whatever follows on whatever: a table that grew by differences is the one that the last configuration makes by
    itself, and the ones before are not changed by it."""
    memory = Memory()
    table = Table(snapshot_of(steps[0], 1), memory)
    for number, (old, new) in enumerate(pairwise(steps), start=1):
        before, digests = shape(table), set(table.keys)
        building = Building(diff(old, new, base=number, revision=number + 1), memory, table.parts)
        for _ in building.steps():
            assert shape(table) == before, "what serves is not touched while the next is made"
        assert set(table.keys) == digests
        table = grown(table, diff(old, new, base=number, revision=number + 1), memory)
        alone = Table(snapshot_of(new, 1), Memory())
        assert shape(table) == shape(alone)
        assert table.limits >= alone.limits, "a limit that there was may still be counted, one that there is must be"
        assert all(table.keys[digest].guarded >= alone.keys[digest].guarded for digest in alone.keys)
        assert table.version == number + 1


@given(configurations(), configurations())
def test_a_difference_leads_there(old: Records, new: Records) -> None:
    """`apply` undoes `diff`, over the wire as well, and nothing travels twice."""
    update = diff(old, new, base=3, revision=4)
    assert apply(old, unpack(b"".join(pack(update)))) == new
    assert apply(Records(), unpack(b"".join(pack(whole(new, 4))))) == new
    assert not diff(new, msgspec.structs.replace(new, key=dict(new.key)), base=4, revision=5)


@given(configurations(), st.data())
def test_bytes_come_as_they_like(records: Records, data: st.DataObject) -> None:
    """However a stream is cut into pieces, the update is the same; one byte less or another one, and it is none."""
    raw = b"".join(pack(whole(records, 7)))
    unpacker, at = Unpacker(), 0
    while at < len(raw):
        size = data.draw(st.integers(1, 200))
        unpacker.feed(raw[at : at + size])
        at += size
    assert apply(Records(), unpacker.finish()) == records
    place = data.draw(st.integers(0, len(raw) - 1))
    for wrong in (raw[:place], raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :], raw + b"\0\0\0\1\x90"):
        with pytest.raises(BadUpdate):
            unpack(wrong)


def test_an_update_for_something_else() -> None:
    """Dropping what is not there, naming a record twice, or counting otherwise is no update."""
    records = records_of(rig.snapshot_for("http://127.0.0.1:9"))
    key = records.key["rig"]
    for wrong in (
        Update(2, 1, {}, {"key": ["nobody"]}),
        Update(2, 1, {"key": [key, key]}),
        Update(2, 1, {"key": [key]}, {"key": ["rig"]}),
        Update(2, 1, {}, {"key": ["rig"]}, records.counts()),
    ):
        with pytest.raises(BadUpdate) as refused:
            apply(records, wrong)
        assert key.secret_sha256 not in str(refused.value)


def test_large_records_have_frames_of_their_own() -> None:
    """Records of a megabyte each travel, whatever their number: no frame comes near what a reader refuses."""
    records = records_of(rig.snapshot_for("http://127.0.0.1:9"))
    one = next(iter(records.credential.values()))
    large = {f"c{n}": msgspec.structs.replace(one, id=f"c{n}", secret="s" * 2**21) for n in range(20)}
    records = msgspec.structs.replace(records, credential={**records.credential, **large})
    frames = list(pack(whole(records, 7)))
    assert max(map(len, frames)) < 2**21 + 1000
    assert apply(Records(), unpack(b"".join(frames))) == records


def test_frames_are_small() -> None:
    """No frame holds more than 500 records."""
    keys = {f"k{n}": VirtualKey(f"k{n}", rig.sha256(str(n))) for n in range(1203)}
    records = msgspec.structs.replace(records_of(rig.snapshot_for("http://127.0.0.1:9")), key=keys)
    frames = [msgspec.msgpack.decode(frame[4:]) for frame in pack(whole(records, 1))]
    assert [len(frame[2]) for frame in frames if frame[:2] == ["put", "key"]] == [500, 500, 203]
    assert frames[0][1]["counts"]["key"] == 1203
    assert frames[-1][0] == "end"
    assert len(frames[-1][2]) == 64


# What is remembered of requests.

RECORDS = records_of(rig.snapshot_for("http://127.0.0.1:9"))


def understood(table: Table, key: str = rig.KEY) -> Any:
    """The head of a request with this key."""
    fields = [("authorization", f"Bearer {key}"), plain.JSON]
    return table.understand(plain.head("POST", "/v1/responses", fields, length=10))[0]


def test_an_untouched_key_keeps_what_is_known_of_it() -> None:
    """Where only other keys change, heads and plans go on, and are recognised as the new table's."""
    memory = Memory()
    table = Table(snapshot_of(RECORDS, 1), memory)
    head = understood(table)
    plan = table.plan(head, "gpt-4o")
    without = msgspec.structs.replace(RECORDS, key={"rig": RECORDS.key["rig"]})
    after = grown(table, diff(RECORDS, without, base=1, revision=2), memory)
    assert understood(after) is head
    assert head.keys is after.keys
    assert after.plan(head, "gpt-4o") is plan


@pytest.mark.parametrize("kind", ["revoked", "changed", "pool", "credential", "route", "price", "settings"])
def test_a_head_does_not_outlive_what_it_stands_on(kind: str) -> None:
    """A head that was understood before its key was revoked or changed, or before anything else changed that its
    requests depend on, is not taken for the new table's."""
    memory = Memory()
    table = Table(snapshot_of(RECORDS, 1), memory)
    head = understood(table)
    key, pool, credential = RECORDS.key["rig"], RECORDS.pool["openai"], RECORDS.credential["openai"]
    changes: dict[str, dict[str, Any]] = {
        "revoked": {"key": {"narrow": RECORDS.key["narrow"]}},
        "changed": {"key": {**RECORDS.key, "rig": msgspec.structs.replace(key, rpm=3)}},
        "pool": {"pool": {**RECORDS.pool, "openai": msgspec.structs.replace(pool, members=(Member("openai", 2),))}},
        "credential": {"credential": {**RECORDS.credential, "openai": msgspec.structs.replace(credential, secret="other")}},
        "route": {"route": {}},
        "price": {"price": {"openai": VendorPrices("openai", PRICES)}},
        "settings": {"settings": {"": Settings()}},
    }
    new = msgspec.structs.replace(RECORDS, **changes[kind])
    after = grown(table, diff(RECORDS, new, base=1, revision=2), memory)
    assert head.keys is not after.keys
    again = understood(after)
    assert again is not head
    assert (again.fault is not None) == (kind == "revoked")


def test_what_was_used_stays_used() -> None:
    """A key's and a member's used limits survive an update that does not touch them, and one that does."""
    memory = Memory()
    limited = {"rig": msgspec.structs.replace(RECORDS.key["rig"], rpm=60)}
    first = msgspec.structs.replace(RECORDS, key=limited)
    table = Table(snapshot_of(first, 1), memory)
    caller = table.keys[bytes.fromhex(limited["rig"].secret_sha256)]
    assert caller.room is not None
    caller.room.enter(1)
    second = msgspec.structs.replace(first, key={"rig": msgspec.structs.replace(limited["rig"], owner="another")})
    after = grown(table, diff(first, second, base=1, revision=2), memory)
    assert after.keys[bytes.fromhex(limited["rig"].secret_sha256)].room is caller.room
    assert caller.room.under_way == 1


def test_a_rotated_key_has_two_secrets_for_a_while() -> None:
    """The secret before is let in as the same key, with the same limits, until its time is over; when the key is
    revoked, both end."""
    memory = Memory()
    old, new = rig.sha256("sm-old"), rig.sha256("sm-new")
    key = VirtualKey("turned", new, rpm=60, previous_sha256=old, previous_until=1000.0)
    first = msgspec.structs.replace(RECORDS, key={**RECORDS.key, "turned": key})
    table = grown(Table(snapshot_of(RECORDS, 1), memory), diff(RECORDS, first, base=1, revision=2), memory)
    ours, before = (table.keys[bytes.fromhex(digest)] for digest in (new, old))
    assert before.room is ours.room
    assert understood(table, "sm-old").key_id == understood(table, "sm-new").key_id == "turned"
    assert not before.expired(999.0)
    assert before.expired(1000.0)
    assert not ours.expired(1000.0)
    over = msgspec.structs.replace(first, key={**RECORDS.key, "turned": VirtualKey("turned", new, rpm=60)})
    table = grown(table, diff(first, over, base=2, revision=3), memory)
    assert understood(table, "sm-old").fault is not None
    assert understood(table, "sm-new").fault is None
    table = grown(table, diff(over, RECORDS, base=3, revision=4), memory)
    assert understood(table, "sm-new").fault is not None
    assert set(table.keys) == {bytes.fromhex(one.secret_sha256) for one in RECORDS.key.values()}
