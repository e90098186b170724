"""LiteLLM's proxy: a named credential, and a deployment that refers to it for each model (https://docs.litellm.ai/docs/proxy).

We choose the names of both: a second create is refused there, so that ours are found without looking. Lists are of one worker's
memory and may lag behind the database; writes go by the database. Nothing here asks for `/health` or a connection test, which
call the vendor. Read against a running 1.106.2 without a database, and its source; docs/targets.md says what was seen.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from stationmaster.line.errors import AlreadyExists, NotFound, Rejected, StopRun, Transient
from stationmaster.line.line import Line, bearer
from stationmaster.targets._base import Access, Connected, Entry, Health, Reading, Wanted
from stationmaster.targets._litellm import (
    MEANING,
    PROVIDERS,
    Held,
    address_of,
    base_of,
    checked_at,
    deployments_of,
    entry_of,
    is_blocked,
    params_of,
    unlike,
)
from stationmaster.targets.matching import differences, marker, mask_of, owner_in

CREDENTIALS, MODELS = "/credentials", "/v2/model/info"
PAGE = 100
MOST_PAGES = 1_000
LIMITS = {"max_parallel_requests"}
READINGS = 3                   # of a list that changes while it is read

_REFUSED_KEY = re.compile(r"\b401\b|\b403\b|api[ _]key|authentication|permission", re.IGNORECASE)


class Adapter:
    """One proxy. `access.secret`: its master key, or a virtual key of an admin."""

    def __init__(self, access: Access, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._line = Line(access, base_url="", authorise=bearer(access.secret, "target"), meaning=MEANING, sleep=sleep)
        self._seen: dict[str, Held] = {}           # by the last list, each good for one change

    def test(self) -> Connected:
        """By the details of its readiness, which want a key. Without a database it keeps nothing that is published."""
        try:
            told = self._line.ask("GET", "/health/readiness/details")
        except NotFound:
            raise StopRun("the address answers, and is no LiteLLM proxy that is known").about("target") from None
        with self._line.mapped():
            if told["db"] != "connected":
                raise StopRun("the proxy has no database, and keeps nothing that is published", hint="give it a DATABASE_URL")
            return Connected(str(told.get("litellm_version") or ""))

    def expected(self, wanted: Wanted) -> Entry:
        """Without models, a deployment for all of the vendor's; those of a compatible server have no name for that."""
        if wanted.vendor not in PROVIDERS:
            raise Rejected(f"LiteLLM is given nothing of {wanted.vendor} here", remote_code="vendor").about("target")
        if wanted.vendor == "openai_compatible" and not wanted.models:
            odd = "LiteLLM serves only models that are named: name those of this credential"
            raise Rejected(odd, remote_code="models").about("target")
        return Entry(
            marker(wanted.id), wanted.id, base_url=address_of(wanted), models=tuple(sorted(set(wanted.models))),
            priority=wanted.priority, concurrency=wanted.concurrency, groups=tuple(sorted(set(wanted.groups))),
            enabled=wanted.enabled, mask=mask_of(wanted.secret),
        )  # fmt: skip

    def entries(self) -> list[Entry]:
        """One for each credential of ours that anything is there of, by its id."""
        return [entry_of(credential, held) for credential, held in sorted(self._held().items())]

    def create(self, wanted: Wanted) -> Entry:
        """Without a look: what is there already is refused, is ours by its name, and brought in line."""
        return self._bring(wanted, Held(), secret=True)

    def update(self, entry: Entry, wanted: Wanted, *, secret: bool = False) -> Entry:
        """Each of its parts by what differs; another secret is one call."""
        odd = set(differences(self.expected(wanted), entry))
        secret = secret or "secret" in odd
        if odd <= {"secret"}:
            if secret:
                self._line.hide(wanted.secret)
                self._store(wanted, exists=True)
            return self.expected(wanted)
        return self._bring(wanted, self._one(entry.marker), secret=secret)

    def withdraw(self, entry: Entry) -> None:
        """Its deployments first, so that none is left without a credential."""
        held = self._one(entry.marker)
        for each in held.deployments:
            self._drop(each)
        if held.credential is not None:
            self._quietly(lambda: self._line.ask("DELETE", _path(entry.id)))

    def read_back(self) -> list[Reading]:
        """With the newest stored result of the proxy's own health checks, if it makes any: reading it costs nothing."""
        held = self._held()
        with self._line.mapped():
            checks = self._line.ask("GET", "/health/latest")["latest_health_checks"]
            return [Reading(entry_of(each, parts), self._health(parts, checks)) for each, parts in sorted(held.items())]

    # How.

    def _one(self, credential: str) -> Held:
        """What is there of a credential, by the last list if it was not changed since. Raises `NotFound`."""
        held = self._seen.pop(credential, None) or self._held().get(credential)
        self._seen.pop(credential, None)
        if held is None:
            raise NotFound("nothing there carries the credential's marker").about("target")
        return held

    def _held(self) -> dict[str, Held]:
        found: dict[str, Held] = {}
        with self._line.mapped():
            for row in self._line.ask("GET", CREDENTIALS)["credentials"]:
                owner = owner_in(row["credential_name"])
                if owner and row["credential_name"] == marker(owner):
                    found.setdefault(owner, Held()).credential = row
            for row in self._deployments():
                owner = owner_in(row["model_info"].get("stationmaster"))
                if owner:
                    found.setdefault(owner, Held()).deployments[str(row["model_info"]["id"])] = row
        self._seen = dict(found)
        return found

    def _deployments(self) -> Iterable[Mapping[str, Any]]:
        for _ in range(READINGS):
            found, totals = self._pages()
            if totals == {len(found)}:
                return found.values()
        raise Transient("the list of models changed while it was read")

    def _pages(self) -> tuple[dict[str, Mapping[str, Any]], set[int]]:
        """Every deployment by its id, and how many there are by each page: rows are missed where that moves."""
        totals: set[int] = set()
        found: dict[str, Mapping[str, Any]] = {}
        for page in range(1, MOST_PAGES + 1):
            told = self._line.ask("GET", MODELS, params={"page": page, "size": PAGE, "sortBy": "created_at", "sortOrder": "asc"})
            found |= {str(row["model_info"]["id"]): row for row in told["data"]}
            totals.add(int(told["total_count"]))
            if not told["data"] or page >= int(told["total_pages"]):
                return found, totals
        raise Transient("the list of models does not end")

    def _bring(self, wanted: Wanted, held: Held, *, secret: bool) -> Entry:
        expected = self.expected(wanted)
        self._line.hide(wanted.secret)
        self._seen.pop(wanted.id, None)
        if held.credential is None or secret or base_of(held) != expected.base_url:
            self._store(wanted, exists=held.credential is not None)
        made = deployments_of(wanted)
        for name, body in made.items():
            self._deploy(name, body, held.deployments.get(name))
        for name in held.deployments:
            if name not in made:
                self._drop(name)
        return expected

    def _store(self, wanted: Wanted, *, exists: bool) -> None:
        """The credential. One that is there is ours by its name, whether the list showed it or not."""
        base = address_of(wanted)
        values = {"api_key": wanted.secret} | ({"api_base": base} if base else {})
        body = {"credential_values": values, "credential_info": {"description": "by Stationmaster"}, "display_name": wanted.name}
        change = body if base else body | {"credential_values_to_delete": ["api_base"]}
        self._put(
            lambda: self._line.ask("POST", CREDENTIALS, body=body | {"credential_name": marker(wanted.id)}),
            lambda: self._line.ask("PATCH", _path(marker(wanted.id)), body=change), exists=exists,
        )  # fmt: skip

    def _deploy(self, name: str, body: Mapping[str, Any], row: Mapping[str, Any] | None) -> None:
        """A deployment. A limit that is to go cannot be taken out of one, so that it is made anew."""
        if row is not None and {each for each in LIMITS if params_of(row).get(each)} - set(body["litellm_params"]):
            self._drop(name)
            row = None
        if row is None or unlike(row, body):
            change = {part: value for part, value in body.items() if part != "blocked"}
            self._put(
                lambda: self._line.ask("POST", "/model/new", body=body),
                lambda: self._line.ask("PATCH", f"/model/{quote(name, safe='')}/update", body=change), exists=row is not None,
            )  # fmt: skip
        if row is not None and is_blocked(row) != body["blocked"]:
            self._line.ask("POST", "/model/block" if body["blocked"] else "/model/unblock", body={"model_id": name})

    def _put(self, make: Callable[[], object], change: Callable[[], object], *, exists: bool) -> None:
        """Make what has a name of ours, or change it if it is there: a second one of that name is refused, as 409 or as 500."""
        if exists:
            change()
            return
        try:
            make()
        except AlreadyExists:
            change()
        except Transient as error:
            if not error.maybe_done:
                raise
            try:
                change()
            except NotFound:
                raise error from None

    def _drop(self, deployment: str) -> None:
        self._quietly(lambda: self._line.ask("POST", "/model/delete", body={"id": deployment}))

    def _quietly(self, act: Callable[[], object]) -> None:
        try:
            act()
        except NotFound:
            return

    def _health(self, held: Held, checks: Mapping[str, Any]) -> Health:
        """Of the deployment that does worst."""
        if held.deployments and all(is_blocked(row) for row in held.deployments.values()):
            return Health("paused")
        told = [checks[name] for name in held.deployments if name in checks]
        ill = next((each for each in told if each.get("status") != "healthy"), None)
        if ill is None:
            return Health("active", checked_at(told[0])) if told else Health("unknown", "the proxy has not checked it")
        words = self._line.say(str(ill.get("error_message") or "the proxy's own check failed"))
        return Health("invalid" if _REFUSED_KEY.search(words) else "unknown", words)


def _path(name: str) -> str:
    return f"{CREDENTIALS}/{quote(name, safe='')}"
