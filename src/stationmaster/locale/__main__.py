"""Brings the catalogues up to date with the code: new texts come in empty, texts no longer used go. Needs Babel.

Owns nothing at run time: the product reads the compiled catalogues through `i18n` and never imports this.
"""

import io
import re
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from stationmaster.i18n import DOMAIN, FOLDER, LANGUAGES

_IN_TEMPLATES = re.compile(r'\{% tr "([^"]+)"')
# `marked`: shown by `told` elsewhere; the second word of a `setting`: what it is, shown where settings are.
KEYWORDS = {"tr": None, "trn": (1, 2), "marked": None, "setting": (2,)}
_CODE = FOLDER.parent
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)
_NOISE = (b'"Report-', b'"POT-', b'"PO-Rev', b'"Last-', b'"Language-Team', b'"Generated-', b'"Project-')


def template() -> Catalog:
    """Every text that code and templates hand to `tr` and `trn`."""
    found = Catalog(charset="utf-8")
    for _, _, text, _, _ in extract_from_dir(_CODE, method_map=[("**.py", "python")], keywords=KEYWORDS):
        found.add(text)
    for path in sorted(_CODE.rglob("templates/**/*.html")):
        for text in _IN_TEMPLATES.findall(path.read_text()):
            found.add(text)
    return found


def place(language: str) -> Path:
    """Where a language's catalogue is, without its ending."""
    return FOLDER / language.replace("-", "_") / "LC_MESSAGES" / DOMAIN


def read(language: str) -> Catalog:
    """A language's catalogue, as people edit it."""
    path = place(language).with_suffix(".po")
    with path.open("rb") as file:
        return read_po(file, locale=language.replace("-", "_"))


def written(catalogue: Catalog) -> bytes:
    """A catalogue as people edit it, without what Babel notes of itself and of nobody in particular."""
    file = io.BytesIO()
    write_po(file, catalogue, width=120, sort_output=True)
    return b"".join(line for line in file.getvalue().splitlines(keepends=True) if not line.startswith(_NOISE))


def compiled(catalogue: Catalog) -> bytes:
    """The same as the product reads it: equal catalogues are equal bytes."""
    catalogue.creation_date = catalogue.revision_date = _NO_DATE
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def main() -> None:
    """Update and compile each language but English, whose texts are the keys."""
    for language in LANGUAGES[1:]:
        catalogue = read(language)
        catalogue.update(template(), no_fuzzy_matching=True, update_creation_date=False)
        catalogue.obsolete.clear()
        place(language).with_suffix(".po").write_bytes(written(catalogue))
        place(language).with_suffix(".mo").write_bytes(compiled(read(language)))


if __name__ == "__main__":
    main()
