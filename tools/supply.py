"""What Stationmaster is made of: `make sbom`, `make licences`, `make audit`.

Owns: the list of parts (the run-time lock and the console's files from npm), which licences may be among them, and that an
audit which could not ask says so and fails. Takes: a verb, and for `sbom` the file to write.

The list is CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/), known weaknesses come from OSV (https://google.github.io/osv.dev/).
"""

import importlib.metadata
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx

from stationmaster import __version__

ROOT: Final = Path(__file__).parents[1]
LOCKS: Final = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
VENDORED: Final = ROOT / "src/stationmaster/entrances/console/static/vendor/manifest.json"
OSV: Final = "https://api.osv.dev/v1/querybatch"
# LGPL: psycopg is used as a library that anybody may exchange. MPL: certifi's list, which is passed on unchanged.
ALLOWED: Final = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "LGPL-3.0-only", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0",
    "Unlicense",
})
# How distributions say it that have no SPDX expression (PEP 639): in their field, or in a classifier.
_SPELLINGS: Final = {
    "Apache 2": "Apache-2.0", "Apache 2.0": "Apache-2.0", "Apache License": "Apache-2.0", "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause", "BSD License": "BSD-3-Clause", "ISC License": "ISC", "ISC License (ISCL)": "ISC",
    "MIT License": "MIT", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0", "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
# Locked for Windows, or for a Python before 3.11.3, and so not installed here; as their wheels say.
_ELSEWHERE: Final = {"async-timeout": "Apache-2.0", "colorama": "BSD-3-Clause"}
# Locked for Python in a browser, where Stationmaster does not run.
_NOWHERE: Final = frozenset({"httpx2-jsfetch"})
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Part:
    """Something that is passed on or used: `kind` is its ecosystem as package URLs name it, `licence` an SPDX expression
    (empty: nobody knows)."""

    kind: str
    name: str
    version: str
    licence: str = ""
    hashes: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Its package URL (https://github.com/package-url/purl-spec)."""
        return f"pkg:{self.kind}/{quote(self.name, safe='/')}@{self.version}"


def locked(file: str) -> Iterator[Part]:
    """What a lock file pins."""
    text = (ROOT / file).read_text().replace("\\\n", " ")
    for line in text.splitlines():
        found = _PIN.match(line.strip())
        if found and found[1] not in _NOWHERE:
            yield Part("pypi", found[1], found[2], licence_of(found[1]), tuple(_HASH.findall(line)))


def vendored() -> Iterator[Part]:
    """The console's files from npm."""
    for each in json.loads(VENDORED.read_text()):
        yield Part("npm", each["name"], each["version"], each["licence"])


def licence_of(name: str) -> str:
    """An installed distribution's licence as an SPDX expression; empty when it says none that is known here."""
    try:
        about: Any = importlib.metadata.metadata(name)      # an e-mail message; its type here says less
    except importlib.metadata.PackageNotFoundError:
        return _ELSEWHERE.get(name, "")
    if expression := about.get("License-Expression"):
        return str(expression)
    field = about.get("License") or ""
    classes = [each.rpartition(" :: ")[2] for each in about.get_all("Classifier") or () if each.startswith("License ::")]
    for said in (field, *classes):
        if (spdx := _SPELLINGS.get(said, said)) and _allowed(spdx):
            return str(spdx)
    return ""


def refused(parts: Iterable[Part]) -> list[Part]:
    """Parts whose licence is not allowed, or not known."""
    return [part for part in parts if not _allowed(part.licence)]


def _allowed(expression: str) -> bool:
    """Whether all that AND joins, and one of what OR joins, may be used; brackets are not understood, and so refused."""
    choices = expression.split(" OR ")
    return any(all(each.strip() in ALLOWED for each in choice.split(" AND ")) for choice in choices)


def sbom(parts: Iterable[Part]) -> Mapping[str, Any]:
    """The list as CycloneDX has it: without time and number, so that the same parts make the same file."""
    own = f"pkg:pypi/stationmaster@{__version__}"
    component = {"type": "application", "name": "stationmaster", "version": __version__, "bom-ref": own}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6",
        "version": 1, "metadata": {"component": component},
        "components": [_component(part) for part in sorted(parts, key=lambda part: part.url)],
    }  # fmt: skip


def _component(part: Part) -> Mapping[str, Any]:
    licences = [{"expression": part.licence}] if part.licence else []
    files = [{"type": "distribution", "url": part.url, "hashes": [{"alg": "SHA-256", "content": each}]} for each in part.hashes]
    return {"type": "library", "name": part.name, "version": part.version, "purl": part.url, "bom-ref": part.url,
            "licenses": licences, **({"externalReferences": files} if files else {})}  # fmt: skip


def weaknesses(parts: list[Part], address: str) -> list[tuple[Part, list[str]]]:
    """Known weaknesses of these versions, by their ids. Raises `httpx.HTTPError`, `ValueError` for an answer that is none."""
    asked = [{"package": {"purl": part.url}} for part in parts]
    answer = httpx.post(address, json={"queries": asked}, timeout=60).raise_for_status().json()
    results = answer["results"] if isinstance(answer, dict) and "results" in answer else []
    if len(results) != len(parts):
        raise ValueError("the answer does not fit the question")
    pairs = zip(parts, results, strict=True)
    return [(part, [each["id"] for each in found["vulns"]]) for part, found in pairs if found.get("vulns")]


def _audit(address: str) -> int:
    parts = list({part.url: part for part in [*(each for file in LOCKS for each in locked(file)), *vendored()]}.values())
    try:
        found = weaknesses(parts, address)
    except (httpx.HTTPError, ValueError) as error:
        why = f"{address} cannot be asked ({type(error).__name__})"
        print(f"NOT AUDITED: {why}. Nothing is known of {len(parts)} parts.", file=sys.stderr)
        return 2
    for part, ids in found:
        print(f"{part.name} {part.version}: {', '.join(ids)}")
    print(f"{len(parts)} parts, {len(found)} with known weaknesses", file=sys.stderr)
    return 1 if found else 0


def main(words: list[str]) -> int:
    """Do what is asked; the exit code: 0 well, 1 something was found, 2 it could not be looked at."""
    parts = [*locked(LOCKS[0]), *vendored()]
    if words[:1] == ["sbom"]:
        target = Path(words[1])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(sbom(parts), indent=2) + "\n")
        return 0
    if words == ["licences"]:
        for part in parts:
            print(f"{part.name} {part.version}: {part.licence or 'unknown'}")
        wrong = refused(parts)
        print(f"{len(parts)} parts; not allowed: {', '.join(part.name for part in wrong) or 'none'}", file=sys.stderr)
        return 1 if wrong else 0
    return _audit(os.environ.get("OSV_ADDRESS", OSV))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
