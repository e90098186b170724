"""Every endpoint that the gateway serves from an upstream, as one table."""

import json
from typing import NamedTuple

from gateway import kit, plain

BOUNDARY = "----form7d1"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
FILE = bytes(range(256)) * 64


class Door(NamedTuple):
    """One request. `path` stands behind the prefixes that its dialect has."""

    dialect: str
    method: str
    path: str
    body: bytes | None = None
    content_type: str = "application/json"
    more: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """How the test is called."""
        streamed = " streamed" if self.body and b'"stream"' in self.body else ""
        return f"{self.dialect} {self.method} {self.path}{streamed}"

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What may stand before the path at the gateway."""
        return {"openai": ("/v1", "", "/openai/v1"), "anthropic": ("/v1", "")}.get(self.dialect, ("",))

    @property
    def upstream_path(self) -> str:
        """The target at the vendor."""
        return self.path if self.dialect in ("gemini", "azure") else f"/v1{self.path}"

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Header fields without any credential."""
        return [*self.more, *([] if self.body is None else [("content-type", self.content_type)])]

    @property
    def credential(self) -> tuple[str, str]:
        """What the vendor gets from the gateway."""
        return {
            "openai": ("authorization", f"Bearer {kit.SECRETS['openai']}"),
            "anthropic": ("x-api-key", kit.SECRETS["anthropic"]),
            "gemini": ("x-goog-api-key", kit.SECRETS["gemini"]),
            "azure": ("api-key", kit.SECRETS["azure_openai"]),
        }[self.dialect]


def form(*parts: tuple[str, bytes], file_first: bool = False) -> bytes:
    """A form with a file and text fields."""
    file = (b'file"; filename="a b.bin', FILE)
    fields = [(name.encode(), value) for name, value in parts]
    rows = [file, *fields] if file_first else [*fields, file]
    part = b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    return b"".join(part % (BOUNDARY.encode(), *row) for row in rows) + f"--{BOUNDARY}--\r\n".encode()


def _loose(value: object) -> bytes:
    """JSON as a person would write it: spaces, a line end, escapes, letters beyond ASCII."""
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"


SAID = 'say Grüße \U0001f310 "now" \\ words:12'


def _openai() -> list[Door]:
    def door(method: str, path: str, value: object = None) -> Door:
        return Door("openai", method, path, None if value is None else _loose(value))

    vectors = "/vector_stores/vs_1"
    return [
        door("POST", "/chat/completions", plain.chat(said=SAID)),
        door("POST", "/chat/completions", plain.chat(said=SAID, stream=True, stream_options={"include_usage": True})),
        door("POST", "/chat/completions", plain.chat("sandbox-big")),
        door("POST", "/completions", {"model": "gpt-4o", "prompt": SAID}),
        door("POST", "/responses", plain.responses(said=SAID)),
        door("POST", "/responses", plain.responses(said=SAID, stream=True)),
        door("POST", "/responses", plain.responses("sandbox-trailers", stream=True)),
        door("POST", "/responses", plain.responses("sandbox-close-delimited")),
        door("POST", "/responses", plain.responses("sandbox-1xx")),
        door("POST", "/responses", plain.responses("sandbox-html")),
        door("POST", "/responses", plain.responses("sandbox-429")),
        door("POST", "/responses/compact", plain.responses(said=SAID)),
        door("GET", "/responses/resp_1"),
        door("GET", "/responses/resp_1?stream=true&starting_after=2"),
        door("DELETE", "/responses/resp_1"),
        door("POST", "/responses/resp_1/cancel", {}),
        door("POST", "/responses/resp_1/cancel"),
        door("GET", "/responses/resp_1/input_items?limit=20&order=asc&include[]=a"),
        door("POST", "/embeddings", {"model": "text-embedding-3", "input": ["a", "b"], "encoding_format": "base64"}),
        door("POST", "/moderations", {"input": SAID}),
        door("POST", "/images/generations", {"model": "gpt-image-1", "prompt": SAID}),
        door("POST", "/images/generations", {"model": "gpt-image-1", "prompt": SAID, "stream": True}),
        Door("openai", "POST", "/images/edits", form(("model", b"gpt-image-1"), ("prompt", b"x")), FORM),
        Door("openai", "POST", "/images/variations", form(("model", b"dall-e-2"), file_first=True), FORM),
        door("POST", "/audio/speech", {"model": "tts-1", "voice": "alloy", "input": SAID}),
        door("POST", "/audio/speech", {"model": "tts-1", "voice": "alloy", "input": SAID, "stream_format": "sse"}),
        Door("openai", "POST", "/audio/transcriptions", form(("model", b"whisper-1"), file_first=True), FORM),
        Door("openai", "POST", "/audio/transcriptions", form(("model", b"whisper-1"), ("stream", b"true")), FORM),
        Door("openai", "POST", "/audio/translations", form(("model", b"whisper-1")), FORM),
        Door("openai", "POST", "/files", form(("purpose", b"batch")), FORM),
        door("GET", "/files?purpose=batch"), door("GET", "/files/file-1"), door("DELETE", "/files/file-1"),
        door("GET", "/files/file-1/content"),
        door("POST", "/batches", {"input_file_id": "file-1", "endpoint": "/v1/responses", "completion_window": "24h"}),
        door("GET", "/batches?limit=2"), door("GET", "/batches/batch_1"), door("POST", "/batches/batch_1/cancel"),
        door("POST", "/conversations", {"metadata": {"a": "ö"}}), door("GET", "/conversations/conv_1"),
        door("POST", "/conversations/conv_1", {"metadata": {}}), door("DELETE", "/conversations/conv_1"),
        door("POST", "/conversations/conv_1/items", {"items": [{"type": "message", "role": "user", "content": "a"}]}),
        door("GET", "/conversations/conv_1/items"), door("GET", "/conversations/conv_1/items/msg_1"),
        door("DELETE", "/conversations/conv_1/items/msg_1"),
        door("POST", "/vector_stores", {"name": "ü"}), door("GET", "/vector_stores?after=vs_0"),
        door("GET", vectors), door("POST", vectors, {"name": "b"}), door("DELETE", vectors),
        door("POST", f"{vectors}/search", {"query": SAID}), door("POST", f"{vectors}/files", {"file_id": "file-1"}),
        door("GET", f"{vectors}/files"), door("GET", f"{vectors}/files/file-1"),
        door("POST", f"{vectors}/files/file-1", {"attributes": {"a": 1}}), door("DELETE", f"{vectors}/files/file-1"),
        door("GET", f"{vectors}/files/file-1/content"), door("POST", f"{vectors}/file_batches", {"file_ids": ["f"]}),
        door("GET", f"{vectors}/file_batches/b_1"), door("POST", f"{vectors}/file_batches/b_1/cancel"),
        door("GET", f"{vectors}/file_batches/b_1/files?filter=completed"),
    ]  # fmt: skip


def _anthropic() -> list[Door]:
    version = (("anthropic-version", "2023-06-01"), ("anthropic-beta", "a-2025,b-2026"))

    def door(method: str, path: str, value: object = None) -> Door:
        return Door("anthropic", method, path, None if value is None else _loose(value), more=version)

    batch = {"requests": [{"custom_id": "first", "params": plain.messages()}]}
    return [
        door("POST", "/messages", plain.messages(said=SAID)),
        door("POST", "/messages?beta=true", plain.messages(said=SAID, stream=True)),
        door("POST", "/messages", plain.messages(said=SAID, thinking={"type": "enabled"}, stream=True)),
        door("POST", "/messages/count_tokens?beta=true", plain.messages()),
        door("POST", "/messages/batches", batch),
        door("GET", "/messages/batches?limit=1"), door("GET", "/messages/batches/b_1"),
        door("DELETE", "/messages/batches/b_1"), door("POST", "/messages/batches/b_1/cancel"),
        door("GET", "/messages/batches/b_1/results"),
    ]  # fmt: skip


def _others() -> list[Door]:
    said = _loose(plain.gemini(SAID))
    embed = _loose({"content": {"parts": [{"text": "a"}]}})
    model = "/v1beta/models/gemini-2.5-x"
    azure = "/openai/deployments/azure-x"
    version = "api-version=2024-10-21"
    return [
        Door("gemini", "POST", f"{model}:generateContent", said),
        Door("gemini", "POST", f"{model}:streamGenerateContent?alt=sse", said),
        Door("gemini", "POST", f"{model}:streamGenerateContent", said),
        Door("gemini", "POST", f"{model}:countTokens", said),
        Door("gemini", "POST", f"{model}:embedContent", embed),
        Door("azure", "POST", f"{azure}/chat/completions?{version}", _loose({"messages": plain.chat()["messages"]})),
        Door("azure", "POST", f"{azure}/completions?{version}", _loose({"prompt": SAID})),
        Door("azure", "POST", f"{azure}/embeddings?{version}", _loose({"input": "a"})),
        Door("azure", "POST", f"{azure}/images/generations?{version}", _loose({"prompt": "a"})),
        Door("azure", "POST", f"{azure}/audio/speech?{version}", _loose({"voice": "a", "input": "b"})),
        Door("azure", "POST", f"{azure}/audio/transcriptions?{version}", form(("language", b"de")), FORM),
    ]


DOORS = [*_openai(), *_anthropic(), *_others()]
