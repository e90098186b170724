"""What to paste into clients. Owns: the settings of curl, SDKs and coding agents for a gateway, as docs/clients.md has them.

The key itself stands in none of them: they read it from the variable that each client reads.
"""

from fnmatch import fnmatchcase
from typing import Final

from stationmaster.entrances.console.pages.parts import Row
from stationmaster.entrances.console.pages.pictures import Snippet, Snippets

_OPENAI: Final = "gpt-5.5"
_ANTHROPIC: Final = "claude-opus-5-5"
_ANY: Final = "MODEL"
# No pattern, and nothing that a shell would read.
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:/@")


def of_key(row: Row, url: str) -> Snippets:
    """For one virtual key: with a model that it may use, where it names one."""
    literal = [each for each in row["models"] if _PLAIN.issuperset(each)]
    claude = next((each for each in literal if each.startswith("claude")), _usual(row["models"], _ANTHROPIC))
    other = next((each for each in literal if not each.startswith("claude")), _usual(row["models"], _OPENAI))
    return Snippets((
        Snippet("curl", _CURL.format(url=url, model=other)),
        Snippet("OpenAI SDK", _OPENAI_SDK.format(url=url, model=other)),
        Snippet("Anthropic SDK", _ANTHROPIC_SDK.format(url=url, model=claude)),
        Snippet("Codex", _CODEX.format(url=url, model=other)),
        Snippet("Claude Code", _CLAUDE_CODE.format(url=url)),
    ))  # fmt: skip


def _usual(patterns: list[str], model: str) -> str:
    """A model that everybody knows, where the key may use it; else a word to put one in for."""
    return model if any(fnmatchcase(model, each) for each in patterns) else _ANY


_CURL: Final = """\
export STATIONMASTER_KEY=sm-...
curl {url}/v1/chat/completions \\
  -H "Authorization: Bearer $STATIONMASTER_KEY" -H "Content-Type: application/json" \\
  -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "say OK"}}]}}'
"""
_OPENAI_SDK: Final = """\
# pip install openai; export STATIONMASTER_KEY=sm-...
import os
from openai import OpenAI

client = OpenAI(base_url="{url}/v1", api_key=os.environ["STATIONMASTER_KEY"])
print(client.responses.create(model="{model}", input="say OK").output_text)
"""
_ANTHROPIC_SDK: Final = """\
# pip install anthropic; export STATIONMASTER_KEY=sm-...
import os
from anthropic import Anthropic

client = Anthropic(base_url="{url}", api_key=os.environ["STATIONMASTER_KEY"])
print(client.messages.create(model="{model}", max_tokens=100, messages=[{{"role": "user", "content": "say OK"}}]))
"""
_CODEX: Final = """\
# ~/.codex/config.toml, then: export STATIONMASTER_KEY=sm-...; codex exec "say OK"
model = "{model}"
model_provider = "stationmaster"

[model_providers.stationmaster]
name = "Stationmaster"
base_url = "{url}/v1"
env_key = "STATIONMASTER_KEY"
wire_api = "responses"
"""
_CLAUDE_CODE: Final = """\
export ANTHROPIC_BASE_URL={url}
export ANTHROPIC_AUTH_TOKEN=sm-...
claude -p "say OK"
"""
