"""Imports of older setups over REST: uploads in parts, answers as the document says, no secret in any of them."""

import json

import httpx

from api.kit import Callers, code
from importing.kit import ACCOUNTS, CANARIES, finish
from stationmaster.entrances.api.site import document

ANY = {"if-match": "*"}
BYTES = {"content-type": "application/octet-stream"}
FILE = json.dumps([*ACCOUNTS, {"email": "nobody", "type": "child", "parent_id": 1}]).encode()


def described(operation: str, answer: httpx.Response) -> None:
    """The answer has the fields of the document's example, and no others."""
    operations = [each for path in json.loads(document())["paths"].values() for each in path.values()]
    (found,) = (each for each in operations if each["operationId"] == operation)
    content = next(value for status, value in found["responses"].items() if status.startswith("2"))["content"]
    assert answer.json().keys() == content["application/json"]["example"].keys(), answer.text


def test_a_file_in_parts_comes_in_and_goes_out(callers: Callers) -> None:
    """Uploaded, previewed, started, done; answers as described; problems and rosters come as files."""
    admin = callers["admin"]
    which = admin.post("imports", json={"name": "accounts.json"}).json()["id"]
    for offset, part in ((0, FILE[:100]), (100, FILE[100:])):
        described("upload_imports", admin.put(f"imports/{which}/content", params={"offset": offset}, content=part, headers=BYTES))
    assert code(admin.put(f"imports/{which}/content", params={"offset": 7}, content=b"x", headers=BYTES)) == "error.import.offset"
    seen = admin.post(f"imports/{which}/preview", json={"format": "accounts"})
    described("preview_imports", seen)
    assert [row["outcome"] for row in seen.json()["rows"]] == [*["create"] * 5, "error"]
    started = admin.post(f"imports/{which}/start", json={})
    described("start_imports", started)
    assert finish(which, started.json()["job"])["created"] == 5
    shown = admin.get(f"imports/{which}")
    described("get_imports", shown)
    assert (shown.json()["state"], shown.json()["errors"], shown.json()["left_out"]["secrets"]["password"]) == ("partial", 1, 2)
    file = admin.get(f"imports/{which}/problems", params={"format": "csv"})
    assert file.text.splitlines()[1].startswith("6,error,email,error.person.bad_value")
    out = admin.get("rosters/accounts")
    assert [row["email"] for row in out.json()] == [row["email"] for row in ACCOUNTS]
    job = admin.get(f"jobs/{started.json()['job']}/artifacts/result.json")
    for answer in (seen, shown, file, out, job, admin.get("imports"), admin.get("audit")):
        assert not [value for value in CANARIES.values() if value in answer.text]


def test_what_is_refused(callers: Callers) -> None:
    """Half a file, another form, no such thing, and who may not."""
    admin = callers["admin"]
    which = admin.post("imports", json={"name": "x.json"}).json()["id"]
    assert code(admin.post(f"imports/{which}/preview", json={})) == "error.import.no_file"
    admin.put(f"imports/{which}/content", params={"offset": 0}, content=b'[{"email": "a@exam', headers=BYTES)
    assert code(admin.post(f"imports/{which}/preview", json={})) == "error.import.half"
    assert code(admin.post(f"imports/{which}/preview", json={"format": "xml"})) == "error.import.form"
    assert code(admin.post(f"imports/{which}/start", json={"dry_run": 1})) == "error.api.bad_value"
    assert code(admin.get("imports/ros_none")) == "error.import.not_found"
    assert code(admin.get("rosters/xml")) == "error.import.form"
    assert code(callers["viewer"].get("rosters/accounts")) == "error.access.forbidden"
    assert admin.delete(f"imports/{which}", headers=ANY).status_code == 204


def test_mappings(callers: Callers) -> None:
    """Kept, listed, used, forgotten."""
    operator = callers["operator"]
    made = operator.post("import-mappings", json={"name": "ours", "fields": {"wer": "email"}})
    described("create_import_mappings", made)
    assert operator.get("import-mappings").json()["total"] == 1
    which = operator.post("imports", json={"name": "x.json"}).json()["id"]
    file = b'[{"wer": "a@example.com", "type": "child"}]'
    operator.put(f"imports/{which}/content", params={"offset": 0}, content=file, headers=BYTES)
    seen = operator.post(f"imports/{which}/preview", json={"mapping_name": "ours"}).json()
    assert [row["outcome"] for row in seen["rows"]] == ["create"]
    assert operator.delete("import-mappings/ours", headers=ANY).status_code == 204
