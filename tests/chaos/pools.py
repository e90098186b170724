"""Gateways before pools that a storm names: which models go to which pool, and where each member is. A member's secret is
`key-of-<id>`, so that a vendor knows who asks."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import rig
from gateway import station


class Member(NamedTuple):
    """A credential of a pool. The lower `priority` is asked first."""

    id: str
    url: str
    priority: int = 0
    vendor: str = "openai"


HEAD = """\
[gateway]
port = {port}
metrics_port = 0
health_check_enabled = false
{settings}

[[key]]
id = "main"
secret_sha256 = "{digest}"
"""
CREDENTIAL = """
[[credential]]
id = "{0.id}"
vendor = "{0.vendor}"
base_url = "{0.url}"
secret = "file:{0.id}.key"
allow_insecure_http = true
"""
POOL = """
[[pool]]
id = "{id}"
members = [{members}]

[[route]]
models = ["{models}"]
pool = "{id}"
"""


def text(port: int, pools: Mapping[str, Sequence[Member]], settings: str) -> str:
    """The config file: `pools` by the models that go there, which are their names too (`a-*` → `a`)."""
    parts = [HEAD.format(port=port, settings=settings, digest=rig.sha256(rig.KEY))]
    parts += [CREDENTIAL.format(each) for each in credentials(pools)]
    for models, members in pools.items():
        rows = ", ".join(f'{{ credential = "{each.id}", priority = {each.priority} }}' for each in members)
        parts.append(POOL.format(id=models.rstrip("-*"), models=models, members=rows))
    return "".join(parts)


def credentials(pools: Mapping[str, Sequence[Member]]) -> list[Member]:
    """Every member once."""
    return list({each.id: each for members in pools.values() for each in members}.values())


@contextmanager
def running(
    pools: Mapping[str, Sequence[Member]], settings: str = "workers = 1", *options: str
) -> Iterator[station.Station]:
    """A gateway as people run it, for the length of a with block."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), station.free_port()
        (folder / "gateway.toml").write_text(text(port, pools, settings))
        for each in credentials(pools):
            (folder / f"{each.id}.key").write_text(f"key-of-{each.id}\n")
        made = station.Station(folder, port, {}, "--events", "events.jsonl", *options)
        try:
            made.wait_ready()
            yield made
        finally:
            made.end()
