"""What keys spent, account by account, as gateways count it for budgets. Owns the table: of two values the later stays.

A gateway decides by what it knows (`gateway.core.spend`), and writes that down on its own disk. Here it is kept as well, for the
day when that disk is gone, and for gateways that share no Valkey. An account is what one gateway spent for as long as its disk
lasts; who lost it begins another and hears of the former. Whole values are told and no differences, so that nothing counts twice.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from msgspec import Meta

from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.spend import MOST, Spent
from stationmaster.operators.access import require
from stationmaster.routing.models import VirtualKey
from stationmaster.store.actor import Actor
from stationmaster.usage.models import KeySpend
from stationmaster.usage.reading import Name

MOST_KEYS = 5_000                    # in one message
_CHUNK = 500
_VALUES = ("day", "month", "today", "this_month", "total", "at")
_DAY = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?\Z"
_MONTH = r"^([0-9]{4}-[0-9]{2})?\Z"
_AHEAD = timedelta(days=1)           # by which a gateway's clock may be wrong
Dollars = Annotated[int, Meta(ge=0, le=MOST)]         # 10⁻⁹ of one


class Told(msgspec.Struct, frozen=True):
    """What one key spent in an account, as a gateway tells it: the fields of `Spent`."""

    day: Annotated[str, Meta(pattern=_DAY)]
    month: Annotated[str, Meta(pattern=_MONTH)]
    today: Dollars
    this_month: Dollars
    total: Dollars


class Message(msgspec.Struct, frozen=True):
    """What a gateway sends: its account's values that changed, and whether it asks for everybody's."""

    account: Annotated[str, Meta(pattern=r"^[0-9a-z]{8,64}\Z")]
    spent: Annotated[dict[Name, Told], Meta(max_length=MOST_KEYS)] = {}
    ask: bool = False


def exchange(actor: Actor, body: bytes) -> list[tuple[str, str, Spent]]:
    """Keep what a gateway tells (msgpack, a `Message`); what it asked for: account, key, what was spent. Raises `Forbidden`, and
    `StationmasterError` for something else."""
    require(actor, "events:write")
    now = timezone.now()
    try:
        message = msgspec.msgpack.decode(body, type=Message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unreadable() from None
    if not all(each.day[:7] == each.month and each.today <= each.this_month <= each.total for each in message.spent.values()):
        raise _unreadable()
    _keep(message, now)
    return list(_known(now)) if message.ask else []


def _unreadable() -> StationmasterError:
    text = "this is no account of what keys spent"
    return StationmasterError("error.internal.bad_account", text, hint="see docs/reference/joining.md")


def _keep(message: Message, now: datetime) -> None:
    """In the order of names, so that two who tell of one account wait for each other once. A row has to be there to be held while
    it is compared: those that are new are made first, unless somebody else just did."""
    known = VirtualKey.objects.filter(name__in=message.spent).values_list("name", flat=True)      # no other can have a budget
    names, latest = sorted(known), now.astimezone(UTC) + _AHEAD
    for at in range(0, len(names), _CHUNK):
        rows = [_row(message.account, name, message.spent[name], now, latest) for name in names[at : at + _CHUNK]]
        with transaction.atomic():
            KeySpend.objects.bulk_create(rows, ignore_conflicts=True)
            held = {row.key: row for row in _held(message.account, names[at : at + _CHUNK]).select_for_update()}
            later = [row for row in rows if (row.total, row.day) > (held[row.key].total, held[row.key].day)]
            KeySpend.objects.bulk_create(later, update_conflicts=True, unique_fields=("account", "key"), update_fields=_VALUES)


def _held(account: str, names: Iterable[str]) -> "QuerySet[KeySpend]":
    return KeySpend.objects.filter(account=account, key__in=list(names)).order_by("key")


def _row(account: str, key: str, told: Told, now: datetime, latest: datetime) -> KeySpend:
    """A day beyond the latest is one of a clock that is wrong: it is taken for that one."""
    day, month = min(told.day, f"{latest:%Y-%m-%d}"), min(told.month, f"{latest:%Y-%m}")
    return KeySpend(account=account, key=key, day=day, month=month, today=told.today, this_month=told.this_month,
                    total=told.total, at=now)  # fmt: skip


def _known(now: datetime) -> Iterable[tuple[str, str, Spent]]:
    """Of keys that have a budget: what may still count against one. A month that is over counts for a budget in all alone; the
    clock of a gateway may be a day behind."""
    month = f"{now.astimezone(UTC) - timedelta(days=1):%Y-%m}"
    budgets = VirtualKey.objects.filter(Q(budget_day__gt=0) | Q(budget_month__gt=0) | Q(budget_total__gt=0)).values("name")
    in_all = VirtualKey.objects.filter(budget_total__gt=0).values("name")
    rows = KeySpend.objects.filter(Q(month__gte=month) | Q(key__in=in_all), key__in=budgets)
    for row in rows.order_by("account", "key").iterator(chunk_size=2_000):
        yield row.account, row.key, Spent(row.day, row.month, row.today, row.this_month, row.total)


def forget(before: datetime) -> int:
    """Delete what keys spent that are long gone: told before a moment, of names that no key has. Return how many."""
    gone = KeySpend.objects.filter(at__lt=before).exclude(key__in=VirtualKey.objects.values("name"))
    return int(gone.delete()[0])
