"""A file, record by record. Owns: which form and preset it is, and what was left out of all of it, by names and numbers.

Joins reading and recognising; may not know what becomes of a record.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from stationmaster.errors import Invalid
from stationmaster.importing import fields, reading, recognising, targets
from stationmaster.importing.reading import Form, Raw
from stationmaster.importing.recognising import Found, Record, team_of
from stationmaster.people.importing.reading import form_of as csv_form_of

MAX_NAMES: Final = 200          # of fields, in a report
_OTHERS: Final = "(others)"
_ACCOUNTS: Final = frozenset({"type", "parent_id", "team_join_status", "invite_status", "pool_status"})
FORMAT_OF: Final[Mapping[Form, str]] = {"csv": "rows", "toml": "config"}


class Understood:
    """One pass over a file. `left_out` is what was not taken so far: for `secrets`, `admin` and `unknown` how often which field;
    `format` the preset it looks like; `form` and `encoding` how it is written."""

    def __init__(self, source: Iterable[bytes], first: bytes, of: Any) -> None:
        self.form, self.encoding = reading.form_of(first, of.encoding, of.name)
        if of.format in ("accounts", "tracker") and self.form != "json":
            why = f"{of.format} is JSON, and this file is not"
            raise Invalid("error.import.form", f"format: {why}", fields={"format": why})
        self.delimiter = csv_form_of(first, self.encoding, of.delimiter).delimiter if self.form == "csv" else ""
        self.format = of.format or FORMAT_OF.get(self.form, "tracker")
        self._guess = not of.format and self.form == "json"
        self.left_out: dict[str, dict[str, int]] = {"secrets": {}, "admin": {}, "unknown": {}}
        self.headings: dict[str, str] = {}
        self.numbers = {"team": 0, "member": 0, "target": 0}
        self._source, self._mapping, self._named = source, dict(of.mapping), set[str]()

    def records(self) -> Iterator[Record]:
        """Every record, teams that are only named among them. Raises `Invalid`."""
        if self.form == "toml":
            yield from self._taken(targets.recognise(reading.tables(self._source, self.encoding)))
            return
        for raw in self._raws():
            found = recognising.recognise(raw, self._mapping, self.form)
            self._see(raw)
            team = team_of(found.record, raw) if found.record is not None else None
            if team is not None and team.refs[0] not in self._named:
                self._named.add(team.refs[0])
                yield team
            yield from self._taken([found])

    def _raws(self) -> Iterator[Raw]:
        if self.form == "json":
            yield from reading.objects(self._source, self.encoding)
            return
        lines = reading.rows(self._source, self.encoding, self.delimiter)
        heading = next(lines)
        guessed = fields.guess(heading.fields)
        self._mapping = {**guessed, **self._mapping}
        self.headings = {name: self._mapping.get(name, "") for name in heading.fields}
        if not {"email", "team", "team_account_id"} & set(self.headings.values()):
            raise Invalid("error.import.form", "no column is an e-mail address or a team", hint="say which column is what")
        yield from lines

    def _see(self, raw: Raw) -> None:
        """Remember under which names fields come, and tell the presets from each other by them."""
        for name in raw.fields:
            fresh = len(self.headings) < MAX_NAMES and name not in self.headings
            if fresh and not fields.secretive(name) and not fields.secretive(raw.key) and fields.told(name) == name:
                self.headings[name] = fields.field_of(name, self._mapping)
        if self._guess and _ACCOUNTS & {fields.field_of(name, {}) for name in raw.fields}:
            self.format, self._guess = "accounts", False

    def _taken(self, found: Iterable[Found]) -> Iterator[Record]:
        for each in found:
            for what, names in (("secrets", each.secrets), ("admin", each.admin), ("unknown", each.unknown)):
                for name in names:
                    self._count(self.left_out[what], name)
            if each.record is not None:
                self.numbers[each.record.kind] += 1
                yield each.record

    def _count(self, counts: dict[str, int], name: str) -> None:
        known = name if name in counts or len(counts) < MAX_NAMES else _OTHERS
        counts[known] = counts.get(known, 0) + 1
