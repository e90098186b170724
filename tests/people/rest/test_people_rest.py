"""People over REST: uploads in parts, answers as the document says, nobody's address where it does not belong."""

import json
from typing import Any

import httpx
import pytest

from api.kit import Callers, code
from people.kit import finish
from stationmaster.entrances.api.site import document
from stationmaster.people.models import Person

FILE = b"E-Mail,Name\nada@example.com,Ada\nbob@example.com,Bob\nADA@example.com,Twice\n"
BYTES = {"content-type": "application/octet-stream"}


def begun(caller: httpx.Client, *parts: bytes) -> str:
    """An upload of these parts; the import's id."""
    which = str(caller.post("people/imports", json={"name": "people.csv"}).json()["id"])
    offset = 0
    for part in parts:
        answer = caller.put(f"people/imports/{which}/content", params={"offset": offset}, content=part, headers=BYTES)
        assert answer.status_code == 200, answer.text
        offset += len(part)
    return which


def described(operation: str, answer: httpx.Response) -> None:
    """The answer has the fields of the document's example, and no others."""
    operations = [each for path in json.loads(document())["paths"].values() for each in path.values()]
    (found,) = (each for each in operations if each["operationId"] == operation)
    content = next(value for status, value in found["responses"].items() if status.startswith("2"))["content"]
    assert answer.json().keys() == content["application/json"]["example"].keys(), answer.text


def test_a_file_in_parts_becomes_people(callers: Callers) -> None:
    """Uploaded, previewed, started, done; the answers are as described, problems come as a file."""
    operator = callers["operator"]
    which = begun(operator, FILE[:20], FILE[20:])
    seen = operator.post(f"people/imports/{which}/preview", json={"mapping": {"Name": "display_name"}})
    described("preview_people_imports", seen)
    assert [row["outcome"] for row in seen.json()["rows"]] == ["create", "create", "duplicate"]
    started = operator.post(f"people/imports/{which}/start", json={})
    described("start_people_imports", started)
    assert finish(which, started.json()["job"])["created"] == 2
    shown = operator.get(f"people/imports/{which}")
    described("get_people_imports", shown)
    assert (shown.json()["state"], shown.json()["duplicates"]) == ("partial", 1)
    file = operator.get(f"people/imports/{which}/problems", params={"format": "csv"})
    assert file.headers["content-type"].startswith("text/csv")
    assert file.text.splitlines()[1].startswith("4,duplicate,")
    assert "example" not in file.text


def test_a_part_that_got_lost_or_came_twice(callers: Callers) -> None:
    """409 says where to go on; nothing is stored twice."""
    operator = callers["operator"]
    which = begun(operator, FILE[:20])
    for offset in (0, 19, 21, 10**11):
        answer = operator.put(f"people/imports/{which}/content", params={"offset": offset}, content=FILE[20:], headers=BYTES)
        assert (answer.status_code, answer.json()["error"]["fields"]) == (409, {"offset": "20"})
    large = operator.put(f"people/imports/{which}/content", params={"offset": 20}, content=b"x" * (9 << 20), headers=BYTES)
    larger = operator.put(f"people/imports/{which}/content", params={"offset": 20}, content=b"x" * (11 << 20), headers=BYTES)
    zipped = {**BYTES, "content-encoding": "gzip"}
    packed = operator.put(f"people/imports/{which}/content", params={"offset": 20}, content=b"x", headers=zipped)
    assert [each.status_code for each in (large, larger, packed)] == [413, 413, 415]
    assert operator.get(f"people/imports/{which}").json()["size"] == 20


@pytest.mark.parametrize("given", [{"mapping": []}, {"mapping": {"E-Mail": 7}}, {"full": "yes"}, {"encoding": "ebcdic"},
                                   {"delimiter": "x"}, {"delimiter": 7}, {"what": 1}])  # fmt: skip
def test_a_form_that_cannot_be_is_refused(callers: Callers, given: dict[str, Any]) -> None:
    """With 422 and the field, and the import goes on to be open."""
    which = begun(callers["operator"], FILE)
    answer = callers["operator"].post(f"people/imports/{which}/preview", json=given)
    assert answer.status_code == 422, answer.text
    assert callers["operator"].get(f"people/imports/{which}").json()["state"] == "open"


def test_an_import_that_began_is_not_begun_again(callers: Callers) -> None:
    """Neither uploaded to, nor previewed, nor started; it cannot be deleted while it runs."""
    operator = callers["operator"]
    which = begun(operator, FILE)
    operator.post(f"people/imports/{which}/start", json={})
    again = [
        operator.post(f"people/imports/{which}/start", json={}), operator.post(f"people/imports/{which}/preview", json={}),
        operator.put(f"people/imports/{which}/content?offset={len(FILE)}", content=b"x", headers=BYTES),
        operator.delete(f"people/imports/{which}", headers={"if-match": "*"}),
    ]  # fmt: skip
    assert [each.status_code for each in again] == [409] * 4
    assert [code(each) for each in again] == ["error.import.started"] * 3 + ["error.import.running"]


def test_edits_name_their_version(callers: Callers) -> None:
    """If-Match as everywhere: 428 without, 412 when somebody was faster, an ETag with every answer."""
    operator = callers["operator"]
    made = operator.post("people", json={"email": "ada@example.com"})
    etag = made.headers["etag"]
    assert operator.patch("people/ada@example.com", json={"title": "T"}).status_code == 428
    changed = operator.patch("people/ada@example.com", json={"title": "T"}, headers={"if-match": etag})
    assert (changed.status_code, changed.headers["etag"] != etag) == (200, True)
    assert operator.patch("people/ada@example.com", json={"title": "U"}, headers={"if-match": etag}).status_code == 412


def test_errors_repeat_no_address(callers: Callers) -> None:
    """Neither a conflict nor a name that nobody has is told with the value that was sent."""
    operator = callers["operator"]
    operator.post("people", json={"email": "ada@example.com", "user_name": "ada"})
    answers = [
        operator.post("people", json={"email": "ADA@example.com", "user_name": "b"}), operator.get("people/none@example.com"),
        operator.post("people", json={"email": "no address at example.com"}),
        operator.post("groups/none/members", json={"add": ["none@example.com"]}),
    ]  # fmt: skip
    assert [each.status_code for each in answers] == [409, 404, 422, 404]
    assert not [each for each in answers if "example" in each.text.lower()]


def test_a_leavers_token_is_refused_at_once(callers: Callers) -> None:
    """The very next call is a 401."""
    callers["admin"].post("people", json={"email": "operator@example.com"})
    assert callers["operator"].get("people").status_code == 200
    assert callers["admin"].post("people/operator@example.com/deactivate", json={}).status_code == 200
    assert callers["operator"].get("people").status_code == 401
    assert Person.objects.get().left_at is not None
