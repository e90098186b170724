"""The demo's stage: a config file over the sandbox, and the call to try. Text only."""

import json

from stationmaster.gateway.config import NewKey

SECRET = "STATIONMASTER_DEMO_SECRET"  # noqa: S105  # the name of a variable
QUESTION = {
    "model": "gpt-4o-mini",
    "stream": True,
    "messages": [{"role": "user", "content": "What does a stationmaster do?"}],
}

_CONFIG = """\
# Written by `stationmaster demo`: every credential leads to the sandbox.
[gateway]
port = {port}
default_pool = "openai"
drain_seconds = 1

[[credential]]
id = "openai-a"
vendor = "openai"
base_url = "{sandbox}/v1"
secret = "env:{secret}"

[[credential]]
id = "openai-b"
vendor = "openai"
base_url = "{sandbox}/v1"
secret = "env:{secret}"

[[credential]]
id = "anthropic-a"
vendor = "anthropic"
base_url = "{sandbox}"
secret = "env:{secret}"

[[credential]]
id = "gemini-a"
vendor = "gemini"
base_url = "{sandbox}"
secret = "env:{secret}"

[[pool]]
id = "openai"
members = [{{ credential = "openai-a" }}, {{ credential = "openai-b" }}]

[[pool]]
id = "anthropic"
members = [{{ credential = "anthropic-a" }}]

[[pool]]
id = "gemini"
members = [{{ credential = "gemini-a" }}]

[[route]]
models = ["claude-*"]
pool = "anthropic"

[[route]]
models = ["gemini-*"]
pool = "gemini"

[[route]]
models = ["gpt-*", "o*", "codex-*", "text-embedding-*", "*"]
pool = "openai"

"""


def config(port: int, sandbox_port: int, key: NewKey) -> str:
    """Write the config file of the demo's gateway."""
    sandbox = f"http://127.0.0.1:{sandbox_port}"
    return _CONFIG.format(port=port, sandbox=sandbox, secret=SECRET) + key.block()


def curl(port: int, key: str) -> str:
    """Write the call to try, ready to paste."""
    return (
        f"curl -N http://127.0.0.1:{port}/v1/chat/completions \\\n"
        f"  -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\\n"
        f"  -d '{json.dumps(QUESTION)}'"
    )
