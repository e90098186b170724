"""Who comes in, what is read of a request, and what no request may do."""

import json
import logging
import os
import subprocess
import sys
from typing import Any

import httpx
import pytest
from django.db.backends.utils import CursorWrapper

from controlkit import CLI, OPERATOR
from internal.kit import Control
from scim.kit import ENTERPRISE, PATCH, USER, Directory, a_user, op
from stationmaster.entrances.scim.door import rates
from stationmaster.errors import Forbidden
from stationmaster.operators import services as operators
from stationmaster.operators.models import ApiToken
from stationmaster.people.models import Membership
from stationmaster.store.listing import Query

BOMB = " or ".join(f'userName eq "{number}"' for number in range(200))
DEEP: Any = "x"
for _ in range(60):
    DEEP = [DEEP]
HOSTILE: list[tuple[str, str, bytes, set[int]]] = [
    ("POST", "/Users", b"", {400}), ("POST", "/Users", b"{", {400}), ("POST", "/Users", b"[]", {400}),
    ("POST", "/Users", b'"x"', {400}), ("POST", "/Users", b"\xff\xfe", {400}), ("POST", "/Users", b"[" * 100_000, {400}),
    ("POST", "/Users", json.dumps({"schemas": [USER], "userName": DEEP}).encode(), {400}),
    ("POST", "/Users", b'{"schemas":["' + USER.encode() + b'"],"userName":"a\\u0000b"}', {400}),
    ("POST", "/Users", b'{"schemas":["' + USER.encode() + b'"],"userName":"\\ud800"}', {400}),
    ("POST", "/Users", b'{"schemas":["' + USER.encode() + b'"],"userName":"a","nickName":"\\ud800"}', {400}),
    ("POST", "/Users", json.dumps(a_user("x" * 5000)).encode(), {400}), ("POST", "/Users", b"x" * 1_100_000, {413}),
    ("POST", "/Users", json.dumps(a_user(emails=[{"value": "no address"}])).encode(), {400}),
    ("POST", "/Groups", json.dumps({"displayName": "x", "members": [{"value": "per_none"}]}).encode(), {400}),
    ("PATCH", "/Users/{id}", json.dumps({"schemas": [PATCH], "Operations": [op("add", "title", "x")] * 501}).encode(), {400}),
    ("PATCH", "/Users/{id}", json.dumps({"schemas": [PATCH], "Operations": [op("replace", "id", "x")]}).encode(), {400}),
    ("PATCH", "/Users/{id}", json.dumps({"schemas": [PATCH], "Operations": [op("replace", "a[" * 50, "x")]}).encode(), {400}),
    ("PATCH", "/Users/{id}", json.dumps({"schemas": [PATCH], "Operations": [op("replace", "__class__.x", "x")]}).encode(),
     {204, 400}),
    ("PATCH", "/Users/{id}", json.dumps({"schemas": [PATCH], "Operations": [op("rm", "title")]}).encode(), {400}),
    ("PATCH", "/Users/{id}", json.dumps({"schemas": [PATCH], "Operations": "x"}).encode(), {400}),
    ("GET", "/Users?filter=" + httpx.QueryParams({"q": BOMB}).get("q").replace(" ", "%20"), b"", {400}),
    ("GET", "/Users?filter=" + "(" * 500 + "title%20pr" + ")" * 500, b"", {200, 400}),
    ("GET", "/Users?filter=" + "not%20(" * 40 + "title%20pr" + ")" * 40, b"", {400}),
    ("GET", '/Users?filter=userName%20eq%20"%5Cu0000"', b"", {400}), ("GET", "/Users?filter=userName%20eq", b"", {400}),
    ("GET", '/Users?filter=nickName%20eq%20"x"', b"", {400}), ("GET", '/Users?filter=pass%20eq%20"x"', b"", {400}),
    ("GET", '/Users?filter=meta.created%20gt%20"2020-01-01T00:00:00"', b"", {400}),
    ("GET", "/Users?startIndex=99999999999999999999999", b"", {200}), ("GET", "/Users?count=-1", b"", {200}),
    ("GET", "/Users?count=" + "9" * 5000, b"", {400}), ("GET", "/Users?sortBy=nickName", b"", {400}),
    ("GET", "/?sortBy=displayName", b"", {501}), ("GET", "/Users?" + "&".join("a=1" for _ in range(50)), b"", {400}),
    ("GET", "/Users?filter=" + "a" * 9000, b"", {414}), ("POST", "/Bulk", b"{}", {501}), ("GET", "/Me", b"", {501}),
    ("TRACE", "/Users", b"", {405}), ("GET", "/Users/%00", b"", {404}), ("GET", "/Users/..%2f..%2fapi", b"", {404}),
    ("GET", "/nowhere", b"", {404}), ("DELETE", "/Users", b"", {405}),
]  # fmt: skip


def test_hostile_requests(directory: Directory, caplog: pytest.LogCaptureFixture) -> None:
    """Each is refused as SCIM refuses, none is our fault, and nothing of it is in the log."""
    which = directory.made("target")["id"]
    with caplog.at_level(logging.INFO):
        for method, path, body, expected in HOSTILE:
            answer = directory.request(method, path.replace("{id}", which), content=body)
            assert answer.status_code in expected, (method, path[:80], body[:80], answer.status_code, answer.text[:300])
            if answer.status_code >= 400:
                assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
                assert answer.headers["content-type"] == "application/scim+json"
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("stationmaster"))
    assert "/scim/v2/Users" in logged
    assert not [text for text in ("nowhere", which, "userName", "__class__") if text in logged]
    assert len(directory.found("/Users")) == 1


def test_what_users_say_is_bound_never_spelt(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No statement that reaches the database holds a byte of what a caller sent."""
    told: list[str] = []
    execute = CursorWrapper.execute

    def noting(self: CursorWrapper, sql: str, params: Any = None) -> Any:
        told.append(str(sql))
        return execute(self, sql, params)

    monkeypatch.setattr(CursorWrapper, "execute", noting)
    mark = "zq7x%_';--"
    made = directory.made("m", displayName=mark, title=mark, externalId=mark, nickName=mark,
                          **{ENTERPRISE: {"department": mark}})  # fmt: skip
    directory.grouped(mark, made["id"])
    for operator in ("eq", "ne", "co", "sw", "ew", "gt", "le"):
        for name in ("displayName", "externalId", "emails.value", "emails.type", f"{ENTERPRISE}:department", "groups.display"):
            answer = directory.get("/Users", params={"filter": f'{name} {operator} "{mark}"'})
            assert answer.status_code == 200, answer.text
    assert len(directory.found("/Users", filter=f'displayName co "{mark}"')) == 1
    assert directory.found("/Users", filter='displayName co "zq7x__"') == []
    assert [sql for sql in told if "INSERT" in sql and "people_person" in sql]
    assert not [sql for sql in told if "zq7x" in sql.lower()]


def test_tokens(control: Control, directory: Directory) -> None:
    """SCIM takes SCIM tokens alone, and REST takes none of them; only who may all that one does may make one; a revoked or
    expired one is over."""
    assert directory.get("/Users").status_code == 200
    row = ApiToken.objects.get(role="scim")
    assert row.last_used_at is not None
    api = operators.create_token(CLI, {"name": "x", "role": "admin"}).secret.text
    asked = {"none": ("", 401), "wrong": ("Bearer sm-scim-x", 401), "other": (f"Bearer {api}", 403), "basic": ("Basic eDp4", 401),
             "gateway": (f"Bearer {control.token}", 401)}  # fmt: skip
    with httpx.Client(base_url=control.url, trust_env=False, timeout=30) as plain:
        for name, (value, status) in asked.items():
            answer = plain.get("/scim/v2/Users", headers={"authorization": value} if value else {})
            assert answer.status_code == status, name
            assert ("www-authenticate" in answer.headers) is (status == 401)
        assert plain.get("/api/v1/people", headers={"authorization": directory.headers["authorization"]}).status_code == 401
    with pytest.raises(Forbidden):
        operators.create_scim_token(OPERATOR, {"name": "x"})
    assert [each["role"] for each in operators.list_tokens(CLI, Query()).items].count("scim") == 1
    operators.delete_token(CLI, row.id)
    assert directory.get("/Users").status_code == 401


def test_a_name_that_is_not_ours(directory: Directory) -> None:
    """Addresses in answers are made of a name that is this host's, or there is no answer."""
    assert directory.get("/Users", headers={"host": "evil.test"}).status_code == 421
    made = directory.made()
    assert made["meta"]["location"] == f"{str(directory.base_url).rstrip('/')}/Users/{made['id']}"


def test_too_often(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks too often is told when to come again."""
    monkeypatch.setattr(rates, "wait", lambda _: 1.2)
    answer = directory.get("/Users")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")


def test_versions(directory: Directory) -> None:
    """A version that is known is not sent again, one that is old changes nothing."""
    made = directory.made()
    path, tag = f"/Users/{made['id']}", made["meta"]["version"]
    assert directory.get(path, headers={"if-none-match": tag}).status_code == 304
    assert directory.changed(path, op("replace", "title", "x"), headers={"if-match": tag}).status_code == 204
    for answer in (directory.changed(path, op("replace", "title", "y"), headers={"if-match": tag}),
                   directory.delete(path, headers={"if-match": tag})):  # fmt: skip
        assert answer.status_code == 412
    group = directory.grouped("Team")
    members = op("add", "members", [{"value": made["id"]}])
    old = {"if-match": group["meta"]["version"]}
    assert directory.changed(f"/Groups/{group['id']}", members, headers=old).status_code == 204
    assert directory.changed(f"/Groups/{group['id']}", members, headers=old).status_code == 412


def test_pages(directory: Directory) -> None:
    """Pages meet without a gap, hold at most two hundred, and the root lists users and groups."""
    names = [f"u{number:03}" for number in range(7)]
    for name in names:
        directory.made(name)
    directory.grouped("Team")
    found: list[str] = []
    for start in (1, 4, 7):
        answer = directory.get("/Users", params={"sortBy": "userName", "startIndex": start, "count": 3}).json()
        assert (answer["totalResults"], answer["startIndex"]) == (7, start)
        found += [each["userName"] for each in answer["Resources"]]
    assert found == [f"{name}@example.test" for name in names]
    assert directory.get("/Users", params={"count": 0}).json()["totalResults"] == 7
    assert directory.get("/ServiceProviderConfig").json()["filter"]["maxResults"] == 200
    root = directory.get("/", params={"startIndex": 7, "count": 5}).json()
    assert ([each["meta"]["resourceType"] for each in root["Resources"]], root["totalResults"]) == (["User", "Group"], 8)


PARTS = [
    {"attributes": "userName"}, {"attributes": "emails.value,name.givenName"}, {"attributes": f"{ENTERPRISE}:department"},
    {"attributes": ENTERPRISE}, {"attributes": f"{USER}:displayName,META.version"}, {"attributes": "nothing"},
    {"excludedAttributes": "emails"}, {"excludedAttributes": "name.givenName,groups"}, {"excludedAttributes": "id,userName"},
    {"excludedAttributes": f"{ENTERPRISE}:department"}, {"excludedAttributes": ENTERPRISE}, {},
]  # fmt: skip


@pytest.mark.parametrize("parameters", PARTS, ids=str)
def test_lists_say_what_the_library_says(directory: Directory, parameters: dict[str, str]) -> None:
    """A list goes past the library, and shows each resource as a read of it alone does, which does not."""
    made = directory.made(displayName="A", name={"givenName": "Ada", "formatted": "A L"}, locale="en", externalId="7",
                          emails=[{"value": "a@x.test", "type": "home"}, {"value": "b@x.test", "primary": True}],
                          **{ENTERPRISE: {"department": "D", "division": "V", "manager": {"value": "boss"}}})  # fmt: skip
    directory.grouped("Team", made["id"])
    alone = directory.get(f"/Users/{made['id']}", params=parameters).json()
    (listed,) = directory.found("/Users", **parameters)
    (searched,) = directory.post("/Users/.search", json={
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        **{name: value.split(",") for name, value in parameters.items()},
    }).json()["Resources"]  # fmt: skip
    for each in (alone, listed, searched):
        each.pop("schemas")
    assert listed == alone == searched


def test_members_are_read_when_they_are_shown(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding one to a group, taking one out, and renaming it reads no other member."""
    ids = [directory.made(f"u{number}")["id"] for number in range(3)]
    group = directory.grouped("Team", *ids)
    read: list[str] = []
    execute = CursorWrapper.execute

    def noting(self: CursorWrapper, sql: str, params: Any = None) -> Any:
        if "people_membership" in sql and "SELECT" in sql and "person_id" in sql.partition("FROM")[0] and " IN (" not in sql:
            read.append(sql)
        return execute(self, sql, params)

    monkeypatch.setattr(CursorWrapper, "execute", noting)
    path = f"/Groups/{group['id']}"
    for operation in (op("remove", f'members[value eq "{ids[0]}"]'), op("add", "members", [{"value": ids[0]}]),
                      op("replace", "displayName", "Other")):  # fmt: skip
        assert directory.changed(path, operation).status_code == 204
    assert directory.get(path, params={"excludedAttributes": "members"}).json()["displayName"] == "Other"
    assert read == []
    assert Membership.objects.filter(group_id=group["id"]).count() == 3


def test_the_library_is_loaded_when_it_is_asked_for() -> None:
    """A control plane that has just started has not loaded it: that takes more than a second."""
    code = (
        "import sys, databases\nfrom stationmaster.entrances.application import Application\nApplication()\n"
        "sys.exit(bool({'scim2_models', 'scim2_server', 'lark'} & sys.modules.keys()))"
    )
    environment = {**os.environ, "PYTHONPATH": "tests"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
