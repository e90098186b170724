"""Writes: versions, calls that come twice, secrets that go in and never come out, and what is refused."""

import json
import threading
from typing import Any

import httpx
import pytest
from django.db import connections
from django.utils import timezone

from api.kit import Callers, code
from asking import PLAIN
from controlkit import ADMIN, SECRET, a_credential
from internal.kit import Control
from stationmaster.credentials import services as credentials
from stationmaster.entrances import chores, live
from stationmaster.entrances.api.caller import rates
from stationmaster.entrances.api.models import GivenAnswer
from stationmaster.entrances.api.rates import Rates
from stationmaster.entrances.api.replay import KEPT
from stationmaster.errors import Forbidden, Invalid
from stationmaster.operators import services as operators
from stationmaster.routing import services as routing
from stationmaster.settings import Settings, with_saved
from stationmaster.store import stored
from stationmaster.store.actor import Actor
from stationmaster.store.changes import revision

ANY = {"if-match": "*"}


def _made(callers: Callers, path: str, given: dict[str, Any], **headers: str) -> httpx.Response:
    answer = callers["admin"].post(path, json=given, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer


def test_a_thing_from_beginning_to_end(callers: Callers) -> None:
    """Made, read at the address that was told, changed, listed, deleted: with a version that moves on."""
    made = _made(callers, "credentials", a_credential())
    assert made.headers["location"] == f"/api/v1/credentials/{made.json()['id']}"
    shown = callers["admin"].get("credentials/openai-a")
    assert shown.headers["etag"] == made.headers["etag"] == f'"{made.json()["revision"]}"'
    changed = callers["admin"].patch("credentials/openai-a", json={"disabled": True}, headers={"if-match": shown.headers["etag"]})
    assert (changed.status_code, changed.json()["disabled"]) == (200, True)
    assert changed.headers["etag"] != shown.headers["etag"]
    gone = callers["admin"].delete("credentials/openai-a", headers={"if-match": changed.headers["etag"]})
    assert (gone.status_code, gone.content) == (204, b"")
    assert callers["admin"].get("credentials/openai-a").status_code == 404


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"disabled": True}), ("DELETE", None)])
def test_an_edit_names_its_version(callers: Callers, method: str, body: Any) -> None:
    """Without If-Match an edit gets 428, with another version 412, and nothing happens; `*` takes any."""
    made = _made(callers, "credentials", a_credential()).json()
    before = revision()

    def edit(**headers: str) -> httpx.Response:
        sent = {} if body is None else {"json": body}
        return callers["admin"].request(method, "credentials/openai-a", headers=headers, **sent)

    assert edit().status_code == 428
    for stale in (f'"{made["revision"] - 1}"', f'"{made["revision"] + 1}"', f"W/\"{made['revision']}\"", "12", '"x"', '""'):
        assert edit(**{"if-match": stale}).status_code == 412, stale
    assert revision() == before
    assert edit(**{"if-match": "*"}).is_success


_VERSIONED = [
    ("POST", "keys/a/rotate", "keys/a", {"grace_seconds": 60}, {"grace_seconds": 61}),
    ("POST", "gateway-tokens/a/rotate", "gateway-tokens/a", {"overlap_seconds": 60}, {"overlap_seconds": 61}),
    ("PUT", "settings/retention.raw_events_days", "settings/retention.raw_events_days", {"value": 60}, {"value": 61}),
    ("DELETE", "settings/retention.raw_events_days", "settings/retention.raw_events_days", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "read", "body", "_other"), _VERSIONED)
def test_so_do_rotation_and_settings(callers: Callers, method: str, path: str, read: str, body: Any, _other: Any) -> None:
    """Rotating and saving are edits too: 428 without If-Match, 412 with another version than reading it gave, and nothing
    happens; with that one it happens, and there is a new version."""
    admin = callers["admin"]
    for thing in ("keys", "gateway-tokens"):
        _made(callers, thing, {"name": "a"})
    admin.put("settings/retention.raw_events_days", json={"value": 59}, headers={"if-match": '"0"'}).raise_for_status()
    version, before = admin.get(read).headers["etag"], revision()

    def edit(**headers: str) -> httpx.Response:
        return admin.request(method, path, headers=headers, **({} if body is None else {"json": body}))

    assert (edit().status_code, code(edit())) == (428, "error.api.no_version")
    for stale in ('"0"', f'"{int(version.strip(chr(34))) + 1}"', f"W/{version}", "x"):
        answer = edit(**{"if-match": stale})
        assert (answer.status_code, code(answer)) == (412, "error.store.stale"), stale
    assert revision() == before
    done = edit(**{"if-match": version})
    assert done.is_success, done.text
    assert done.headers["etag"] == admin.get(read).headers["etag"] != version
    assert edit(**{"if-match": version}).status_code == 412


def test_a_setting_that_nobody_saved_has_a_version(callers: Callers) -> None:
    """Version 0 is that of a setting for which nothing is saved: of two who save one for the first time, one learns that it
    was changed meanwhile. A setting that was cleared is back there."""
    admin, path = callers["admin"], "settings/retention.raw_events_days"
    shown = admin.get(path)
    assert (shown.headers["etag"], shown.json()["revision"]) == ('"0"', 0)
    first = admin.put(path, json={"value": 60}, headers={"if-match": '"0"'})
    assert (first.status_code, first.json()["revision"]) == (200, revision())
    assert admin.put(path, json={"value": 61}, headers={"if-match": '"0"'}).status_code == 412
    assert admin.get(path).json()["value"] == 60
    assert admin.delete(path, headers={"if-match": first.headers["etag"]}).headers["etag"] == '"0"'
    listed = {row["name"]: row["revision"] for row in admin.get("settings").json()["items"]}
    assert set(listed.values()) == {0}


@pytest.mark.parametrize(("method", "path", "read", "body", "other"), _VERSIONED[:3])
def test_a_replay_is_of_one_version(callers: Callers, method: str, path: str, read: str, body: Any, other: Any) -> None:
    """The same Idempotency-Key with another If-Match is another call, and refused as one; with the same it is answered again,
    though the version is gone by then. Another body is another call as well."""
    admin = callers["admin"]
    for thing in ("keys", "gateway-tokens"):
        _made(callers, thing, {"name": "a"})
    version = admin.get(read).headers["etag"]

    def edit(sent: Any, match: str) -> httpx.Response:
        return admin.request(method, path, json=sent, headers={"if-match": match, "idempotency-key": "once"})

    first = edit(body, version)
    at = revision()
    assert first.is_success, first.text
    for sent, match in ((body, "*"), (body, first.headers["etag"]), (other, version)):
        answer = edit(sent, match)
        assert (answer.status_code, code(answer)) == (409, "error.api.idempotency_key"), (sent, match)
    again = edit(body, version)
    assert (again.content, again.headers["idempotency-replayed"], again.headers["etag"]) == (
        first.content, "true", first.headers["etag"])  # fmt: skip
    assert revision() == at


def test_of_two_edits_of_one_version_one_wins(control: Control, callers: Callers) -> None:
    """Ten edits that go out from one version at the same moment: one happens, nine are told that they are stale."""
    version = _made(callers, "credentials", a_credential()).headers["etag"]
    token = callers["admin"].headers["authorization"]
    start, statuses = threading.Barrier(10), list[int]()

    def edit(number: int) -> None:
        with httpx.Client(base_url=f"{control.url}/api/v1", trust_env=False, verify=PLAIN, timeout=30) as client:
            start.wait()
            answer = client.patch("credentials/openai-a", json={"organisation": f"org-{number}"},
                                  headers={"authorization": token, "if-match": version})  # fmt: skip
            statuses.append(answer.status_code)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [412] * 9


def test_a_call_that_comes_twice_happens_once(callers: Callers) -> None:
    """The same write with the same key happens once, and is answered the same again: even with the key that is shown only
    once, which is nowhere to be read in the database."""
    given = {"name": "team-a", "rpm": 5}
    first = _made(callers, "keys", given, **{"idempotency-key": "once"})
    at = revision()
    again = callers["admin"].post("keys", json=given, headers={"idempotency-key": "once"})
    assert (again.status_code, again.content) == (201, first.content)
    assert (again.headers["idempotency-replayed"], again.headers["etag"]) == ("true", first.headers["etag"])
    assert "idempotency-replayed" not in first.headers
    assert revision() == at
    kept = bytes(GivenAnswer.objects.get().answer)
    assert first.json()["key"].encode() not in kept
    assert b"team-a" not in kept


def test_a_key_is_for_one_call_of_one_caller(callers: Callers) -> None:
    """The same key for another body, path or method is refused; another caller's is theirs; a failed call may be repeated."""
    _made(callers, "keys", {"name": "a"}, **{"idempotency-key": "k"})
    headers = {"idempotency-key": "k", "if-match": "*"}
    for again in (callers["admin"].post("keys", json={"name": "b"}, headers=headers),
                  callers["admin"].post("pools", json={"name": "a"}, headers=headers),
                  callers["admin"].patch("keys/a", json={"name": "a"}, headers=headers)):  # fmt: skip
        assert (again.status_code, code(again)) == (409, "error.api.idempotency_key")
    assert callers["operator"].post("keys", json={"name": "b"}, headers=headers).status_code == 201
    assert callers["admin"].post("keys", json={"name": "b"}, headers={"idempotency-key": "k2"}).status_code == 409
    assert callers["admin"].post("keys", json={"name": "c"}, headers={"idempotency-key": "k2"}).status_code == 201
    for bad in ("", "x" * 256, "a b"):
        answer = callers["admin"].post("keys", json={}, headers={"idempotency-key": bad})
        assert answer.status_code == (201 if not bad else 422)


def test_the_same_call_from_many_connections_happens_once(control: Control, callers: Callers) -> None:
    """Ten calls with one key at the same moment make one thing, and all are told the same."""
    headers = {"authorization": callers["admin"].headers["authorization"], "idempotency-key": "raced"}
    start, answers = threading.Barrier(10), list[tuple[int, bytes]]()

    def call() -> None:
        with httpx.Client(base_url=f"{control.url}/api/v1", trust_env=False, verify=PLAIN, timeout=30) as client:
            start.wait()
            answer = client.post("keys", json={"owner": "ada"}, headers=headers)
            answers.append((answer.status_code, answer.content))

    threads = [threading.Thread(target=call) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 1
    assert answers[0][0] == 201
    assert callers["admin"].get("keys").json()["total"] == 1


def test_answers_are_forgotten_after_a_day(callers: Callers) -> None:
    """After 24 hours a key may name another call; what was kept is deleted."""
    _made(callers, "keys", {"name": "a"}, **{"idempotency-key": "k"})
    GivenAnswer.objects.update(at=timezone.now() - KEPT)
    _made(callers, "keys", {"name": "b"}, **{"idempotency-key": "k"})
    GivenAnswer.objects.update(at=timezone.now() - KEPT)
    chores.do_all()
    assert not GivenAnswer.objects.exists()


def test_secrets_go_in_and_never_come_out(callers: Callers) -> None:
    """No list, file, single answer, error or audit event repeats a stored secret; an empty one keeps it, a mask is refused."""
    given = a_credential()
    made = _made(callers, "credentials", given)
    headers = {"if-match": "*"}
    kept = callers["admin"].patch("credentials/openai-a", json={"secret": "", "organisation": "org"}, headers=headers)
    masked = callers["admin"].patch("credentials/openai-a", json={"secret": "sk-…0y"}, headers=headers)
    assert (masked.status_code, code(masked)) == (422, "error.secret.masked")
    wrong = callers["admin"].post("credentials", json={**given, "name": "b", "vendor": SECRET})
    seen = [made, kept, masked, wrong, callers["admin"].get("credentials/openai-a")]
    for path in ("credentials", "audit"):
        seen += [callers["admin"].get(path, params={"format": form} if form else {}) for form in ("", "csv", "json", "jsonl")]
    seen.append(callers["admin"].get("credentials", params={"search": SECRET}))
    assert kept.json()["secret_set"]
    assert all(SECRET not in answer.text for answer in seen)


_BODIES = [
    (b"{", "application/json", 400), (b"[]", "application/json", 400), (b'{"a":1e999}', "application/json", 400),
    (b"\xff", "application/json", 400), (b"[" * 100_000, "application/json", 400), (b"", "application/json", 400),
    (b"{}", "text/plain", 415), (b"name=a", "application/x-www-form-urlencoded", 415), (b"null", "application/json", 400),
    (b'{"name":"\\ud800"}', "application/json", 400), (b'{"name":"a\\u0000"}', "application/json", 422),
    (b'{"nome":"a"}', "application/json", 422), (b'{"name":7}', "application/json", 422),
    (b" " * 11_000_000, "application/json", 413),
]  # fmt: skip


def test_bodies_that_cannot_be(callers: Callers) -> None:
    """What is no JSON object, or not one that makes the thing, is refused in the one shape; nothing is made."""
    for content, type_, status in _BODIES:
        answer = callers["admin"].post("keys", content=content, headers={"content-type": type_})
        assert answer.status_code == status, (content[:40], answer.text)
        assert answer.json()["error"].keys() == {"code", "message", "hint", "request_id", "retryable", "fields"}
        assert answer.json()["error"]["request_id"] == answer.headers["x-stationmaster-request-id"]
    assert callers["admin"].get("keys").json()["total"] == 0


def test_what_is_wrong_is_told_by_field(callers: Callers) -> None:
    """Errors name the field, in the words of gateway.toml."""
    answer = callers["admin"].post("pools", json={"name": "a b", "members": [{"credential": "nobody", "weight": 0}]})
    assert answer.status_code == 422
    assert {"name", "members[0].weight"} <= set(answer.json()["error"]["fields"])


def test_a_thing_in_use_stays(callers: Callers) -> None:
    """What something else needs is not deleted, and says by what it is used."""
    _made(callers, "credentials", a_credential())
    _made(callers, "pools", {"name": "main", "members": [{"credential": "openai-a"}]})
    refused = callers["admin"].delete("credentials/openai-a", headers={"if-match": "*"})
    assert (refused.status_code, code(refused)) == (409, "error.store.in_use")
    assert "pool main" in refused.json()["error"]["message"]


def test_a_rotated_key_is_shown_once(callers: Callers) -> None:
    """Rotation answers with the new key and until when the old one is let in; reading it again shows neither."""
    old = _made(callers, "keys", {"name": "team-a"}).json()
    new = callers["admin"].post("keys/team-a/rotate", json={"grace_seconds": 3600}, headers=ANY).json()
    assert new["key"] not in (None, old["key"])
    assert new["previous_until"]
    assert "key" not in callers["admin"].get("keys/team-a").json()
    assert routing.find_by_secret(ADMIN, new["key"])
    assert routing.find_by_secret(ADMIN, old["key"])
    for bad in ({"grace_seconds": -1}, {"grace_seconds": True}, {"grace": 1}, {"secret_sha256": 7}, {"grace_seconds": 10**9}):
        assert callers["admin"].post("keys/team-a/rotate", json=bad, headers=ANY).status_code == 422, bad


def test_the_audit_trail_says_who(callers: Callers) -> None:
    """A change over REST is in the trail with its caller and the id of its request; the trail's check passes, against a head
    kept elsewhere too, and fails against one that was not."""
    made = _made(callers, "keys", {"name": "team-a"})
    event = callers["auditor"].get("audit", params={"filter": f"subject:eq:{made.json()['id']}"}).json()["items"][0]
    me = callers["admin"].get("me").json()
    assert (event["actor"], event["request_id"]) == (me["id"], made.headers["x-stationmaster-request-id"])
    verdict = callers["auditor"].post("audit/verify", json={}).json()
    assert (verdict["ok"], verdict["faults"]) == (True, [])
    assert callers["auditor"].post("audit/verify", json={"since": verdict["head"]}).json()["ok"]
    other = {"count": verdict["head"]["count"], "hash": "0" * 64}
    assert not callers["auditor"].post("audit/verify", json={"since": other}).json()["ok"]
    assert callers["auditor"].post("audit/verify", json={"since": 7}).status_code == 422


def test_settings(callers: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are listed with where they come from, saved, cleared; refused where they cannot be, and secrets are masked."""
    name = "settings/retention.raw_events_days"
    assert callers["viewer"].get(name).json()["origin"] == "default"
    saved = callers["admin"].put(name, json={"value": 90}, headers=ANY).json()
    assert (saved["value"], saved["origin"]) == (90, "stored")
    assert live.settings().retention.raw_events_days == 90
    for bad in ({"value": 0}, {"value": "90"}, {"value": None}, {"values": 1}, {}):
        assert callers["admin"].put(name, json=bad, headers=ANY).status_code == 422, bad
    clash = callers["admin"].put("settings/gateway.port", json={"value": 4001}, headers=ANY)
    assert (clash.status_code, code(clash)) == (422, "error.settings.bad_value")
    assert callers["admin"].put("settings/gateway.default_pool", json={"value": "nothing"}, headers=ANY).status_code == 404
    assert callers["admin"].put("settings/database.url", json={"value": "x"}, headers=ANY).status_code == 409
    assert callers["admin"].put("settings/nothing.here", json={"value": 1}, headers=ANY).status_code == 404
    assert callers["admin"].delete(name, headers=ANY).json()["origin"] == "default"
    listed = callers["viewer"].get("settings").json()["items"]
    assert len({item["name"] for item in listed}) == len(listed) > 30


def test_a_setting_that_the_environment_decides_is_locked(callers: Callers) -> None:
    """What a flag, the environment or a file says is shown as locked, and cannot be saved."""
    from stationmaster.settings import load

    live.use(load(environ={"STATIONMASTER__RETENTION__RAW_EVENTS_DAYS": "7"}))
    shown = callers["viewer"].get("settings/retention.raw_events_days").json()
    assert (shown["value"], shown["locked"]) == (7, True)
    refused = callers["admin"].put("settings/retention.raw_events_days", json={"value": 90}, headers=ANY)
    assert (refused.status_code, code(refused)) == (409, "error.settings.locked")


def test_who_comes_in_is_changed_by_who_proved_lately_who_they_are(database: str) -> None:
    """Settings of logging in and of where secrets may go take somebody who signed in lately; others do not."""
    live.use(Settings())
    stale = Actor("operator", "op_admin", "admin", fresh=False)
    for name, value in (("login.local", False), ("tokens.gateway_days", 3), ("console.public_url", "https://x.example")):
        with pytest.raises(Forbidden) as refused:
            live.save_setting(stale, name, value)
        assert refused.value.code == "error.access.not_fresh"
    assert live.save_setting(stale, "retention.raw_events_days", 3)["value"] == 3


REACHING = {
    "oidc.issuer": "https://login.example.com", "oidc.client_id": "evil", "oidc.viewer_domains": ["example.com"],
    "login.local": False, "login.session_seconds": 2_000_000, "login.admin_link_seconds": 86_400, "console.public_url": "https://evil.example.com",
    "console.host": "127.0.0.2", "outbound.allowed_private": ["10.0.0.0/8"], "tokens.gateway_days": 3650,
    "gateway.default_pool": "",
}  # fmt: skip
GIVING = {
    "oidc": ["operators:create", "operators:update"], "login": ["operators:create", "operators:update"],
    "console": ["operators:create", "operators:update"], "outbound": ["addresses:create", "addresses:delete"],
    "tokens": ["tokens:create", "gateways:create"], "gateway": ["routes:update"],
}  # fmt: skip


def test_a_setting_reaches_no_further_than_its_saver(callers: Callers) -> None:
    """A token of an admin whose scope is `settings:update` saves and clears nothing that would let people in, open addresses
    or lengthen tokens; with the rights that such a setting gives it does, and with one of them missing it does not."""

    def token(*scopes: str) -> dict[str, str]:
        given = {"name": "narrow", "role": "admin", "scopes": ["settings:update", *scopes]}
        return {**ANY, "authorization": f"Bearer {callers['admin'].post('tokens', json=given).json()['token']}"}

    anybody, narrow = callers["anonymous"], token()
    for name, value in REACHING.items():
        path, sent, rights = f"settings/{name}", {"value": value}, GIVING[name.partition(".")[0]]
        for answer in (anybody.put(path, json=sent, headers=narrow), anybody.delete(path, headers=narrow)):
            assert (answer.status_code, code(answer)) == (403, "error.access.forbidden"), name
        for right in rights if len(rights) > 1 else []:
            assert anybody.put(path, json=sent, headers=token(right)).status_code == 403, (name, right)
        assert live.show(name)["revision"] == 0
        assert anybody.put(path, json=sent, headers=token(*rights)).status_code == 200, name
        assert live.show(name)["origin"] == "stored"
        live.clear_setting(ADMIN, name)
    assert anybody.put("settings/retention.raw_events_days", json={"value": 9}, headers=narrow).status_code == 200


NO_ENTRIES = [
    "0.0.0.0/0", "::/0", "169.254.169.254", "169.254.0.0/16", "fe80::/10", "100.100.100.200", "fd00:ec2::254", "8.8.8.8",
    "10.0.0.0/7", "192.168.0.0/15", "2000::/3", "10.1.2.3/8", "not a host", "", "1.2.3",
]  # fmt: skip


def test_a_saved_list_opens_what_an_entry_may(callers: Callers) -> None:
    """What cannot be an allowed address cannot be one of `outbound.allowed_private` either."""
    for entry in NO_ENTRIES:
        given = {"value": ["10.1.2.0/24", entry]}
        saved = callers["admin"].put("settings/outbound.allowed_private", json=given, headers=ANY)
        assert (saved.status_code, code(saved)) == (422, "error.settings.bad_value"), entry
        assert callers["admin"].post("addresses", json={"name": entry, "reason": "ours"}).status_code == 422, entry


def test_a_console_in_clear_text_cannot_be_saved(database: str) -> None:
    """A host beyond this machine takes an https address for people first, and keeps it as long as it is there: a saved value
    must not keep the next start from serving."""
    live.use(Settings())
    with pytest.raises(Invalid, match="could be read on the way"):
        live.save_setting(ADMIN, "console.host", "192.0.2.7")
    live.save_setting(ADMIN, "console.public_url", "https://console.example.com")
    live.save_setting(ADMIN, "console.host", "192.0.2.7")
    with pytest.raises(Invalid, match="could be read on the way"):
        live.clear_setting(ADMIN, "console.public_url")
    assert live.show("console.public_url")["value"] == "https://console.example.com"
    live.clear_setting(ADMIN, "console.host")
    live.clear_setting(ADMIN, "console.public_url")


def test_usage_in_figures(callers: Callers) -> None:
    """Totals and courses answer over REST, and refuse times and steps that cannot be."""
    assert callers["viewer"].get("usage/totals").json()["total"]["requests"] == 0
    asked = {"since": "2026-03-01T00:00:00Z", "until": "2026-03-02T00:00:00+00:00", "step": "hour", "by": "model"}
    answer = callers["viewer"].get("usage/series", params=asked)
    assert answer.json()["until"] == "2026-03-02T00:00:00+00:00"
    for bad in ({"since": "x"}, {"until": "0001-01-01T00:00:00Z"}, {"until": "9999-12-31T23:59:59Z"}, {"by": "x"},
                {"step": "week"}, {"since": "2026-01-02", "until": "2026-01-01"}, {"filter": "request_id:eq:1"},
                {"limit": "1"}):  # fmt: skip
        assert callers["viewer"].get("usage/series", params=bad).status_code == 422, bad


def test_health_counts(callers: Callers) -> None:
    """Health says how many credentials stand how, how many gateways are here, and on how many days bills are
    apart."""
    credentials.create_credential(ADMIN, a_credential())
    shown = callers["viewer"].get("health").json()
    assert (shown["credentials"], shown["gateways"]) == ({"unknown": 1}, {"known": 0, "connected": 0, "up_to_date": 0})
    assert shown["revision"] == revision()
    assert shown["bills"] == {"apart": 0}


def test_who_calls_too_often_waits(callers: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over its rate a caller gets 429 with the time to wait; others are not slowed down."""
    monkeypatch.setattr(rates, "_per_second", 0.001)
    monkeypatch.setattr(rates, "_burst", 3.0)
    statuses = [callers["viewer"].get("me").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    limited = callers["viewer"].get("me")
    assert int(limited.headers["retry-after"]) > 0
    assert limited.json()["error"]["retryable"]
    assert callers["admin"].get("me").status_code == 200


def test_a_bucket_fills_again() -> None:
    """Tokens come back with time, up to the burst; whoever called long ago is forgotten."""
    now = [0.0]
    bucket = Rates(per_second=2, burst=2, clock=lambda: now[0])
    assert [bucket.wait("a") for _ in range(3)] == [0, 0, 0.5]
    now[0] = 0.5
    assert [bucket.wait("a"), bucket.wait("a")] == [0, 0.5]
    now[0] = 100.0
    assert [bucket.wait("a") for _ in range(3)] == [0, 0, 0.5]


def test_another_method_is_refused_in_shape(callers: Callers) -> None:
    """A method that a path does not take gets 405, which names those that it does."""
    answer = callers["admin"].put("keys", json={})
    assert (answer.status_code, code(answer)) == (405, "error.api.method")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}
    assert json.loads(answer.text)["error"]["request_id"]
    connections.close_all()


@pytest.mark.parametrize("name", ["gateway.state_file", "gateway.ca_bundle", "console.tls_key", "data.dir"])
def test_paths_on_a_machine_are_not_saved_from_afar(callers: Callers, name: str) -> None:
    """A file that a gateway reads or writes is named where it is: by flag, variable or file. Saved under an older version it has
    no effect."""
    answer = callers["admin"].put(f"settings/{name}", json={"value": "/etc/passwd"}, headers=ANY)
    assert (answer.status_code, code(answer)) == (409, "error.settings.not_saved")
    assert callers["admin"].get(f"settings/{name}").json()["can_be_saved"] is False
    found = with_saved(Settings(), {name: stored.Stored("/etc/passwd", "op_x", timezone.now(), 1)})
    assert found.value(name) == Settings().value(name)
    assert [problem.key for problem in found.ignored] == [name]


def test_who_is_erased_stays_erased(callers: Callers) -> None:
    """One who is still an operator is not; one who was deleted is, and takes no second time. An event tells of it."""
    made = _made(callers, "operators", {"email": "ada@example.com", "role": "viewer", "display_name": "Ada"}).json()["id"]
    still = callers["admin"].post(f"operators/{made}/erase")
    assert (still.status_code, code(still)) == (409, "error.operator.still_there")
    assert callers["admin"].delete(f"operators/{made}", headers=ANY).status_code == 204
    assert callers["admin"].post("operators/ada@example.com/erase").status_code == 204
    assert callers["admin"].post(f"operators/{made}/erase").status_code == 404
    (event,) = callers["admin"].get("audit", params={"filter": "action:eq:erase"}).json()["items"]
    assert (event["source"], event["subject"]) == ("audit", made)


def test_an_invitation_is_shown_once(callers: Callers) -> None:
    """The link is in the answer and in no other; asked for again with the same key, it is the same; another is another."""
    made = _made(callers, "operators", {"email": "joe@example.com", "role": "viewer"}).json()["id"]
    first = callers["admin"].post(f"operators/{made}/invite", headers={"idempotency-key": "a"})
    assert first.status_code == 201
    secret = first.json()["link"].rpartition("/welcome/")[2]
    assert callers["admin"].post(f"operators/{made}/invite", headers={"idempotency-key": "a"}).json() == first.json()
    assert operators.is_open(secret)
    assert secret not in callers["admin"].get("audit").text + callers["admin"].get(f"operators/{made}").text
    assert callers["admin"].post("operators/joe@example.com/invite").json()["link"] != first.json()["link"]
    assert not operators.is_open(secret)


def test_a_refusal_names_what_refuses(callers: Callers) -> None:
    """The scopes of a token whose role may; the role otherwise."""
    given = {"name": "narrow", "role": "viewer", "scopes": ["keys:*"]}
    token = callers["admin"].post("tokens", json=given).json()["token"]
    headers = {"authorization": f"Bearer {token}"}
    for path, who in (("pools", "the scopes of this token"), ("audit", "the role viewer")):
        answer = callers["anonymous"].get(path, headers=headers)
        assert answer.json()["error"]["message"] == f"read {path}: not for {who}"
