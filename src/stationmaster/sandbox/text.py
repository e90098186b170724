"""What the sandbox says and how it counts: from the request alone, so the same question always gets the same
answer. Owns the deterministic text and the token counts (one word is one token). Knows no wire format."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from stationmaster.sandbox.faults import NEEDS_LENGTH
from stationmaster.sandbox.values import Asked, Fields, dump

MOST_WORDS = 100_000
BIG = 1_000_000
THOUGHT_TOKENS = 3
PADDING = 20

_PROMPT_KEYS = (
    "system",
    "instructions",
    "systemInstruction",
    "messages",
    "input",
    "contents",
    "content",
    "prompt",
)
_TEXT_KEYS = ("text", "content", "parts", "output", "thinking", "arguments")
_SAY = re.compile(r"\bsay\s+[\"'`]?([^\n\"'`<>]+)", re.IGNORECASE)
_NONCE = re.compile(r"nonce:([0-9a-fA-F]+)")
_WORDS = re.compile(r"\bwords:(\d+)")


@dataclass(frozen=True, slots=True)
class Speech:
    """An answer in pieces (one delta each) and its counts.

    `words_in` includes `cached`; `words_out` excludes `thoughts`. Dialects that count otherwise add up.
    """

    pieces: list[str]
    words_in: int
    cached: int
    words_out: int
    thoughts: int

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.pieces)


def speak(asked: Asked) -> Speech:
    """Answer the last thing the user said.

    `say OK` is answered with `OK`, a `nonce:<hex>` is repeated, `words:<n>` gives n words (at most
    100,000), anything else is echoed in short. A request for JSON gets JSON of the schema it came with.
    """
    pieces = _pieces(asked)
    words_in = count(asked.fields)
    return Speech(
        pieces=pieces,
        words_in=words_in,
        cached=words_in // 4,
        words_out=len(pieces) if asked.fault != "sandbox-big" else BIG // 2,
        thoughts=THOUGHT_TOKENS if _wants_thought(asked.fields) else 0,
    )


def count(fields: Fields) -> int:
    """Words in all prompt texts of a request; pictures, tools and ids count nothing."""
    return sum(len(text.split()) for key in _PROMPT_KEYS if key in fields for text in texts(fields[key]))


def texts(node: Any) -> Iterator[str]:
    """Every text inside a prompt, whichever of the vendors' nestings it uses."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for item in node:
            yield from texts(item)
    elif isinstance(node, dict):
        for key in _TEXT_KEYS:
            if key in node:
                yield from texts(node[key])


def last_user_text(fields: Fields) -> str:
    """The user's newest text; blocks that open with `<` are what coding agents add, and come second."""
    for key in ("messages", "input", "contents", "prompt"):
        if fields.get(key):
            return _newest(_by_user(fields[key]))
    return ""


def find_nonce(text: str) -> str:
    """The last `nonce:<hex>` in a text, or nothing."""
    found = _NONCE.findall(text)
    return found[-1] if found else ""


def _by_user(node: Any) -> list[str]:
    turns = node if isinstance(node, list) else [node]
    for turn in reversed(turns):
        found = [text for text in texts(turn) if text.strip()] if _is_users(turn) else []
        if found:
            return found
    return []


def _is_users(turn: Any) -> bool:
    """Whether a turn is the user's; tool calls and their results have a type and no role."""
    if not isinstance(turn, dict):
        return True
    return bool(turn.get("role", "user" if turn.get("type", "message") == "message" else "") == "user")


def _newest(found: list[str]) -> str:
    plain = [text for text in found if not text.lstrip().startswith("<")]
    return (plain or found or [""])[-1]


def _pieces(asked: Asked) -> list[str]:
    if asked.fault == "sandbox-big":
        return ["x " * 8192] * (BIG // 16_384) + ["x " * (BIG % 16_384 // 2)]
    prompt = last_user_text(asked.fields)
    schema = _schema(asked.fields)
    if schema is not None:
        text = dump(_instance(schema, _sentence(prompt))).decode()
        return [text[at : at + 16] for at in range(0, len(text), 16)]
    words = list(islice(_words(asked, prompt), _length(asked, prompt)))
    return [word if at == 0 else " " + word for at, word in enumerate(words)]


def _sentence(prompt: str) -> str:
    said = _SAY.search(prompt)
    sentence = said[1].strip() if said else "You said: " + " ".join(prompt.split()[:12])
    sentence = " ".join(_WORDS.sub("", sentence).split())
    nonce = find_nonce(prompt)
    if nonce and nonce not in sentence:
        sentence = f"{sentence} nonce:{nonce}"
    return sentence.strip() or "OK"


def _words(asked: Asked, prompt: str) -> Iterator[str]:
    yield from _sentence(prompt).split()
    if asked.fault in NEEDS_LENGTH or asked.fault == "sandbox-long" or _WORDS.search(prompt):
        yield from (f"word{number}" for number in range(1, MOST_WORDS + 1))


def _length(asked: Asked, prompt: str) -> int:
    wished = _WORDS.search(prompt)
    if asked.fault == "sandbox-long":
        return 10_000
    if wished:
        return max(1, min(int(wished[1][:7]), MOST_WORDS))
    return PADDING if asked.fault in NEEDS_LENGTH else MOST_WORDS


def _wants_thought(fields: Fields) -> bool:
    config = fields.get("generationConfig")
    asks = [fields.get(key) for key in ("reasoning_effort", "reasoning", "thinking")]
    asks.append(config.get("thinkingConfig") if isinstance(config, dict) else None)
    return any(ask and ask != {"type": "disabled"} for ask in asks)


def _schema(fields: Fields) -> Any | None:
    """The JSON schema an answer must have, wherever the dialect puts it; None when plain text will do."""
    for path in (("response_format",), ("text", "format"), ("output_config", "format"), ("output_format",)):
        node: Any = fields
        for key in path:
            node = node.get(key) if isinstance(node, dict) else None
        if isinstance(node, dict) and str(node.get("type", "")).startswith("json"):
            return node.get("schema") or (node.get("json_schema") or {}).get("schema") or {}
    config = fields.get("generationConfig")
    if isinstance(config, dict) and config.get("responseMimeType") == "application/json":
        return config.get("responseJsonSchema") or config.get("responseSchema") or {}
    return None


def _instance(schema: Any, text: str) -> Any:
    """The smallest value that fits a schema; with no properties named, an object holding the answer."""
    if not isinstance(schema, dict) or not schema:
        return {"answer": text}
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = str(kind[0] if isinstance(kind, list) else kind).lower()
    if kind == "object":
        return {key: _instance(inner, text) for key, inner in (schema.get("properties") or {}).items()}
    least = schema.get("minimum", 1)
    empty: dict[str, Any] = {"array": [], "integer": least, "number": least, "boolean": False, "null": None}
    return empty.get(kind, text)
