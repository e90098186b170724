"""A document → text. Owns the two forms of the file."""

from typing import Any

import tomli_w
import yaml

from stationmaster.cli.declared.document import Document, Entry
from stationmaster.cli.declared.reading import Form
from stationmaster.cli.declared.tables import Kind

_HEAD = """\
# Routing objects of a Stationmaster control plane, for `stationmaster apply`. No secret is in it: "stored:NAME" stands for
# the one that is stored under that name.
"""


def text_of(document: Document, form: Form) -> str:
    """The whole file."""
    return f"{_HEAD}\n{_dumped(document.as_file(), form)}"


def lines_of(kind: Kind, entry: Entry) -> list[str]:
    """One object as the TOML file has it."""
    return _dumped({kind: [entry]}, "toml").splitlines()


def _dumped(tables: dict[str, Any], form: Form) -> str:
    if form == "yaml":
        return yaml.safe_dump(tables, sort_keys=False, allow_unicode=True, width=120) if tables else ""
    each = ((name, value) for name, held in tables.items() for value in (held if isinstance(held, list) else [held]))
    return "\n".join(_table(name, value) for name, value in each)


def _table(name: str, value: Any) -> str:
    """One table with those inside it. The library would write several small ones on a line each; here each has its head."""
    text = tomli_w.dumps({name: value})
    return text if name == "gateway" else text.replace(f"[{name}]", f"[[{name}]]", 1)
