"""Alerts by REST and by the command line: made, tried, given another secret, taken away; a secret is shown once."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook

from alerts.kit import Receiver
from up.kit import Up, running

NAME = "on-call"
PAGE = Path(__file__).parents[2] / "docs/alerts.md"


def made(up: Up, receiver: Receiver, *words: str) -> dict[str, str]:
    """What `alert create` prints."""
    up.command("address", "allow", "127.0.0.1", "--reason", "a receiver")
    url = f"http://127.0.0.1:{receiver.port}/hook"
    place = ("--channel", "webhook", "--to", url, "--allow-insecure-http")
    told = up.command("alert", "create", NAME, *place, *words, "--output", "json")
    found: dict[str, str] = json.loads(told)
    return found


def documented() -> Callable[[str, Mapping[str, str], bytes], bool]:
    """The receiver of docs/alerts.md, as it stands there."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  our own page
    found: Callable[[str, Mapping[str, str], bytes], bool] = names["genuine"]
    return found


def test_by_both_doors(tmp_path: Path) -> None:
    """What one door makes the other shows, without its secret; a test arrives, signed with what was shown; after a rotation both
    secrets sign; a message is sent again under its id; what is removed is gone."""
    with Receiver() as receiver, running(tmp_path) as up:
        row = made(up, receiver, "--kind", "budget", "--watch", "team-*", "--budget-percent", "90")
        secret = row["secret"]
        assert json.loads(up.command("alert", "test", NAME, "--output", "json"))["ok"]
        got = receiver.got[-1]
        assert Webhook(secret).verify(got.body, dict(got.headers))
        assert documented()(secret, got.headers, got.body)
        assert not documented()(secret, got.headers, got.body + b" ")
        with up.rest() as rest:
            answer = rest.get(f"/alerts/{NAME}")
            assert answer.json()["budget_percent"] == [90]
            assert secret not in answer.text + rest.get("/alerts").text + rest.get("/audit").text
            any_version = {"If-Match": "*"}
            turned = rest.post(f"/alerts/{NAME}/rotate", json={"overlap_seconds": 3600}, headers=any_version).json()["secret"]
            assert turned != secret
            assert rest.post(f"/alerts/{NAME}/test").json()["sent"] == 1
            for each in (secret, turned):
                assert Webhook(each).verify(receiver.got[-1].body, dict(receiver.got[-1].headers))
            message = json.loads(up.command("alert", "deliveries", NAME, "--output", "json"))["alert_deliveries"][0]
            assert message["state"] == "sent"
            assert rest.post(f"/alert-deliveries/{message['id']}/send").json()["state"] == "queued"
            up.command("alert", "remove", NAME, "--yes")
            assert rest.get(f"/alerts/{NAME}").status_code == 404
