"""scim2-tester, whole, against a control plane that is served. Every check stands in the run's summary, and so in CI's log."""

from collections import Counter
from collections.abc import Callable, Iterable

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import CheckResult, Status, check_server

from scim.kit import Directory

NOT_IMPLEMENTED, TOO_MANY = 501, 429
PASSED = {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}


@pytest.mark.timeout(600)
def test_scim2_tester_finds_nothing_wrong(
    database: str, directory: Directory, record_property: Callable[[str, object], None]
) -> None:
    """Every check passes or does not apply, more than a hundred of them, and no answer is our fault: the tester itself takes
    no notice of clean-ups that fail."""
    statuses: Counter[int] = Counter()
    hooks = {"response": [lambda response: statuses.update([response.status_code])]}
    headers, url = {"authorization": directory.headers["authorization"]}, str(directory.base_url)
    with httpx2.Client(base_url=url, headers=headers, event_hooks=hooks, trust_env=False, timeout=60) as client:
        results = check_server(SyncSCIMClient(client))
    found = Counter(each.status.name for each in results)
    record_property("summary", "\n".join([
        f"scim2-tester on {database}: {dict(found)}; answers by status: {dict(sorted(statuses.items()))}", *_lines(results),
    ]))  # fmt: skip
    wrong = [f"{each.title}: {each.reason}" for each in results if each.status not in {*PASSED, Status.SKIPPED}]
    assert wrong == []
    assert found["SUCCESS"] > 80
    assert [status for status in statuses if status >= 500 and status != NOT_IMPLEMENTED] == []
    assert statuses[TOO_MANY] == 0


def _lines(results: Iterable[CheckResult]) -> list[str]:
    """Each check: its status, what it is called and is about, and what it says."""
    parts = ((each.status.name, each.title, each.resource_type, " ".join((each.reason or "").split())) for each in results)
    return ["  " + " · ".join(filter(None, each)) for each in parts]
