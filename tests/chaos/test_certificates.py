"""F18: certificates of upstreams that are no good, and those of the listener replaced under load."""

import datetime as dt
import json
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

import certificates
from certificates import ECDSA, OLD, RSA
from chaos import kit, pools
from chaos.kit import LONG
from chaos.pools import Member
from gateway import kit as waiting
from gateway import plain, station
from gateway.test_tls import server
from gateway.test_tls import tell as answered
from gateway.test_tls_front import Load, shown
from gateway.upstream import Upstream

MANY, TIMES = 100 if LONG else 5, 2         # credentials of each kind, and calls by each: a third fault would rest it
REPLACED, WAIT = (100, 3) if LONG else (4, 2)      # WAIT: seconds, for who speaks no TLS
DAY = dt.timedelta(days=1)


def upstreams(ours: trustme.CA) -> dict[str, Upstream]:
    """One of each kind; only `good` may be sent anything."""
    leaves = {
        "good": ours.issue_cert("localhost"), "expired": ours.issue_cert("localhost", not_before=OLD, not_after=OLD + DAY),
        "other": ours.issue_cert("elsewhere.test"), "unknown": trustme.CA().issue_cert("localhost"),
    }  # fmt: skip
    return {**{kind: Upstream(answered, server(leaf)) for kind, leaf in leaves.items()}, "clear": Upstream(answered)}


def where(found: dict[str, Upstream]) -> dict[str, list[Member]]:
    """A pool for each credential, so that each is asked itself."""
    return {f"{kind}{at}": [Member(f"{kind}{at}", f"https://localhost:{each.port}/v1")]
            for kind, each in found.items() for at in range(MANY)}  # fmt: skip


def named(events: Path) -> Counter[str]:
    """The credentials of which events say that their upstream's certificate was refused, by how often."""
    rows = [json.loads(line) for line in events.read_text().splitlines() if line.endswith("}")]
    return Counter(row["credential"] for row in rows if row["event"] == "request" and row["error"] == "upstream_tls")


@pytest.mark.timeout(600)
def test_upstreams_without_a_good_certificate(tmp_path: Path) -> None:
    """A certificate that is over, another's, or nobody's, and an upstream without TLS: every call is refused, the event names the
    credential, and the upstream sees nothing but the beginning of TLS."""
    ours = trustme.CA()
    ours.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    settings = f"workers = 1\ndrain_seconds = 5\nconnect_timeout_seconds = {WAIT}\nca_bundle = '{tmp_path}/ca.pem'"
    done = (f"upstreams' certificates expired, of another name, of an unknown authority, none at all: {MANY} credentials of "
            f"each, {TIMES} calls by each")  # fmt: skip
    with kit.figure("F18", done, "refused 100 %, the credential named, nothing in the clear") as told, ExitStack() as stack:
        found = {kind: stack.enter_context(each) for kind, each in upstreams(ours).items()}
        gateway = stack.enter_context(pools.running(where(found), settings))
        threads = stack.enter_context(ThreadPoolExecutor(16))
        models = [*where(found)] * TIMES
        answers = list(threads.map(lambda model: plain.post(gateway.port, "/v1/responses", plain.responses(model)), models))
        bad = [(model, each) for model, each in zip(models, answers, strict=True) if not model.startswith("good")]
        refused = [model for model, each in bad if each.status == 502 and each.json()["error"]["code"].startswith("upstream_")]
        waiting.wait_for(lambda: named(gateway.events).total() >= 3 * MANY * TIMES)
        names = named(gateway.events)
        asked = sum(each.requests for kind, each in found.items() if kind != "good")
        clear = [first for each in found.values() for first in each.first_bytes if first != b"\x16"]
        kept = (len(refused), asked, clear) == (len(bad), 0, [])
        told(f"{len(refused):,} of {len(bad):,} refused; {len(names)} credentials named with a certificate refused; {asked} "
             f"requests reached such an upstream, {len(clear)} connections began in the clear", kept)  # fmt: skip
        assert kept
        assert {each.status for model, each in zip(models, answers, strict=True) if model.startswith("good")} == {200}
        assert {each.rstrip("0123456789") for each in names} >= {"expired", "other", "unknown"}
        assert all(names[f"{kind}{at}"] == TIMES for kind in ("expired", "other", "unknown") for at in range(MANY))


@pytest.mark.timeout(600)
def test_the_listeners_is_replaced(tmp_path: Path) -> None:
    """A new certificate again and again, of either kind of key: each is shown, no call fails, no connection ends."""
    ours = trustme.CA()
    pair = certificates.files(tmp_path, ours.issue_cert("127.0.0.1", key_type=RSA))
    settings = f"workers = 2\ndrain_seconds = 5\nmetrics_port = 0\n{pair.settings}"
    done = f"the listener's certificate replaced {REPLACED} times under load, over connections that stay and new ones"
    with kit.figure("F18", done, "0 failed calls") as told, kit.vendor() as url, station.running(url, settings) as gateway:
        with Load(gateway, ours) as load:
            for at in range(REPLACED):
                before = shown(gateway, ours)
                pair.put(ours.issue_cert("127.0.0.1", key_type=RSA if at % 2 else ECDSA))
                gateway.signal(signal.SIGHUP)
                waiting.wait_for(lambda before=before: shown(gateway, ours) != before)      # type: ignore[misc]
                load.more()
        failed = len(load.faults) + sum(status != 200 for status in load.statuses)
        told(f"{failed} of {len(load.statuses):,} calls failed", failed == 0)
        assert failed == 0
