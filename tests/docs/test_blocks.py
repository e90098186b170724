"""Every code block of the documentation is run, or it is said by what it is held: none is there that nobody looks at."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from docs.test_readme import BLOCK, ROOT, blocks
from stationmaster.gateway.config import load as gateway
from stationmaster.settings import load

HERE = "tests/docs/test_blocks.py"
RUN = "tests/docs/test_pages_run.py"
# Which test runs the blocks of which page, by their language.
HELD: dict[str, dict[str, str]] = {
    "README.md": {"sh": "tests/docs/test_readme.py", "python": "tests/docs/test_readme.py", "toml": "tests/docs/test_readme.py",
                  "bash": "tests/clients/guide.py", "shell": "tests/docs/test_tour.py"},
    "docs/alerts.md": {"console": RUN, "python": "tests/alerts/test_doors.py"},
    "docs/clients.md": dict.fromkeys(("toml", "sh", "json", "python", "js"), "tests/clients/guide.py"),
    "docs/clustering.md": {"haproxy": "tests/cluster/test_balanced.py", "text": HERE},
    "docs/control-plane.md": {"toml": HERE},
    "docs/deploy.md": {**dict.fromkeys(("nginx", "haproxy"), "tests/deploy/test_proxies.py"), "shell": HERE, "yaml": HERE},
    "docs/reference/cli.md": {"console": "tests/cli/nouns/test_help.py", "toml": RUN},
    "docs/reference/control-metrics.md": {"yaml": "tests/metrics/test_control_metrics.py"},
    "docs/reference/credential-sources.md": {"console": RUN},
    "docs/reference/declared.md": {"toml": RUN},
    "docs/reference/gateway-toml.md": {"toml": "tests/config/test_promises.py", "text": HERE},
    "docs/reference/importing.md": {"json": RUN, "toml": RUN},
    "docs/reference/jobs.md": {"sh": RUN},
    "docs/reference/metrics.md": {"yaml": HERE},
    "docs/reference/people.md": {"console": RUN, "sh": RUN},
    "docs/reference/prices.md": {"toml": HERE},
    "docs/reference/rest.md": {"sh": RUN, "json": RUN},
    "docs/reference/seats.md": {"sh": RUN},
    "docs/reference/settings.md": {"toml": "tests/settings/test_page_and_schema.py"},
    "docs/seats.md": {"sh": "tests/docs/test_seats_page.py"},
    "docs/telemetry.md": {"toml": HERE},
}  # fmt: skip
_VENDORS = {"console": "tests/docs/test_vendor_pages.py", "toml": "tests/docs/test_vendor_pages.py"}


def held(page: str) -> dict[str, str]:
    """By language the test that runs a page's blocks. Pages in Chinese have the blocks of their English ones."""
    if page.startswith("docs/vendors/"):
        return _VENDORS
    return HELD.get(page, {})


def original(page: str) -> str:
    """The page that another is the translation of; itself, if it is none."""
    return page.replace("docs/zh/", "docs/").replace("README.zh-CN.md", "README.md")


PAGES = sorted(str(each.relative_to(ROOT)) for each in (*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")))


@pytest.mark.parametrize("page", [page for page in PAGES if page == original(page)])
def test_every_block_is_held_by_a_test(page: str) -> None:
    """Whoever adds a block says where it is run, and that test reads the page."""
    languages = {tag for tag, _ in BLOCK.findall((ROOT / page).read_text())} - {"mermaid", ""}      # pictures, and plain text
    assert languages == set(held(page)) & languages, page
    for test in {held(page)[each] for each in languages}:
        assert (ROOT / test).exists(), test
    assert set(HELD.get(page, {})) <= languages, "what is gone is held no more"


@pytest.mark.parametrize("page", [page for page in PAGES if page != original(page)])
def test_a_translation_shows_the_same(page: str) -> None:
    """Commands and programs of a page in Chinese are those of the English one, but for what is said in them."""
    there, here = ([(tag, _bare(text)) for tag, text in BLOCK.findall((ROOT / each).read_text()) if tag not in ("mermaid", "")]
                   for each in (original(page), page))  # fmt: skip
    assert here == there


def _bare(text: str) -> str:
    """Without remarks and what is asked."""
    return re.sub(r"#.*$|//.*$|\"[^\"]*\"|'[^']*'", "", text, flags=re.MULTILINE).replace(" ", "")


@pytest.mark.parametrize("page", ["docs/control-plane.md", "docs/telemetry.md"])
def test_settings(page: str, tmp_path: Path) -> None:
    """The file can be used as it stands, once its secrets are there."""
    (text,) = blocks(page, "toml")
    for number, name in enumerate(re.findall(r'_file = "([^"]+)"', text)):
        (tmp_path / str(number)).write_text(_secret(name))
        text = text.replace(name, str(tmp_path / str(number)))
    (tmp_path / "stationmaster.toml").write_text(text)
    settings = load(environ={}, folder=tmp_path)
    assert settings.database.url.get_secret_value() or settings.telemetry.endpoint


def _secret(name: str) -> str:
    if "url" in name:
        return "postgresql://u:p@h/x"
    return "authorization=Bearer x" if "headers" in name else "Zm9ydHktdHdvIGJ5dGVzIG9mIGEgbWFzdGVyIGtleSE="


@pytest.mark.parametrize("page", ["docs/reference/prices.md"])
def test_a_gateways_file(page: str, tmp_path: Path) -> None:
    """What a page shows of gateway.toml is taken, once there are a pool, a route and the variables that it names."""
    (text,) = blocks(page, "toml")
    names = re.findall(r'^id = "([^"]+)"', text, re.MULTILINE)
    members = ", ".join(f'{{ credential = "{name}" }}' for name in names)
    rest = f'\n[[pool]]\nid = "all"\nmembers = [{members}]\n[[route]]\nmodels = ["*"]\npool = "all"\n'
    (tmp_path / "gateway.toml").write_text(text + rest)
    environ = dict.fromkeys(re.findall(r"env:(\w+)", text), "sk-of-a-simulation-1")
    assert [each.prices for each in gateway(tmp_path / "gateway.toml", environ=environ).credentials]


def test_what_is_told_of_a_cluster_is_what_gateways_say() -> None:
    """Each line of the page is one that the code can write."""
    source = (ROOT / "src/stationmaster/gateway/server/together.py").read_text()
    (text,) = blocks("docs/clustering.md", "text")
    for line in text.splitlines():
        for words in re.findall(r"(?:limits and budgets by an even share of|share limits and budgets|until it is there)", line):
            assert words in source, words


def test_a_problem_reads_as_the_page_says(tmp_path: Path) -> None:
    """A misspelt key is told with its line and what was meant."""
    from stationmaster.gateway.config import ConfigError

    (said,) = blocks("docs/reference/gateway-toml.md", "text")
    lines = [""] * 8 + ["[[credential]]", 'id = "a"', 'vendor = "openai"', 'secrte = "env:A"']
    (tmp_path / "gateway.toml").write_text("\n".join(lines))
    with pytest.raises(ConfigError) as refused:
        gateway(tmp_path / "gateway.toml", environ={})
    assert said.strip() in "\n".join(str(each) for each in refused.value.problems).replace(f"{tmp_path}/", "")


def test_what_prometheus_asks(tmp_path: Path) -> None:
    """The page's part of a configuration is one, and asks where metrics are."""
    (text,) = blocks("docs/reference/metrics.md", "yaml")
    (job,) = yaml.safe_load(text)["scrape_configs"]
    settings = load(environ={}, folder=tmp_path)
    assert job["static_configs"] == [{"targets": [f"127.0.0.1:{settings.gateway.metrics_port}"]}]


@pytest.mark.needs("openssl")
def test_the_secrets_of_compose(tmp_path: Path) -> None:
    """The page's script makes every secret that the compose file takes; what needs a container engine is read by
    tests/deploy."""
    folder = tmp_path / "deploy/compose"
    shutil.copytree(ROOT / "deploy/compose", folder)
    script = blocks("docs/deploy.md", "shell")[0].replace("chown ", "true ")
    subprocess.run(["sh", "-euc", script], cwd=tmp_path, check=True, timeout=60, capture_output=True)
    wanted = yaml.safe_load((folder / "compose.yaml").read_text())["secrets"]
    made = {each.name for each in (folder / "secrets").iterdir()}
    missing = {Path(each["file"]).name for each in wanted.values()} - made
    assert missing <= {"gateway-token"}, "which the second script asks the control plane for"


def test_the_values_of_the_chart() -> None:
    """What the page sets, the chart has; and the settings in it are settings."""
    values = yaml.safe_load(blocks("docs/deploy.md", "yaml")[0])
    known = yaml.safe_load((ROOT / "deploy/helm/stationmaster/values.yaml").read_text())
    assert set(values) <= set(known)
    assert set(values["secrets"]) <= set(known["secrets"])
    assert tomllib.loads(values["settings"])["login"]["session_seconds"] > 0
    assert json.dumps(values)
