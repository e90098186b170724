"""What lives in one vendor organisation is asked for there, whatever the session says; nobody else stands in for it."""

import io
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest

import rig
from gateway import kit, plain, station
from stationmaster.gateway.core.snapshot import Credential, Member, Pool, Route, Settings, Snapshot, VirtualKey
from stationmaster.sandbox.ledger import fingerprint
from stationmaster.sandbox.server import SandboxServer

SHARED = f"{rig.KEY}-shared"
SESSIONS = [f"session-{number}" for number in range(8)]
# Two credentials of one organisation, which carry its label, and others that stand alone.
OPENAI = {"acme-1": "acme", "acme-2": "acme", "bolt": "", "coil": ""}
ANTHROPIC = {"amber": "", "birch": ""}
MODULES = Path(__file__).parents[1] / "clients" / "node_modules"


def secret(name: str) -> str:
    """A credential's secret. The sandbox tells organisations by `org-<name>` in it."""
    return f"{rig.SECRET}-org-{name.partition('-')[0]}-{name}"


WHO = {fingerprint(secret(name)): name for name in (*OPENAI, *ANTHROPIC)}


def organisation(name: str) -> str:
    """Whose credential this is."""
    return OPENAI.get(name) or name


def snapshot(url: str) -> Snapshot:
    """One pool of all credentials, which stand in for each other; one tenant's key, and one that may use what is shared."""
    made = [Credential(name, "openai", secret(name), f"{url}/v1", label) for name, label in OPENAI.items()]
    made += [Credential(name, "anthropic", secret(name), url, label) for name, label in ANTHROPIC.items()]
    pool = Pool("all", tuple(Member(each.id) for each in made))
    keys = (
        VirtualKey("main", rig.sha256(rig.KEY), tenant="main"),
        VirtualKey("shared", rig.sha256(SHARED), tenant="shared", shared_resources=True),
    )
    settings = Settings(default_pool="all", health_check_enabled=False)
    return Snapshot(settings, tuple(made), (pool,), (Route(("*",), "all"),), keys)


def without(made: Snapshot, *names: str) -> Snapshot:
    """The same with some credentials switched off."""
    changed = [msgspec.structs.replace(each, disabled=each.id in names) for each in made.credentials]
    return msgspec.structs.replace(made, credentials=tuple(changed))


@pytest.fixture(scope="module")
def everywhere(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway that spreads sessions over all credentials."""
    with rig.running_gateway(snapshot(vendor.url)) as running:
        yield running


def ask(port: int, method: str, path: str, value: object = None, session: str = "", key: str = rig.KEY) -> plain.Answer:
    """One request in a session."""
    fields = [("authorization", f"Bearer {key}"), plain.JSON]
    fields += [("x-session-id", session)] if session else []
    return plain.ask(port, method, path, None if value is None else plain.dump(value), fields)


def upload(port: int, content: str, session: str = "", key: str = rig.KEY) -> plain.Answer:
    """POST a file."""
    parts = ('name="purpose"\r\n\r\nbatch', f'name="file"; filename="rows.jsonl"\r\n\r\n{content}')
    body = "".join(f"--edge\r\ncontent-disposition: form-data; {part}\r\n" for part in parts) + "--edge--\r\n"
    fields = [("authorization", f"Bearer {key}"), ("content-type", "multipart/form-data; boundary=edge")]
    fields += [("x-session-id", session)] if session else []
    return plain.ask(port, "POST", "/v1/files", body.encode(), fields)


def served(vendor: SandboxServer) -> str:
    """The credential that the vendor was asked with last."""
    return WHO[kit.last(vendor).credential]


def not_lists(vendor: SandboxServer) -> list[str]:
    """What the vendor was asked, the gateway's own look at model lists left out."""
    return [entry.path for entry in vendor.asked() if not entry.path.endswith("/models")]


Make = Callable[[int, str, str], plain.Answer]        # port, something unique, session


def make_file(port: int, mark: str, session: str) -> plain.Answer:
    """Upload a file."""
    return upload(port, mark, session)


def make_response(port: int, mark: str, session: str) -> plain.Answer:
    """A stored response."""
    return ask(port, "POST", "/v1/responses", plain.responses(said=mark), session)


def make_conversation(port: int, mark: str, session: str) -> plain.Answer:
    """A conversation."""
    return ask(port, "POST", "/v1/conversations", {"metadata": {"mark": mark}}, session)


def make_store(port: int, mark: str, session: str) -> plain.Answer:
    """A vector store."""
    return ask(port, "POST", "/v1/vector_stores", {"name": mark}, session)


def make_batch(port: int, mark: str, session: str) -> plain.Answer:
    """A file, and a batch that reads it."""
    body = {"input_file_id": upload(port, mark, session).json()["id"], "endpoint": "/v1/responses", "completion_window": "24h"}
    return ask(port, "POST", "/v1/batches", body, session)


def make_messages(port: int, mark: str, session: str) -> plain.Answer:
    """A batch of messages."""
    asked = {"requests": [{"custom_id": "a", "params": plain.messages(said=mark)}]}
    return ask(port, "POST", "/v1/messages/batches", asked, session)


def about(input_file: object) -> dict[str, object]:
    """A Responses request whose user sends a file."""
    return plain.responses() | {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": input_file}]}]}


def with_stores(ids: list[str]) -> dict[str, object]:
    """A Responses request that searches stores."""
    return plain.responses(tools=[{"type": "file_search", "vector_store_ids": ids}])


Use = tuple[str, str, Callable[[str], object] | None]

USES: dict[Make, list[Use]] = {
    make_file: [
        ("GET", "/v1/files/{id}", None),
        ("HEAD", "/v1/files/{id}", None),
        ("GET", "/files/{id}/content", None),
        ("GET", "/v1/files/%66ile-{rest}", None),
        ("POST", "/v1/responses", about),
        ("POST", "/v1/chat/completions", lambda it: plain.chat(
            messages=[{"role": "user", "content": [{"type": "file", "file": {"file_id": it}}]}])),
        ("POST", "/v1/batches", lambda it: {"input_file_id": it, "endpoint": "/v1/responses", "completion_window": "24h"}),
        ("POST", "/v1/vector_stores", lambda it: {"file_ids": [it]}),
        ("DELETE", "/v1/files/{id}", None),
    ],
    make_response: [
        ("GET", "/v1/responses/{id}", None),
        ("GET", "/v1/responses/{id}?stream=true", None),
        ("GET", "/v1/responses/{id}/input_items", None),
        ("POST", "/v1/responses/{id}/cancel", lambda _: {}),
        ("POST", "/v1/responses", lambda it: plain.responses(previous_response_id=it)),
        ("POST", "/v1/responses", lambda it: plain.responses(previous_response_id=it, stream=True)),
        ("POST", "/v1/responses/compact", lambda it: plain.responses(previous_response_id=it)),
        ("DELETE", "/v1/responses/{id}", None),
    ],
    make_conversation: [
        ("GET", "/v1/conversations/{id}", None),
        ("POST", "/v1/conversations/{id}", lambda _: {"metadata": {}}),
        ("POST", "/v1/conversations/{id}/items", lambda _: {"items": []}),
        ("GET", "/v1/conversations/{id}/items/msg_1", None),
        ("POST", "/v1/responses", lambda it: plain.responses(conversation=it)),
        ("POST", "/v1/responses", lambda it: plain.responses(conversation={"id": it})),
        ("DELETE", "/v1/conversations/{id}", None),
    ],
    make_batch: [
        ("GET", "/v1/batches/{id}", None),
        ("POST", "/v1/batches/{id}/cancel", lambda _: {}),
    ],
    make_store: [
        ("GET", "/v1/vector_stores/{id}", None),
        ("POST", "/v1/vector_stores/{id}/search", lambda _: {"query": "what"}),
        ("GET", "/v1/vector_stores/{id}/files", None),
        ("POST", "/v1/responses", lambda it: with_stores([it])),
        ("DELETE", "/v1/vector_stores/{id}", None),
    ],
    make_messages: [
        ("GET", "/v1/messages/batches/{id}", None),
        ("GET", "/v1/messages/batches/{id}/results", None),
        ("POST", "/v1/messages/batches/{id}/cancel", lambda _: {}),
        ("DELETE", "/v1/messages/batches/{id}", None),
    ],
}  # fmt: skip


def use(port: int, how: Use, name: str, session: str = "", key: str = rig.KEY) -> plain.Answer:
    """Use a thing in one of the ways."""
    method, path, body = how
    return ask(port, method, path.format(id=name, rest=name[5:]), body(name) if body else None, session, key)


@pytest.mark.parametrize("make", USES, ids=lambda make: make.__name__[5:])
def test_everything_goes_home(everywhere: rig.Gateway, vendor: SandboxServer, make: Make) -> None:
    """Things are made all over; each is used where it was made, in every way, whatever session asks."""
    homes: dict[str, str] = {}
    for session in SESSIONS:
        answer = make(everywhere.port, f"home of {session}", session)
        assert answer.status == 200, answer.body
        homes[answer.json()["id"]] = organisation(served(vendor))
    assert len(set(homes.values())) > 1, "sessions are spread"
    for way in USES[make]:
        for number, (name, home) in enumerate(homes.items()):
            answer = use(everywhere.port, way, name, SESSIONS[(number + 3) % len(SESSIONS)])
            assert (answer.status, organisation(served(vendor))) == (200, home), (way, answer.body)


def test_what_a_batch_wrote_lives_with_it(everywhere: rig.Gateway, vendor: SandboxServer) -> None:
    """The output file of a finished batch is read where the batch is, by a key that may not use unknown files."""
    for session in SESSIONS:
        batch = make_batch(everywhere.port, f"output of {session}", session).json()["id"]
        home = organisation(served(vendor))
        done = ask(everywhere.port, "GET", f"/v1/batches/{batch}").json()
        answer = ask(everywhere.port, "GET", f"/v1/files/{done['output_file_id']}/content")
        assert (answer.status, organisation(served(vendor))) == (200, home), answer.body


def test_a_store_takes_the_files_of_its_organisation(everywhere: rig.Gateway, vendor: SandboxServer) -> None:
    """A file goes into a store of its own organisation; both ids are needed to say where that is only once."""
    for session in SESSIONS:
        store = make_store(everywhere.port, f"files of {session}", session).json()["id"]
        home = organisation(served(vendor))
        named = upload(everywhere.port, f"for {store}", session).json()["id"]
        assert organisation(served(vendor)) == home, "the same session"
        answer = ask(everywhere.port, "POST", f"/v1/vector_stores/{store}/files", {"file_id": named})
        assert (answer.status, organisation(served(vendor))) == (200, home), answer.body
        several = ask(everywhere.port, "POST", f"/v1/vector_stores/{store}/file_batches", {"file_ids": [named]})
        look = ask(everywhere.port, "GET", f"/v1/vector_stores/{store}/file_batches/{several.json()['id']}")
        assert (look.status, organisation(served(vendor))) == (200, home)


def elsewhere(port: int, vendor: SandboxServer, make: Make) -> tuple[tuple[str, str], tuple[str, str]]:
    """Two such things with their homes, which differ."""
    found: dict[str, str] = {}
    for session in SESSIONS:
        answer = make(port, f"apart in {session}", session)
        found.setdefault(organisation(served(vendor)), answer.json()["id"])
    (one, first), (other, second), *_ = found.items()
    return (first, one), (second, other)


def test_things_of_two_organisations(everywhere: rig.Gateway, ledger: SandboxServer) -> None:
    """A request that names things of two organisations is told so, and nobody is asked."""
    (first, _), (second, _) = elsewhere(everywhere.port, ledger, make_store)
    ledger.forget()
    answer = ask(everywhere.port, "POST", "/v1/responses", with_stores([first, second]))
    assert (answer.status, answer.json()["error"]["code"]) == (400, "resources_apart")
    assert not_lists(ledger) == []


@pytest.mark.parametrize("stream", [False, True])
def test_encrypted_reasoning(everywhere: rig.Gateway, vendor: SandboxServer, stream: bool) -> None:
    """Reasoning that comes back is sent to those who can decrypt it."""
    for session in SESSIONS:
        body = plain.responses(said=f"think in {session}", store=False, include=["reasoning.encrypted_content"], stream=stream)
        answer = ask(everywhere.port, "POST", "/v1/responses", body, session)
        home = organisation(served(vendor))
        replay = plain.responses(store=False) | {"input": [*output_of(answer), {"role": "user", "content": "go on"}]}
        for other in SESSIONS[:4]:
            again = ask(everywhere.port, "POST", "/v1/responses", replay, other)
            assert (again.status, organisation(served(vendor))) == (200, home), again.body


def output_of(answer: plain.Answer) -> list[dict[str, Any]]:
    """The output items of a response, whole or streamed."""
    if answer.header("content-type") == "application/json":
        return list(answer.json()["output"])
    events = [json.loads(line[6:]) for line in answer.body.decode().splitlines() if line.startswith("data: {")]
    return list(events[-1]["response"]["output"])


def test_a_chain_of_turns_stays_with_one_credential(vendor: SandboxServer) -> None:
    """Turns that name the one before, and hold nothing else that is the same, stay with the credential that has their
    prompts in its cache, among several of one organisation; when it is out, another of the organisation serves."""
    made = snapshot(vendor.url)
    one = tuple(msgspec.structs.replace(each, organisation="one") for each in made.credentials)
    with rig.running_gateway(msgspec.structs.replace(made, credentials=one)) as running:
        for start in range(4):
            answer = ask(running.port, "POST", "/v1/responses", plain.responses(said=f"chain {start}"))
            first = served(vendor)
            for turn in range(6):
                more = plain.responses(said=f"turn {turn}", previous_response_id=answer.json()["id"])
                answer = ask(running.port, "POST", "/v1/responses", more)
                assert (answer.status, served(vendor)) == (200, first)
        running.apply(without(msgspec.structs.replace(made, credentials=one), first))
        more = plain.responses(said="on", previous_response_id=answer.json()["id"])
        assert ask(running.port, "POST", "/v1/responses", more).status == 200
        assert served(vendor) != first


def test_reasoning_whose_organisation_is_out(vendor: SandboxServer) -> None:
    """When those who could decrypt it are out of service, reasoning is not sent to others."""
    with rig.running_gateway(snapshot(vendor.url)) as running:
        body = plain.responses(said="think alone", store=False, include=["reasoning.encrypted_content"])
        answer = ask(running.port, "POST", "/v1/responses", body, SESSIONS[0])
        home = organisation(served(vendor))
        running.apply(without(snapshot(vendor.url), *(name for name in OPENAI if organisation(name) == home)))
        replay = plain.responses(store=False) | {"input": output_of(answer)}
        again = ask(running.port, "POST", "/v1/responses", replay, SESSIONS[0])
        assert (again.status, again.json()["error"]["code"]) == (503, "owner_out")


@pytest.mark.parametrize("leave_at", [b"response.created", b"response.completed"])
def test_streams_teach(everywhere: rig.Gateway, vendor: SandboxServer, leave_at: bytes) -> None:
    """A streamed response can be asked for, even when its client left after the first event."""
    for session in SESSIONS[:4]:
        body = plain.dump(plain.responses(said=f"words:50 {session} {leave_at!r}", stream=True, background=True))
        fields = [plain.BEARER, plain.JSON, ("x-session-id", session)]
        with plain.connected(everywhere.port) as sock:
            sock.sendall(plain.head("POST", "/v1/responses", fields, length=len(body)) + body)
            seen = plain.until(sock, b"event: " + leave_at + b"\n") + plain.until(sock, b"\n\n")
        home = organisation(served(vendor))
        name = json.loads(seen.rpartition(b"data: ")[2])["response"]["id"]
        for other in SESSIONS:
            answer = ask(everywhere.port, "GET", f"/v1/responses/{name}", None, other)
            assert (answer.status, organisation(served(vendor))) == (200, home)


def test_one_organisation_stands_in_for_itself(vendor: SandboxServer) -> None:
    """A thing made through one credential is reached through another of the same label, when the first is out."""
    with rig.running_gateway(snapshot(vendor.url)) as running:
        used = set()
        for session in SESSIONS:
            name = make_file(running.port, f"twin {session}", session).json()["id"]
            maker = served(vendor)
            if organisation(maker) != "acme" or maker in used:
                continue
            used.add(maker)
            running.apply(without(snapshot(vendor.url), maker))
            answer = ask(running.port, "GET", f"/v1/files/{name}", None, session)
            assert (answer.status, {maker, served(vendor)}) == (200, {"acme-1", "acme-2"})
            running.apply(snapshot(vendor.url))
        assert used, "some session lives there"


def test_one_organisation_fails_over_within_itself(vendor: SandboxServer) -> None:
    """A credential that fails on a thing it made is replaced, in the same request, by its twin alone."""
    seen = set()
    with rig.running_gateway(snapshot(vendor.url)) as running:
        for number in range(16):
            name = make_response(running.port, f"twins {number}", f"twin-{number}").json()["id"]
            maker = served(vendor)
            vendor.spoil(secret(maker), "sandbox-503")
            try:
                answer = ask(running.port, "GET", f"/v1/responses/{name}", None, f"twin-{number}")
            finally:
                vendor.mend(secret(maker))
            seen.add(maker)
            if organisation(maker) == "acme":
                assert (answer.status, {maker, served(vendor)}) == (200, {"acme-1", "acme-2"})
            else:
                assert (answer.status, served(vendor)) == (503, maker), "nobody else has it: the vendor's own words"
                assert answer.json()["error"]["code"] == "server_is_overloaded"
    assert {"acme-1", "acme-2"} < seen


DIALECTS: list[tuple[Make, str, Callable[[dict[str, Any]], Any]]] = [
    (make_file, "/v1/files/{id}", lambda body: body["error"]["code"]),
    (make_messages, "/v1/messages/batches/{id}", lambda body: (body["type"] == "error" and body["error"]["code"])),
]


@pytest.mark.parametrize(("make", "path", "code"), DIALECTS)
def test_the_owner_is_out(ledger: SandboxServer, make: Make, path: str, code: Callable[[dict[str, Any]], Any]) -> None:
    """While its organisation is out of service a thing is answered 503 `owner_out`, and nobody else is asked for it;
    once it is back, so is the thing."""
    with rig.running_gateway(snapshot(ledger.url)) as running:
        name = make(running.port, "out", SESSIONS[0]).json()["id"]
        home = organisation(served(ledger))
        out = [each for each in (*OPENAI, *ANTHROPIC) if organisation(each) == home]
        running.apply(without(snapshot(ledger.url), *out))
        ledger.forget()
        for session in SESSIONS:
            answer = ask(running.port, "GET", path.format(id=name), None, session)
            assert (answer.status, code(answer.json())) == (503, "owner_out")
            assert int(answer.header("retry-after") or "0") > 0
        assert not_lists(ledger) == []
        running.apply(snapshot(ledger.url))
        assert ask(running.port, "GET", path.format(id=name)).status == 200


def test_the_owner_was_removed(ledger: SandboxServer) -> None:
    """What lives at a credential that the operator took out of the file is nobody else's."""
    with rig.running_gateway(snapshot(ledger.url)) as running:
        (name, home), (other, _) = elsewhere(running.port, ledger, make_conversation)
        made = snapshot(ledger.url)
        gone = tuple(each for each in made.credentials if organisation(each.id) != home)
        pool = Pool("all", tuple(Member(each.id) for each in gone))
        running.apply(msgspec.structs.replace(made, credentials=gone, pools=(pool,)))
        ledger.forget()
        answer = ask(running.port, "POST", "/v1/responses", plain.responses(conversation=name))
        assert (answer.status, answer.json()["error"]["code"]) == (503, "owner_out")
        assert not_lists(ledger) == []
        assert ask(running.port, "GET", f"/v1/conversations/{other}").status == 200


@pytest.mark.parametrize("default", ["all", ""])
def test_a_known_thing_needs_no_default_pool(vendor: SandboxServer, default: str) -> None:
    """A key that may use one pool alone, which is not where requests without a model go, gets back what it made there."""
    made = snapshot(vendor.url)
    made = msgspec.structs.replace(
        made,
        settings=msgspec.structs.replace(made.settings, default_pool=default),
        pools=(*made.pools, Pool("team", (Member("bolt"),))),
        routes=(Route(("*",), "team"),),
        keys=(msgspec.structs.replace(made.keys[0], pools=("team",)),),
    )
    with rig.running_gateway(made) as running:
        name = make_response(running.port, f"team, not {default!r}", "").json()["id"]
        for way in USES[make_response]:
            answer = use(running.port, way, name)
            assert (answer.status, served(vendor)) == (200, "bolt"), (way, answer.body)


def test_the_owner_says_when(vendor: SandboxServer) -> None:
    """When the owner's limit ends at a known time, `owner_out` tells how long that is."""
    with rig.running_gateway(snapshot(vendor.url), calm=False) as running:
        name = next(made.json()["id"] for session in SESSIONS
                    if (made := make_response(running.port, f"limit {session}", session)) and served(vendor) == "bolt")
        vendor.spoil(secret("bolt"), "sandbox-429-long")
        try:
            first = ask(running.port, "GET", f"/v1/responses/{name}")
            assert (first.status, first.header("retry-after")) == (429, "120"), "the vendor's own words"
        finally:
            vendor.mend(secret("bolt"))
        answer = ask(running.port, "GET", f"/v1/responses/{name}")
        assert (answer.status, answer.json()["error"]["code"]) == (503, "owner_out")
        assert 100 < int(answer.header("retry-after") or "0") <= 130


def test_ids_are_not_rewritten(everywhere: rig.Gateway, vendor: SandboxServer) -> None:
    """A client sees the vendor's ids, and the vendor the client's bytes."""
    name = make_response(everywhere.port, "verbatim", SESSIONS[0]).json()["id"]
    assert name.startswith("resp_")
    body = b'{ "model":"gpt-4o","input":"x" , "previous_\\u0072esponse_id":"' + name.encode() + b'"}'
    answer = plain.ask(everywhere.port, "POST", "/v1/responses", body, [plain.BEARER, plain.JSON])
    assert answer.status == 200
    assert kit.last(vendor).body_length == len(body)


def test_pythons_client_lives_with_it(everywhere: rig.Gateway, vendor: SandboxServer) -> None:
    """Files and batches through OpenAI's client, with a key that may use what an organisation shares."""
    with openai.OpenAI(base_url=f"{everywhere.url}/v1", api_key=SHARED, max_retries=0, timeout=20) as client:
        for number in range(6):
            made = client.files.create(file=("rows.jsonl", io.BytesIO(b"%d\n" % number)), purpose="batch")
            home = organisation(served(vendor))
            assert client.files.retrieve(made.id).id == made.id
            batch = client.batches.create(input_file_id=made.id, endpoint="/v1/responses", completion_window="24h")
            done = client.batches.retrieve(batch.id)
            assert client.files.content(done.output_file_id or "").read()
            assert client.files.delete(made.id).deleted
            assert organisation(served(vendor)) == home
        assert client.files.list().data
        assert client.batches.list().data
        assert client.files.retrieve("file-of-the-dashboard").id == "file-of-the-dashboard"


NODE = """
import OpenAI, { toFile } from "openai";
const client = new OpenAI({ maxRetries: 0 });
for (let n = 0; n < 6; n++) {
  const made = await client.files.create({ file: await toFile(Buffer.from(`node ${n}`), "rows.jsonl"), purpose: "batch" });
  const asked = { input_file_id: made.id, endpoint: "/v1/responses", completion_window: "24h" };
  const done = await client.batches.retrieve((await client.batches.create(asked)).id);
  const text = await (await client.files.content(done.output_file_id)).text();
  const gone = await client.files.delete(made.id);
  console.log(done.status, text.length > 0, gone.deleted);
}
console.log((await client.files.list()).data.length);
"""


@pytest.mark.skipif(not (MODULES / "openai").is_dir(), reason="needs OpenAI's client for Node: tests/clients")
def test_nodes_client_lives_with_it(everywhere: rig.Gateway) -> None:
    """The same through OpenAI's client for Node."""
    environ = {"OPENAI_BASE_URL": f"{everywhere.url}/v1", "OPENAI_API_KEY": SHARED, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    command = ["node", "--input-type=module", "-e", NODE]
    done = subprocess.run(command, cwd=MODULES.parent, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.splitlines()) == (0, ["completed true true"] * 6 + ["1"]), done.stderr


# Two processes.

CONFIG = """\
[gateway]
port = {port}
default_pool = "all"
workers = 2
health_check_enabled = false
metrics_port = 0
{credentials}
[[pool]]
id = "all"
members = [{members}]

[[route]]
models = ["*"]
pool = "all"

[[key]]
id = "main"
secret_sha256 = "{main}"

[[key]]
id = "other"
secret_sha256 = "{other}"
"""
CREDENTIAL = """
[[credential]]
id = "{name}"
vendor = "openai"
base_url = "{url}/v1"
organisation = "{organisation}"
secret = "env:SECRET_{number}"
"""
OTHER = f"{rig.KEY}-other"


@contextmanager
def two_workers(url: str) -> Iterator[int]:
    """The command with two workers in front of all OpenAI credentials; its port."""
    port = station.free_port()
    with tempfile.TemporaryDirectory() as name:
        credentials = "".join(
            CREDENTIAL.format(name=each, url=url, organisation=organisation(each), number=at) for at, each in enumerate(OPENAI)
        )
        members = ", ".join(f'{{ credential = "{each}" }}' for each in OPENAI)
        text = CONFIG.format(
            port=port, credentials=credentials, members=members, main=rig.sha256(rig.KEY), other=rig.sha256(OTHER)
        )
        Path(name, "gateway.toml").write_text(text)
        environ = {f"SECRET_{at}": secret(each) for at, each in enumerate(OPENAI)}
        running = station.Station(Path(name), port, environ)
        try:
            running.wait_ready()
            yield port
        finally:
            running.end()


class Line:
    """A connection that stays: all its requests reach one worker, `worker`."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        self._sock = stack.enter_context(plain.connected(port))
        self._reader = stack.enter_context(self._sock.makefile("rb"))
        self.worker = self.ask("GET", "/v1/responses/resp_nobodys").request_id[:16]

    def ask(self, method: str, path: str, value: object = None, session: str = "", key: str = rig.KEY) -> plain.Answer:
        """One request."""
        body = b"" if value is None else plain.dump(value)
        fields = [("authorization", f"Bearer {key}"), plain.JSON, ("x-session-id", session or "none")]
        self._sock.sendall(plain.head(method, path, fields, length=len(body)) + body)
        return plain.read_from(self._reader, method)


def test_two_workers_share_what_they_learned(vendor: SandboxServer) -> None:
    """What is made through one worker is soon found, and refused to others, by the other; a key without a tenant is
    one of its own."""
    with two_workers(vendor.url) as port, ExitStack() as stack:
        one = other = Line(port, stack)
        for _ in range(100):
            if other.worker != one.worker:
                break
            other = Line(port, stack)
        assert other.worker != one.worker
        homes: dict[str, str] = {}
        for session in SESSIONS:
            name = one.ask("POST", "/v1/vector_stores", {"name": session}, session).json()["id"]
            homes[name] = served(vendor)
        assert len({organisation(home) for home in homes.values()}) > 1
        for name, home in homes.items():
            kit.wait_for(lambda: other.ask("GET", f"/v1/vector_stores/{name}").status == 200)  # noqa: B023
            assert organisation(served(vendor)) == organisation(home)
            foreign = other.ask("GET", f"/v1/vector_stores/{name}", key=OTHER)
            assert (foreign.status, foreign.json()["error"]["code"]) == (404, "no_such_resource")
