"""The console's pages of older setups: upload, mapping, preview, outcome, and who sees them."""

import json
import re

from django.core.files.uploadedfile import SimpleUploadedFile

from console import kit
from controlkit import ADMIN
from importing.kit import ACCOUNTS, CANARIES, finish
from stationmaster.importing import services as rosters
from stationmaster.people import services as people

FILE = [*({**each, "Wer": each["email"], "email": None} for each in ACCOUNTS), {"Wer": "nobody", "type": "child", "parent_id": 1}]


def test_an_older_setup_from_a_browser(database: str) -> None:
    """Uploaded, read by a mapping that is kept, tried, brought in; what stayed outside is counted; no secret is on any page."""
    browser = kit.signed_in("admin")
    kit.do(browser, "/imports", "upload", {}, 422)
    file = SimpleUploadedFile("accounts.json", json.dumps(FILE).encode())
    path = kit.do(browser, "/imports", "upload", {"file": file})["Location"]
    which = path.rpartition("/")[2]
    pages = [kit.page(browser, path)]
    assert "the record has no e-mail address" in pages[0]
    assert 'value="Wer"' in pages[0]
    kit.do(browser, path, "map", {"heading": ["Wer"], "field": ["email"], "vendor": "manual"}, 302)
    pages.append(kit.page(browser, path))
    kit.do(browser, path, "keep", {"name": "ours"}, 302)
    assert "is added" in pages[1]
    assert "kept by hand until the workspace is attached" in pages[1]
    kit.do(browser, path, "map", {"heading": ["Wer"], "field": ["email"], "vendor": "manual", "mapping_name": "ours"}, 302)
    kit.do(browser, path, "start")
    pages.append(kit.page(browser, path))
    assert 'http-equiv="refresh"' in pages[-1]
    finish(which, rosters.get_roster(ADMIN, which)["job"])
    pages += [kit.page(browser, path), kit.page(browser, "/imports")]
    assert "Added 5" in kit.said(pages[3])
    assert "password" in pages[3]
    assert people.get_person(ADMIN, "ada@example.com")["email"] == "ada@example.com"
    for page in pages:
        assert not [value for value in CANARIES.values() if value in page]
        assert "The same by command line and REST" in page
        assert not re.search(r"<script(?! src=\"/assets/)|<style| style=| on[a-z]+=", page)
    kit.do(browser, path, "forget")
    assert browser.get(path).status_code == 404


def test_half_a_file_is_told(database: str) -> None:
    """With its reason, and the import says that it cannot be read."""
    browser = kit.signed_in("operator")
    file = SimpleUploadedFile("accounts.json", json.dumps(FILE).encode()[:100])
    path = kit.do(browser, "/imports", "upload", {"file": file})["Location"]
    assert "in the middle" in kit.page(browser, path, 422)
    assert "cannot be read" in kit.page(browser, "/imports")


def test_who_sees_them(database: str) -> None:
    """Operators and admins; nobody else, not even the list."""
    for role, status in (("operator", 200), ("admin", 200), ("viewer", 403), ("auditor", 403), ("member", 403)):
        assert kit.signed_in(role).get("/imports").status_code == status, role
