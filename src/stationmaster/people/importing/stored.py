"""Uploads in the database. Owns: that bytes arrive in order and are kept compressed, reading them again, forgetting them.

A caller sends a file in parts and says where each begins; a part that does not go on where the last one ended is refused,
so that one whose answer got lost is not stored twice. No file is larger than a gibibyte.
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from stationmaster.errors import Conflict, StationmasterError
from stationmaster.people.importing.models import ENDED, OPEN, Batch, Import, Piece
from stationmaster.people.importing.wanted import Row

MAX_SIZE: Final = 1 << 30              # bytes of a file
MAX_PART: Final = 8 << 20              # bytes of one call
_PIECE: Final = 1 << 20                # bytes of a row of the table
_FORGOTTEN: Final = timedelta(days=30)
_ABANDONED: Final = timedelta(days=1)  # an upload that nobody went on with


def append(of: Import, offset: int, data: bytes) -> None:
    """Add the part of the file that begins at `offset`. Raises `Conflict`, `StationmasterError` 413."""
    if len(data) > MAX_PART:
        raise _too_large(f"a part has at most {MAX_PART} bytes")
    with transaction.atomic():
        row = Import.objects.select_for_update().get(id=of.id)
        if row.state != OPEN:
            raise Conflict("error.import.started", "this import was started already")
        if row.size != offset:
            message = f"{row.size} bytes have arrived: go on from there"
            raise Conflict("error.import.offset", message, fields={"offset": str(row.size)})
        if row.size + len(data) > MAX_SIZE:
            raise _too_large(f"a file has at most {MAX_SIZE} bytes")
        parts = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
        for position, part in enumerate(parts, row.pieces):
            Piece.objects.create(of=row, position=position, data=zlib.compress(part, 1))
        row.size, row.pieces = row.size + len(data), row.pieces + len(parts)
        row.save()
    of.size, of.pieces = row.size, row.pieces


def content(of: Import) -> Iterator[bytes]:
    """The file, piece by piece."""
    for position in range(of.pieces):
        yield zlib.decompress(bytes(Piece.objects.values_list("data", flat=True).get(of=of, position=position)))


def beginning(of: Import) -> bytes:
    """Its first piece."""
    return next(content(of), b"")


def put_batch(of: Import, position: int, rows: Iterable[Row]) -> None:
    """Keep rows that are imported together."""
    text = json.dumps([[row.number, row.cells, row.width] for row in rows], ensure_ascii=False)
    Batch.objects.create(of=of, position=position, data=zlib.compress(text.encode(errors="surrogatepass"), 1))


def batch_rows(batch: Batch) -> list[Row]:
    """The rows again."""
    text = zlib.decompress(bytes(batch.data)).decode(errors="surrogatepass")
    return [Row(*row) for row in json.loads(text)]


def forget_content(of: Import) -> None:
    """Let go of everything that came from the file; what its rows came to stays."""
    Piece.objects.filter(of=of).delete()
    Batch.objects.filter(of=of).delete()


def forget_old() -> None:
    """Delete imports that ended long ago, and uploads that nobody went on with."""
    now = timezone.now()
    Import.objects.filter(state__in=ENDED, updated_at__lt=now - _FORGOTTEN).delete()
    Import.objects.filter(state=OPEN, updated_at__lt=now - _ABANDONED).delete()


def _too_large(message: str) -> StationmasterError:
    return StationmasterError("error.import.too_large", message, status=413)
