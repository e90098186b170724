"""Every page of the console has its picture, or a reason why it has none."""

import re

from tools.pictures import PAGES, UNSEEN

from stationmaster.entrances.console.pages import urls

_NO_PAGES = ("stream", ".csv")


def names() -> dict[str, str]:
    """The name of each page among the addresses, and its address."""
    return {str(each.name): str(each.pattern) for each in urls.urlpatterns if not str(each.pattern).endswith(_NO_PAGES)}


def pictured() -> set[str]:
    """The addresses that are pictured, with what stands for an id left open."""
    ways = (path.partition("?")[0] for path in PAGES.values())
    return {re.sub(r"^/?\{?([a-z/]+)\}", r"\1/*", path).lstrip("/") for path in ways}


def test_no_page_is_left_out() -> None:
    """A page that is added is pictured, or says why not."""
    seen, why = pictured(), " ".join(UNSEEN.values())
    ones = {"credentials/*": "credentials/demo-openai-a", "workspaces/*/policy": "workspaces/demo-openai/policy",
            "workspaces/*": "workspaces/demo-openai", "workspaces/*/members": "workspaces/demo-openai/members",
            "settings/*": "settings/gateway.default_pool"}
    left = []
    for name, route in names().items():
        path = re.sub(r"<[^>]+>", "*", route)
        below = "workspaces/*/members" if name == "workspace_listed" else path
        if not {path, ones.get(below, below)} & seen and name not in why:
            left.append(name)
    assert left == []
