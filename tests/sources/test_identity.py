"""Identity tokens come from the one folder that the process is set to, and from nowhere else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from controlkit import ADMIN
from sources.sourcekit import made, provider, secret, source, tend
from stationmaster.credentials import services as credentials
from stationmaster.credentials.sources import identity, policy
from stationmaster.credentials.sources.policy import SourcePolicy
from stationmaster.errors import Invalid, StationmasterError
from stationmaster.sandbox.server import SandboxServer

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ3b3JrbG9hZCJ9.c2lnbmF0dXJl"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The folder, with Kubernetes' arrangement of links within it."""
    found = tmp_path / "tokens"
    (found / "..data").mkdir(parents=True)
    (found / "..data" / "vendor").write_text(TOKEN + "\n")
    (found / "vendor").symlink_to("..data/vendor")
    policy.use(lambda: SourcePolicy(found))
    yield found
    policy.use(SourcePolicy)


def read(name: str) -> str:
    """What a source would get."""
    return identity.giver(f"file:{name}", str)()


def test_a_projected_token_is_read_anew_each_time(folder: Path) -> None:
    """Through links that stay in the folder, and again after it was replaced."""
    assert read("vendor") == TOKEN
    (folder / "..data" / "vendor").write_text(TOKEN[:-1])
    assert read("vendor") == TOKEN[:-1]


def test_nothing_else_is_read(folder: Path, tmp_path: Path) -> None:
    """Not what is beside the folder, by whatever name or link, nor what is no token; and no message repeats it."""
    (tmp_path / "outside").write_text(TOKEN)
    (folder / "link").symlink_to("../outside")
    (folder / "key").write_text("-----BEGIN PRIVATE KEY-----")
    (folder / "huge").write_text("a" * 20_000 + ".b.c")
    for name in ("link", "../outside", "key", "huge", "nobody", str(tmp_path / "outside")):
        with pytest.raises(StationmasterError) as caught:
            read(name)
        assert "PRIVATE KEY" not in caught.value.message


def test_without_a_folder_there_are_no_files(database: str) -> None:
    """What is set names a file, and the process has no folder: told when it is saved."""
    with pytest.raises(Invalid) as caught:
        identity.check("file:vendor")
    assert caught.value.code == "error.source.no_folder"


def test_a_federated_credential(database: str, sandbox: SandboxServer, folder: Path) -> None:
    """An identity token from the folder is exchanged for OpenAI's; a wrong one is refused, and says so."""
    issuer = provider(sandbox, "openai", identity=TOKEN)
    options = {"identity_provider_id": "idp_1", "service_account_id": "sa_1", "identity": "file:vendor",
               "address": issuer.base_url(sandbox.url)}  # fmt: skip
    made(sandbox, {"kind": "openai_workload", "options": options}, "gpt", "openai")
    assert tend() == 1
    assert secret("gpt") == issuer.given()[0]
    issuer.identity = "another"
    credentials.refresh_credential(ADMIN, "gpt", {})
    assert tend() == 1
    assert (source("gpt").state, source("gpt").last_error) == ("failing", "error.source.rejected")
    assert secret("gpt") == issuer.given()[0]
