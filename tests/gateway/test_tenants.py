"""What one tenant made does not exist for another, however a request names it; what nobody is known to have made is
for keys that may use what a vendor organisation shares."""

import gzip
import json
from collections.abc import Iterator

import msgspec
import pytest

import rig
from gateway import kit, plain
from stationmaster.gateway.core.snapshot import VirtualKey
from stationmaster.sandbox.server import SandboxServer

# Two keys of one tenant, a key of another, two keys that name none, and one that may use what is shared.
MATE, OTHER, LONE, LONER, SHARED = (f"{rig.KEY}-{name}" for name in ("mate", "other", "lone", "loner", "shared"))
KEYS = (
    VirtualKey("main", rig.sha256(rig.KEY), tenant="first"),
    VirtualKey("mate", rig.sha256(MATE), tenant="first"),
    VirtualKey("other", rig.sha256(OTHER), tenant="second"),
    VirtualKey("lone", rig.sha256(LONE)),
    VirtualKey("loner", rig.sha256(LONER)),
    VirtualKey("shared", rig.sha256(SHARED), tenant="third", shared_resources=True),
)
STRANGERS = [OTHER, LONE, SHARED]


@pytest.fixture(scope="module")
def house(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway with keys of several tenants, all served by one vendor organisation."""
    made = msgspec.structs.replace(kit.wide(vendor.url), keys=KEYS)
    with rig.running_gateway(made) as running:
        yield running


def ask(port: int, method: str, path: str, body: object = None, key: str = rig.KEY, *fields: tuple[str, str]) -> plain.Answer:
    """One request; a body that is not bytes is sent as JSON, and so are bytes unless `fields` name a type."""
    typed = any(name == "content-type" for name, _ in fields)
    given = [("authorization", f"Bearer {key}"), *([] if typed else [plain.JSON]), *fields]
    return plain.ask(port, method, path, body if isinstance(body, bytes | None) else plain.dump(body), given)


def upload(port: int, content: str, key: str = rig.KEY) -> str:
    """Upload a file; its id."""
    parts = ('name="purpose"\r\n\r\nuser_data', f'name="file"; filename="a.txt"\r\n\r\n{content}')
    body = "".join(f"--edge\r\ncontent-disposition: form-data; {part}\r\n" for part in parts) + "--edge--\r\n"
    answer = ask(port, "POST", "/v1/files", body.encode(), key, ("content-type", "multipart/form-data; boundary=edge"))
    assert answer.status == 200, answer.body
    return str(answer.json()["id"])


def make(port: int, path: str, body: object, key: str = rig.KEY) -> str:
    """POST something that makes a thing; its id."""
    answer = ask(port, "POST", path, body, key)
    assert answer.status == 200, answer.body
    return str(answer.json()["id"])


@pytest.fixture(scope="module")
def things(house: rig.Gateway) -> dict[str, str]:
    """One thing of each kind, of the first tenant; `sealed` is encrypted reasoning."""
    port = house.port
    named = upload(port, "of the first tenant")
    asked = [{"custom_id": "a", "params": plain.messages(said="first tenant")}]
    sealed = ask(port, "POST", "/v1/responses", plain.responses(said="think", include=["reasoning.encrypted_content"]))
    return {
        "file": named,
        "rest": named.removeprefix("file-"),
        "escaped": "".join(f"%{ord(letter):02X}" for letter in named),
        "response": make(port, "/v1/responses", plain.responses(said="of the first tenant")),
        "conversation": make(port, "/v1/conversations", {"metadata": {"of": "first"}}),
        "batch": make(port, "/v1/batches", {"input_file_id": named, "endpoint": "/v1/responses", "completion_window": "24h"}),
        "store": make(port, "/v1/vector_stores", {"name": "of the first tenant", "file_ids": [named]}),
        "messages": make(port, "/v1/messages/batches", {"requests": asked}),
        "sealed": sealed.json()["output"][0]["encrypted_content"],
    }


def code(answer: plain.Answer) -> tuple[int, str]:
    """The status and, of an error of ours, its code."""
    return answer.status, answer.json()["error"]["code"] if answer.status >= 400 else ""


NOT_THERE = (404, "no_such_resource")
PATHS = [
    ("GET", "/v1/files/{file}"),
    ("GET", "/files/{file}"),
    ("GET", "/openai/v1/files/{file}"),
    ("GET", "/v1/files/{file}?purpose=batch"),
    ("GET", "/v1/files/%66ile-{rest}"),
    ("GET", "/v1/files/file%2d{rest}"),
    ("GET", "/v1/files/{escaped}/content"),
    ("GET", "/v1/files/{file}%20"),
    ("GET", "/v1/files/{file}/c%6Fntent"),
    ("DELETE", "/v1/files/{file}"),
    ("GET", "/v1/responses/{response}"),
    ("GET", "/v1/responses/{response}?stream=true"),
    ("GET", "/v1/responses/{response}/input_items"),
    ("POST", "/v1/responses/{response}/cancel"),
    ("DELETE", "/v1/responses/{response}"),
    ("GET", "/v1/conversations/{conversation}/items"),
    ("DELETE", "/v1/conversations/{conversation}"),
    ("GET", "/v1/batches/{batch}"),
    ("POST", "/v1/batches/{batch}/cancel"),
    ("GET", "/v1/vector_stores/{store}"),
    ("GET", "/v1/vector_stores/{store}/files"),
    ("GET", "/v1/vector_stores/{store}/files/{file}/content"),
    ("GET", "/v1/vector_stores/{store}/%66iles/{file}"),
    ("POST", "/v1/vector_stores/{store}/search"),
    ("GET", "/v1/messages/batches/{messages}"),
    ("GET", "/v1/messages/batches/{messages}/results"),
    ("POST", "/v1/messages/batches/{messages}/cancel"),
]


@pytest.mark.parametrize("key", STRANGERS)
@pytest.mark.parametrize(("method", "path"), PATHS)
def test_paths(house: rig.Gateway, ledger: SandboxServer, things: dict[str, str], method: str, path: str, key: str) -> None:
    """A path with another tenant's id is a 404 for every other key, in the path's dialect, and no vendor is asked."""
    answer = ask(house.port, method, path.format_map(things), b"{}" if method == "POST" else None, key)
    assert code(answer) == NOT_THERE
    assert ("type" in answer.json()) == ("/messages/" in path), "Anthropic's errors say so at the top"
    assert kit.calls(ledger) == []


@pytest.mark.parametrize(("method", "path"), [each for each in PATHS if each[0] != "DELETE"])
def test_paths_of_ones_own(house: rig.Gateway, things: dict[str, str], method: str, path: str) -> None:
    """The same paths work for both keys of the tenant that made the things: it is the tenant that decides."""
    for key in (rig.KEY, MATE):
        answer = ask(house.port, method, path.format_map(things), b"{}" if method == "POST" else None, key)
        assert answer.status in (200, 404), answer.body
        assert b"no_such_resource" not in answer.body


def test_head(house: rig.Gateway, ledger: SandboxServer, things: dict[str, str]) -> None:
    """HEAD tells no more than GET."""
    assert ask(house.port, "HEAD", f"/v1/files/{things['file']}", None, OTHER).status == 404
    assert kit.calls(ledger) == []
    assert ask(house.port, "HEAD", f"/v1/files/{things['file']}", None).status == 200


def content(part: str) -> str:
    """A Responses request with one part of content."""
    return '{"model":"gpt-4o","input":[{"role":"user","content":[' + part + "]}]}"


def tool(text: str) -> str:
    """A Responses request with one tool."""
    return '{"model":"gpt-4o","input":"x","tools":[' + text + "]}"


RESPONSES = [
    content('{"type":"input_file","file_id":"$file"}'),
    content('{"type":"input_image","file_id" : "$file"}'),
    content('{"type":"input_file","file_id":"file\\u002d$rest"}'),
    content('{"type":"input_file","file\\u005Fid":"$file"}'),
    content('{"type":"input_file","file_id":" $file\\n"}'),
    content('{"type":"input_file","file_id":"file-mine","file_id":"$file"}'),
    content('{"type":"input_file","file_id":"$file","file_id":7}'),
    tool('{"type":"file_search","vector_store_ids":["$store"]}'),
    tool('{"type":"code_interpreter","container":{"type":"auto","file_ids":["$file"]}}'),
    '{"model":"gpt-4o","input":"x","previous_response_id":"$response"}',
    '{"model":"gpt-4o","input":"x","\\u0070revious_response_id":"$response"}',
    '{"model":"gpt-4o","input":"x","conversation":"$conversation"}',
    '{"model":"gpt-4o","input":"x","conversation":{"id":"$conversation"}}',
    '{"model":"gpt-4o","input":"x","\\u0063onversation":{"\\u0069d":"$conversation"}}',
    '{"model":"gpt-4o","input":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"$sealed"}]}',
    '{"model":"gpt-4o","stream":true,"input":"x","previous_response_id":"$response"}',
]
CHAT = '{"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"$file"}}]}]}'
DOCUMENT = '{"type":"document","source":{"type":"file","file_id":"$file"}}'
MESSAGES = '{"model":"claude-x","max_tokens":5,"messages":[{"role":"user","content":[' + DOCUMENT + "]}]}"
REQUESTS = '{"requests":[{"custom_id":"a","params":' + MESSAGES + "}]}"
BATCH = '{"input_file_id":"$file","endpoint":"/v1/responses","completion_window":"24h"}'
ITEM = '{"type":"message","role":"user","content":[{"type":"input_file","file_id":"$file"}]}'
BODIES = [
    *(("/v1/responses", body) for body in RESPONSES),
    ("/openai/v1/responses", RESPONSES[0]),
    ("/v1/responses/compact", '{"model":"gpt-4o","previous_response_id":"$response"}'),
    ("/v1/chat/completions", CHAT),
    ("/v1/messages", MESSAGES),
    ("/v1/messages/count_tokens", MESSAGES),
    ("/v1/messages/batches", REQUESTS),
    ("/v1/batches", BATCH),
    ("/v1/vector_stores", '{"file_ids":["$file"]}'),
    ("/v1/conversations", '{"items":[' + ITEM + "]}"),
]


def filled(body: str, things: dict[str, str]) -> bytes:
    """The text with the ids put in."""
    for name, text in things.items():
        body = body.replace(f"${name}", text)
    return body.encode()


@pytest.mark.parametrize("key", STRANGERS)
@pytest.mark.parametrize(("path", "body"), BODIES)
def test_bodies(house: rig.Gateway, ledger: SandboxServer, things: dict[str, str], path: str, body: str, key: str) -> None:
    """A body with another tenant's id is a 404 for every other key, however it is spelt, and no vendor is asked."""
    assert code(ask(house.port, "POST", path, filled(body, things), key)) == NOT_THERE
    assert kit.calls(ledger) == []


OWN = [each for each in BODIES if "file-mine" not in each[1] and "/messages" not in each[0]]   # the file is OpenAI's


@pytest.mark.parametrize(("path", "body"), OWN)
def test_bodies_of_ones_own(house: rig.Gateway, ledger: SandboxServer, things: dict[str, str], path: str, body: str) -> None:
    """The same bodies reach the vendor for both keys of the tenant."""
    for key in (rig.KEY, MATE):
        ask(house.port, "POST", path, filled(body, things), key)
        assert kit.last(ledger).path == path.replace("/openai/", "/")


def test_a_member_named_twice(house: rig.Gateway, ledger: SandboxServer, things: dict[str, str]) -> None:
    """At the top of a body, where servers disagree on which one counts, that is refused whoever asks."""
    body = f'{{"model":"gpt-4o","input":"x","previous_response_id":null,"previous_response_id":"{things["response"]}"}}'
    for key in (rig.KEY, OTHER):
        assert ask(house.port, "POST", "/v1/responses", body.encode(), key).status == 400
    assert kit.calls(ledger) == []


def test_a_compressed_body(house: rig.Gateway, ledger: SandboxServer, things: dict[str, str]) -> None:
    """Compression hides nothing."""
    packed = gzip.compress(filled(RESPONSES[0], things))
    assert code(ask(house.port, "POST", "/v1/responses", packed, OTHER, ("content-encoding", "gzip"))) == NOT_THERE
    assert kit.calls(ledger) == []


def test_a_chunked_body(house: rig.Gateway, ledger: SandboxServer, things: dict[str, str]) -> None:
    """Chunks hide nothing, wherever they cut."""
    body = b"".join(b"1\r\n%c\r\n" % byte for byte in filled(BATCH, things)) + b"0\r\n\r\n"
    fields = [("authorization", f"Bearer {OTHER}"), plain.JSON, ("transfer-encoding", "chunked")]
    with plain.connected(house.port) as sock:
        sock.sendall(plain.head("POST", "/v1/batches", fields) + body)
        assert code(plain.read(sock, "POST")) == NOT_THERE
    assert kit.calls(ledger) == []


def test_another_encoding(house: rig.Gateway, ledger: SandboxServer, things: dict[str, str]) -> None:
    """JSON in UTF-16, which is none, is refused and not passed on unread."""
    body = filled(RESPONSES[0], things).decode()
    for encoding in ("utf-16", "utf-16-le", "utf-32"):
        assert ask(house.port, "POST", "/v1/responses", body.encode(encoding), OTHER).status == 400
        assert ask(house.port, "POST", "/v1/batches", body.encode(encoding), OTHER).status == 400
    assert kit.calls(ledger) == []


TYPES = ["text/plain", "application/octet-stream", "application/x-www-form-urlencoded", "image/png", "", "application/json; x=y"]
READ_ALWAYS = [
    ("/v1/batches", BATCH),
    ("/v1/conversations", '{"items":[' + ITEM + "]}"),
    ("/v1/vector_stores", '{"file_ids":["$file"]}'),
    ("/v1/messages/batches", REQUESTS),
    ("/v1/responses", RESPONSES[0]),
    ("/v1/chat/completions", CHAT),
    ("/v1/messages", MESSAGES),
]


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize(("path", "body"), READ_ALWAYS)
def test_a_content_type_hides_nothing(
    house: rig.Gateway, ledger: SandboxServer, things: dict[str, str], path: str, body: str, content_type: str
) -> None:
    """What can name a thing is read whatever it says that it is."""
    answer = ask(house.port, "POST", path, filled(body, things), OTHER, ("content-type", content_type))
    assert code(answer) == NOT_THERE
    assert kit.calls(ledger) == []
    if "/messages" not in path:
        ask(house.port, "POST", path, filled(body, things), rig.KEY, ("content-type", content_type))
        assert kit.last(ledger).path == path


@pytest.mark.parametrize("path", [path for path, _ in READ_ALWAYS])
def test_a_form_hides_nothing(house: rig.Gateway, ledger: SandboxServer, things: dict[str, str], path: str) -> None:
    """These take no forms: one that names things in its fields is refused, and not passed on unread."""
    model = "claude-x" if "/messages" in path else "gpt-4o"
    named = {"model": model, "input": "x", "previous_response_id": things["response"], "input_file_id": things["file"]}
    form = "".join(f'--edge\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in named.items())
    kind = ("content-type", "multipart/form-data; boundary=edge")
    answer = ask(house.port, "POST", path, form.encode() + b"--edge--\r\n", OTHER, kind)
    assert (answer.status in (400, 404, 415), kit.calls(ledger)) == (True, [])


@pytest.mark.parametrize("content_type", TYPES)
def test_a_deployments_body(house: rig.Gateway, ledger: SandboxServer, things: dict[str, str], content_type: str) -> None:
    """Whatever Azure serves below a deployment is read like everything else."""
    body = filled('{"file_id":"$file"}', things)
    answer = ask(house.port, "POST", "/openai/deployments/azure-x/some/thing", body, OTHER, ("content-type", content_type))
    assert code(answer) == NOT_THERE
    assert kit.calls(ledger) == []


# What nobody is known to have made.

UNKNOWN = [
    ("GET", "/v1/files/file-unknown", None),
    ("GET", "/v1/files/file-unknown/content", None),
    ("DELETE", "/v1/files/file-unknown", None),
    ("GET", "/v1/batches/batch_unknown", None),
    ("POST", "/v1/batches/batch_unknown/cancel", {}),
    ("GET", "/v1/vector_stores/vs_unknown", None),
    ("POST", "/v1/vector_stores/vs_unknown/search", {"query": "x"}),
    ("GET", "/v1/messages/batches/msgbatch_unknown", None),
    ("POST", "/v1/batches", json.loads(BATCH.replace("$file", "file-unknown"))),
    ("POST", "/v1/vector_stores", {"file_ids": ["file-unknown"]}),
    ("POST", "/v1/responses", json.loads(RESPONSES[0].replace("$file", "file-unknown"))),
    ("POST", "/v1/responses", json.loads(RESPONSES[7].replace("$store", "vs_unknown"))),
    ("POST", "/v1/chat/completions", json.loads(CHAT.replace("$file", "file-unknown"))),
    ("POST", "/v1/messages", json.loads(MESSAGES.replace("$file", "file_unknown"))),
]
LISTS = [
    (method, f"{path}{query}", None)
    for path in ("/v1/files", "/files", "/openai/v1/batches", "/v1/vector_stores", "/v1/messages/batches")
    for method, query in (("GET", ""), ("GET", "?limit=100&after=x"))
]


CASES = [*((*one, "resources_shared") for one in UNKNOWN), *((*one, "listing_shared") for one in LISTS)]


@pytest.mark.parametrize(("method", "path", "body", "refusal"), CASES)
def test_what_is_shared(house: rig.Gateway, ledger: SandboxServer, method: str, path: str, body: object, refusal: str) -> None:
    """Unknown files, batches and vector stores, and lists of them, are for keys with `shared_resources`."""
    for key in (rig.KEY, LONE):
        assert code(ask(house.port, method, path, body, key)) == (403, refusal)
    assert kit.calls(ledger) == []
    answer = ask(house.port, method, path, body, SHARED)
    assert answer.status == 200, answer.body


def test_geminis_files(house: rig.Gateway, ledger: SandboxServer) -> None:
    """Files of Gemini are made past the gateway, so they are unknown to it; its errors are Google's."""
    part = {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc", "mimeType": "text/plain"}}
    body = {"contents": [{"role": "user", "parts": [part, {"text": "say OK"}]}]}
    path = "/v1beta/models/gemini-x:generateContent"
    answer = ask(house.port, "POST", path, body)
    assert (answer.status, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert answer.json()["error"]["details"][0]["reason"] == "RESOURCES_SHARED"
    assert kit.calls(ledger) == []
    assert ask(house.port, "POST", path, body, SHARED).status == 200


def test_unknown_responses_and_conversations_pass(house: rig.Gateway) -> None:
    """Their ids are secrets of the vendor's making, and no list has them: an unknown one is the vendor's to judge."""
    assert ask(house.port, "GET", "/v1/responses/resp_unknown", None, LONE).status == 200
    assert ask(house.port, "GET", "/v1/conversations/conv_unknown", None, LONE).status == 200
    assert ask(house.port, "POST", "/v1/responses", plain.responses(previous_response_id="resp_unknown"), LONE).status == 200


# Whose a thing becomes.


def test_making_is_for_everybody(house: rig.Gateway) -> None:
    """A key without `shared_resources` lives a whole life with what it made."""
    named = upload(house.port, "lives alone", LONE)
    body = {"input_file_id": named, "endpoint": "/v1/responses", "completion_window": "24h"}
    batch = make(house.port, "/v1/batches", body, LONE)
    done = ask(house.port, "GET", f"/v1/batches/{batch}", None, LONE).json()
    assert ask(house.port, "GET", f"/v1/files/{done['output_file_id']}/content", None, LONE).status == 200
    assert code(ask(house.port, "GET", f"/v1/files/{done['output_file_id']}", None, SHARED)) == NOT_THERE
    assert ask(house.port, "DELETE", f"/v1/files/{named}", None, LONE).status == 200


def test_a_key_without_a_tenant_is_its_own(house: rig.Gateway) -> None:
    """Two keys that name no tenant do not share one."""
    named = upload(house.port, "of nobody's tenant", LONE)
    assert ask(house.port, "GET", f"/v1/files/{named}", None, LONE).status == 200
    assert code(ask(house.port, "GET", f"/v1/files/{named}", None, LONER)) == NOT_THERE


def test_looking_is_not_making(house: rig.Gateway) -> None:
    """Who looks at a thing that nobody is known to have made does not come to own it."""
    for path in ("/v1/files/file-seen", "/v1/batches/batch_seen", "/v1/vector_stores/vs_seen"):
        assert ask(house.port, "GET", path, None, SHARED).status == 200
        assert code(ask(house.port, "GET", path)) == (403, "resources_shared")
    for path in ("/v1/responses/resp_seen", "/v1/responses/resp_seen?stream=true", "/v1/conversations/conv_seen"):
        assert ask(house.port, "GET", path, None, OTHER).status == 200
        assert ask(house.port, "GET", path).status == 200


def test_the_output_of_an_unknown_batch_is_nobodys(house: rig.Gateway) -> None:
    """Nor do the files that such an answer names become theirs."""
    done = ask(house.port, "GET", "/v1/batches/batch_dashboard", None, SHARED).json()
    assert code(ask(house.port, "GET", f"/v1/files/{done['output_file_id']}")) == (403, "resources_shared")


def test_what_is_one_tenants_stays_theirs(house: rig.Gateway) -> None:
    """An answer to another tenant that names the same id does not move it. (The sandbox's ids are those of the bytes.)"""
    named = upload(house.port, "twice")
    assert upload(house.port, "twice", OTHER) == named
    assert code(ask(house.port, "GET", f"/v1/files/{named}", None, OTHER)) == NOT_THERE
    assert ask(house.port, "GET", f"/v1/files/{named}").status == 200


@pytest.mark.parametrize("stream", [False, True])
def test_responses_are_their_tenants(house: rig.Gateway, stream: bool) -> None:
    """Whole and streamed, a response and the conversation it is in are known as soon as they are there."""
    said = f"mine, {'streamed' if stream else 'whole'}"
    body = plain.responses(said=said, stream=stream, conversation=f"conv_{stream}")
    answer = ask(house.port, "POST", "/v1/responses", body, LONE)
    text = answer.body.decode()
    first = json.loads(text.partition("data: ")[2].partition("\n")[0])["response"] if stream else answer.json()
    for path in (f"/v1/responses/{first['id']}", f"/v1/conversations/conv_{stream}"):
        assert code(ask(house.port, "GET", path, None, OTHER)) == NOT_THERE
        assert ask(house.port, "GET", path, None, LONE).status == 200


def test_a_new_snapshot_keeps_what_is_known(vendor: SandboxServer) -> None:
    """A changed file is applied without forgetting whose things are whose; a key's new tenant is the one that counts."""
    made = msgspec.structs.replace(kit.wide(vendor.url), keys=KEYS)
    with rig.running_gateway(made) as running:
        named = upload(running.port, "before the change")
        moved = tuple(msgspec.structs.replace(key, tenant="first" if key.id == "other" else "second") for key in KEYS)
        running.apply(msgspec.structs.replace(made, keys=moved, version=2))
        assert ask(running.port, "GET", f"/v1/files/{named}", None, OTHER).status == 200
        assert code(ask(running.port, "GET", f"/v1/files/{named}")) == NOT_THERE
