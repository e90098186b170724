"""Uploads in the database. Owns: that bytes arrive in order and are kept sealed, reading them again, forgetting them.

Passwords that such a file is full of are in no table in the clear, not for a moment: pieces are sealed as they arrive.
"""

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from stationmaster.errors import Conflict, StationmasterError
from stationmaster.importing.models import ENDED, OPEN, Batch, Piece, Ref, Roster
from stationmaster.importing.recognising import Fault, Record
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change

MAX_SIZE: Final = 1 << 30              # bytes of a file
MAX_PART: Final = 8 << 20              # bytes of one call
_PIECE: Final = 1 << 20
_FORGOTTEN: Final = timedelta(days=30)
_ABANDONED: Final = timedelta(days=1)  # an upload that nobody went on with


def append(actor: Actor, of: Roster, offset: int, data: bytes) -> None:
    """Add the part of the file that begins at `offset`. Raises `Conflict`, `StationmasterError` 413."""
    if len(data) > MAX_PART or of.size + len(data) > MAX_SIZE:
        why = f"a part has at most {MAX_PART} bytes, a file {MAX_SIZE}"
        raise StationmasterError("error.import.too_large", why, status=413)
    with change(actor):
        row = Roster.objects.select_for_update().get(id=of.id)
        if row.state != OPEN:
            raise Conflict("error.import.started", "this import was started already")
        if row.size != offset:
            message = f"{row.size} bytes have arrived: go on from there"
            raise Conflict("error.import.offset", message, fields={"offset": str(row.size)})
        parts = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
        for position, part in enumerate(parts, row.pieces):
            piece = Piece(of=row, position=position)
            piece.data = _packed(part)
            piece.save(force_insert=True)
        row.size, row.pieces = row.size + len(data), row.pieces + len(parts)
        row.save()
    of.size, of.pieces = row.size, row.pieces


def content(of: Roster) -> Iterator[bytes]:
    """The file, piece by piece."""
    for position in range(of.pieces):
        yield _unpacked(Piece.objects.get(of=of, position=position).data.reveal("import"))


def beginning(of: Roster) -> bytes:
    """Its first piece."""
    return next(content(of), b"")


def put_batch(of: Roster, position: int, records: Sequence[Record]) -> None:
    """Keep records that are brought in together. Only inside a change."""
    row = Batch(of=of, position=position)
    row.data = _packed(json.dumps([_plain(each) for each in records], ensure_ascii=False).encode(errors="surrogatepass"))
    row.save(force_insert=True)


def records_of(batch: Batch) -> list[Record]:
    """The records again."""
    text = _unpacked(batch.data.reveal("import")).decode(errors="surrogatepass")
    return [_record(each) for each in json.loads(text)]


def forget_content(of: Roster) -> None:
    """Let go of everything that came from the file; what its records came to stays."""
    for model in (Piece, Batch, Ref):
        model.objects.filter(of=of).delete()


def forget_old() -> None:
    """Delete imports that ended long ago, and uploads that nobody went on with."""
    now = timezone.now()
    Roster.objects.filter(state__in=ENDED, updated_at__lt=now - _FORGOTTEN).delete()
    Roster.objects.filter(state=OPEN, updated_at__lt=now - _ABANDONED).delete()


def _plain(record: Record) -> list[Any]:
    faults = [[each.field, each.code, each.message] for each in record.faults]
    return [record.number, record.kind, record.refs, record.parents, record.values, record.key, faults]


def _record(plain: Sequence[Any]) -> Record:
    number, kind, refs, parents, values, key, faults = plain
    return Record(number, kind, tuple(refs), tuple(parents), values, key, tuple(Fault(*each) for each in faults))


def _packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 1)).decode()


def _unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))
