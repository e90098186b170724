"""Second factors at rest. Owns: that what allauth stores of them (a TOTP secret, the seed of recovery codes) is sealed.

allauth keeps it as JSON in a table of its own. It is sealed on its way into the database, bound to the operator and the
kind of factor, and opened on its way out; one that was moved to another operator does not open.
"""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models.signals import post_init, post_save, pre_save

from stationmaster.store import keyholder, masterkey
from stationmaster.store.models import Head
from stationmaster.vault import seal
from stationmaster.vault.seal import Place

_SEALED = "sealed"


def connect() -> None:
    """Hook into allauth's rows; called once, when Django is set up."""
    hooks: tuple[tuple[Any, Callable[..., None]], ...] = ((pre_save, _seal), (post_save, _open), (post_init, _open))
    for signal, hook in hooks:
        signal.connect(hook, sender=Authenticator, dispatch_uid=f"stationmaster.second_factor.{id(signal)}")
    masterkey.also(key_ids, rewrap)


def key_ids() -> Counter[str]:
    """How many second factors need which master key."""
    return Counter(seal.key_of(data[_SEALED]) for _, data in _rows())


def rewrap() -> int:
    """Seal all of them with the active master key; return how many were not."""
    active = Head.objects.get().master_key
    return sum(_rewrapped(row) for row, data in _rows() if seal.key_of(data[_SEALED]) != active)


def _rewrapped(row: Any) -> bool:
    with transaction.atomic():
        Head.objects.select_for_update().get()      # no rotation meanwhile
        instance = Authenticator.objects.select_for_update().filter(pk=row).first()
        if instance is not None:
            instance.save(update_fields=["data"])
    return instance is not None


def _seal(instance: Authenticator, **_: Any) -> None:
    if _SEALED not in instance.data:
        keyholder.activate(Head.objects.get().master_key)
        text = json.dumps(instance.data, separators=(",", ":"))
        instance.data = {_SEALED: seal.seal(keyholder.ring(), _place(instance), text)}


def _open(instance: Authenticator, **_: Any) -> None:
    data = instance.__dict__.get("data")      # not there when the query left it out
    if isinstance(data, dict) and _SEALED in data:
        instance.data = json.loads(keyholder.unseal(_place(instance), data[_SEALED]))


def _place(instance: Authenticator) -> Place:
    return Place("second factor", Authenticator._meta.db_table, f"{instance.user_id}/{instance.type}", "data")


def _rows() -> list[tuple[Any, dict[str, Any]]]:
    return list(Authenticator.objects.values_list("pk", "data"))
