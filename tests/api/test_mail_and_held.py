"""REST's answers about mail that goes nowhere, and about people whom the guard of SCIM holds."""

import json
from typing import Any

from django.utils import timezone

from api.kit import Callers, code
from controlkit import CLI
from stationmaster.entrances.api.site import document
from stationmaster.mail import policy
from stationmaster.mail.relay import Relay
from stationmaster.people import services as people
from stationmaster.people.models import Leaver, Person


def statuses(path: str) -> set[str]:
    """What the document says that a POST there may be answered with."""
    return set(json.loads(document())["paths"][path]["post"]["responses"])


def test_a_test_mail_without_a_relay(callers: Callers) -> None:
    """It is refused with 409, and says what to set; a relay that cannot be reached is 502. The document has both."""
    policy.use(policy.MailPolicy)
    answer = callers["admin"].post("mail/test", json={"to": "ada@example.com"})
    assert (answer.status_code, code(answer)) == (409, "error.mail.not_set")
    assert "mail.host" in answer.json()["error"]["hint"]
    made = policy.MailPolicy(Relay("127.0.0.1", 1, "none", sender="us@example.com"))
    policy.use(lambda: made)
    answer = callers["admin"].post("mail/test", json={"to": "ada@example.com"})
    assert (answer.status_code, code(answer)) == (502, "error.mail.unreachable")
    assert {"409", "502"} <= statuses("/api/v1/mail/test")
    policy.use(policy.MailPolicy)


def test_held_leavers(callers: Callers) -> None:
    """They are listed with their names; whoever is approved leaves, whoever is refused stays; nobody is decided about twice."""
    ada, bob, cy = (str(people.create_person(CLI, {"user_name": name})["id"]) for name in ("ada", "bob", "cy"))
    for each in (ada, bob, cy):
        Leaver.objects.create(person=each, state="held", deletes=each == cy, at=timezone.now(), asked_at=timezone.now())
    operator, path = callers["operator"], "people/held"
    assert {row["user_name"] for row in operator.get(path).json()["items"]} == {"ada", "bob", "cy"}
    assert [row["person"] for row in operator.get(path, params={"filter": "deletes:eq:true"}).json()["items"]] == [cy]
    assert callers["member"].get(path).json()["total"] == 0
    assert operator.post(f"{path}/approve", json={"persons": [ada]}).json() == {"number": 1}
    again = operator.post(f"{path}/approve", json={"persons": [ada]})
    assert (again.status_code, code(again)) == (404, "error.scim.not_held")
    many = [f"per_{number}" for number in range(501)]
    bodies: tuple[dict[str, Any], ...] = (
        {}, {"persons": []}, {"persons": "all"}, {"persons": [7]}, {"persons": [bob], "x": 1}, {"persons": many},
    )  # fmt: skip
    for wrong in bodies:
        assert operator.post(f"{path}/refuse", json=wrong).status_code == 422
    assert operator.post(f"{path}/approve", json={"persons": ["all"]}).status_code == 403      # the directory deletes one of them
    assert operator.post(f"{path}/refuse", json={"persons": [bob]}).json() == {"number": 1}
    assert callers["admin"].post(f"{path}/approve", json={"persons": ["all"]}).json() == {"number": 1}
    assert {row.user_name: row.active for row in Person.objects.all()} == {"ada": False, "bob": True}
    assert operator.get(path).json()["total"] == 0
