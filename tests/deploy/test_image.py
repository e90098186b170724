"""The image's recipe, read: there is no container engine where tests run, so that its rules are checked as text, and its steps
by what they are given (docs/deploy.md says what that leaves open)."""

import json
import re

import pytest

from deploy.reading import DEPLOY, read_command

ROOT = DEPLOY.parent
Step = tuple[str, str]


def steps() -> list[list[Step]]:
    """The instructions of each stage, continued lines joined; what stands before the first stage is left out."""
    text = re.sub(r"^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    stages: list[list[Step]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append([])
        if stages:
            stages[-1].append((word, " ".join(rest.split())))
    return stages


BUILD, LAST = steps()


def values(stage: list[Step], word: str) -> list[str]:
    """What stands behind each instruction of a kind."""
    return [rest for name, rest in stage if name == word]


def test_two_stages_of_a_fixed_base() -> None:
    """Both begin with the same slim Python, by version; nothing is `latest`."""
    default = re.search(r"^ARG PYTHON=(\S+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert default
    assert re.fullmatch(r"3\.11(\.\d+)?-slim-[a-z]+", default[1])
    assert [values(stage, "FROM") for stage in (BUILD, LAST)] == [["python:${PYTHON} AS build"], ["python:${PYTHON}"]]


def test_packages_are_wheels_by_hash() -> None:
    """Whatever comes from an index comes from a lock, with its hash, and is never built; ours comes from what was just built."""
    installs = [each for run in values(BUILD, "RUN") for each in run.split("&&") if " install " in each]
    assert len(installs) == 3
    for each in installs:
        assert "--no-deps" in each
        if "-r " in each:
            assert "--require-hashes" in each
            assert "--only-binary :all:" in each
        else:
            assert "--no-index dist/*.whl" in each
    for lock in re.findall(r"-r (\S+)", " ".join(installs)):
        assert (ROOT / lock).is_file()


def test_the_last_stage_has_no_tools() -> None:
    """It installs nothing: no compiler, no pip of its own in the environment that serves, and copies that environment alone."""
    assert values(LAST, "COPY") == ["--from=build /opt/stationmaster /opt/stationmaster"]
    assert not re.search(r"apt|pip|curl|wget|gcc", " ".join(values(LAST, "RUN")))
    assert "--without-pip /opt/stationmaster" in " ".join(values(BUILD, "RUN"))


def test_nobody_is_root() -> None:
    """It runs as a numbered user, whom Kubernetes can tell from root, and whose data folder is theirs alone."""
    assert values(LAST, "USER") == ["10001:10001"]
    assert [name for name, _ in LAST].index("USER") < [name for name, _ in LAST].index("ENTRYPOINT")
    assert "--owner 10001 --group 10001 --mode 0700 /data" in " ".join(values(LAST, "RUN"))
    assert json.loads(values(LAST, "VOLUME")[0]) == ["/data"]
    assert "PYTHONDONTWRITEBYTECODE=1" in values(LAST, "ENV")[0], "nothing is written beside /data and /tmp"


def test_nothing_secret_and_nothing_from_afar() -> None:
    """No ADD, no address, no argument or variable that could hold a secret stays in a layer."""
    text = (DEPLOY / "Dockerfile").read_text()
    assert not [name for stage in (BUILD, LAST) for name, _ in stage if name == "ADD"]
    assert "://" not in re.sub(r"http://127\.0\.0\.1:4000", "", text)
    kept = " ".join(values(BUILD, "ARG") + values(LAST, "ARG") + values(LAST, "ENV"))
    assert not re.search(r"(?i)password|token|secret_|_key", kept)


def test_only_what_it_is_made_of_is_sent() -> None:
    """The builder is given what COPY names and nothing else: no .git, no tests, no secrets beside the tree."""
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    copied = {word for step in values(BUILD, "COPY") for word in step.split()[:-1]}
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


def test_it_can_be_built_from_what_it_copies() -> None:
    """Every file that the wheel's recipe names is copied."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    copied = {word for step in values(BUILD, "COPY") for word in step.split()[:-1]}
    assert {project["readme"], *project["license-files"], "pyproject.toml", "src"} <= copied


@pytest.mark.parametrize("word", ["HEALTHCHECK", "CMD", "ENTRYPOINT"])
def test_its_commands_are_there(word: str) -> None:
    """What it runs, and asks for its health, are commands of the program, in the form without a shell."""
    (found,) = values(LAST, word)
    words = json.loads(found[found.index("[") :])
    if word == "HEALTHCHECK":
        assert words.pop(0) == "stationmaster"
        read_command(words)
    else:
        assert words == {"CMD": ["--help"], "ENTRYPOINT": ["stationmaster"]}[word]
