"""How each dialect states usage (their API references), and what it means as `Tokens`: input without cache, cache read,
cache write, output, reasoning. May not know where in an answer it stands.
"""

import msgspec

from stationmaster.gateway.core.tokens import Tokens, counted, counted_within, detailed, with_sound


class _Details(msgspec.Struct):
    cached_tokens: int | None = 0
    cache_write_tokens: int | None = 0
    audio_tokens: int | None = 0


class _OutDetails(msgspec.Struct):
    reasoning_tokens: int | None = 0
    audio_tokens: int | None = 0


class Chat(msgspec.Struct):
    """Chat completions' `usage`."""

    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _OutDetails | None = None


class Responses(msgspec.Struct):
    """`usage` of Responses, images and transcriptions; of those that are paid by the second `type` is `duration`."""

    type: str | None = None
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    input_tokens_details: _Details | None = None
    output_tokens_details: _OutDetails | None = None
    input_token_details: _Details | None = None      # in the singular: transcriptions


class _Thinking(msgspec.Struct):
    thinking_tokens: int | None = 0


class _Written(msgspec.Struct):
    ephemeral_1h_input_tokens: int | None = 0


class _Iteration(msgspec.Struct):
    type: str = "message"
    input_tokens: int | None = 0
    cache_creation_input_tokens: int | None = 0
    cache_read_input_tokens: int | None = 0
    output_tokens: int | None = 0
    cache_creation: _Written | None = None


class Messages(msgspec.Struct):
    """Anthropic's `usage`."""

    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int | None = None
    output_tokens_details: _Thinking | None = None
    cache_creation: _Written | None = None
    iterations: list[_Iteration] | None = None


class _CacheDetail(msgspec.Struct, rename="camel"):
    ttl: str = ""
    input_tokens: int | None = 0


class Converse(msgspec.Struct, rename="camel"):
    """Bedrock Converse's `usage` (API reference, TokenUsage)."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    cache_details: list[_CacheDetail] | None = None


class Counts(msgspec.Struct, rename="camel"):
    """Bedrock's own counts of what any model was sent and said: `amazon-bedrock-invocationMetrics` of a stream's last chunk."""

    input_token_count: int | None = None
    output_token_count: int | None = None
    cache_read_input_token_count: int | None = None
    cache_write_input_token_count: int | None = None


class Invoked(Messages):
    """`usage` in the answer of a model on Bedrock, as its maker writes it: Anthropic, Amazon (nearly as Converse), OpenAI's kin
    (as Chat)."""

    inputs: int | None = msgspec.field(name="inputTokens", default=None)
    outputs: int | None = msgspec.field(name="outputTokens", default=None)
    cache_reads: int | None = msgspec.field(name="cacheReadInputTokenCount", default=None)
    cache_writes: int | None = msgspec.field(name="cacheWriteInputTokenCount", default=None)
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _OutDetails | None = None


class Gemini(msgspec.Struct, rename="camel"):
    """Gemini's `usageMetadata`."""

    prompt_token_count: int | None = 0
    cached_content_token_count: int | None = 0
    candidates_token_count: int | None = 0
    thoughts_token_count: int | None = 0
    tool_use_prompt_token_count: int | None = 0


class _Modality(msgspec.Struct, rename="camel"):
    modality: str = ""
    token_count: int | None = 0


class GeminiSound(Gemini, rename="camel"):
    """The same where some of it is sound."""

    prompt_tokens_details: list[_Modality] | None = None
    cache_tokens_details: list[_Modality] | None = None
    candidates_tokens_details: list[_Modality] | None = None
    tool_use_prompt_tokens_details: list[_Modality] | None = None


def _openai_tokens(total_in: int | None, total_out: int | None, details: _Details | None,
                   out: _OutDetails | None) -> Tokens:
    cached = written = heard = reasoning = spoken = 0
    if details:
        cached, written, heard = details.cached_tokens or 0, details.cache_write_tokens or 0, details.audio_tokens or 0
    if out:
        reasoning, spoken = out.reasoning_tokens or 0, out.audio_tokens or 0
    tokens = counted_within(total_in or 0, cached, written, total_out or 0, reasoning)
    return with_sound(tokens, heard, spoken) if heard or spoken else tokens


def of_chat(usage: Chat) -> Tokens:
    """Chat completions: input includes the cache."""
    return _openai_tokens(usage.prompt_tokens, usage.completion_tokens, usage.prompt_tokens_details,
                          usage.completion_tokens_details)


def of_responses(usage: Responses) -> Tokens:
    """Responses: the same, under other names."""
    return _openai_tokens(usage.input_tokens, usage.output_tokens, usage.input_tokens_details or usage.input_token_details,
                          usage.output_tokens_details)


def of_gemini(usage: Gemini) -> Tokens:
    """Gemini: the prompt includes the cache, thoughts come beside the answer."""
    cached, thoughts = usage.cached_content_token_count or 0, usage.thoughts_token_count or 0
    prompt = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
    tokens = counted_within(prompt, cached, 0, (usage.candidates_token_count or 0) + thoughts, thoughts)
    return _gemini_sound(usage, tokens) if type(usage) is GeminiSound else tokens


def _gemini_sound(usage: GeminiSound, tokens: Tokens) -> Tokens:
    """The prompt's details include what was cached of it, as its count does (Gemini API reference, UsageMetadata)."""
    heard = _sound_in(usage.prompt_tokens_details) + _sound_in(usage.tool_use_prompt_tokens_details)
    cached = None if usage.cache_tokens_details is None else _sound_in(usage.cache_tokens_details)
    return with_sound(tokens, heard, _sound_in(usage.candidates_tokens_details), cached)


def _sound_in(details: list[_Modality] | None) -> int:
    return sum(part.token_count or 0 for part in details or () if part.modality == "AUDIO")


def of_messages(usage: Messages) -> Tokens:
    """Anthropic: input excludes the cache. Of what was written to it, the hour-long part is stated beside."""
    summed = _summed(usage, usage.iterations) if usage.iterations else usage
    thinking = (usage.output_tokens_details.thinking_tokens or 0) if usage.output_tokens_details else 0
    written = summed.cache_creation_input_tokens or 0
    tokens = counted(summed.input_tokens or 0, summed.cache_read_input_tokens or 0, written, summed.output_tokens or 0,
                     thinking)
    hourly = (summed.cache_creation.ephemeral_1h_input_tokens or 0) if summed.cache_creation else 0
    return detailed(tokens, cache_write_1h=max(0, min(hourly, tokens.cache_write))) if hourly else tokens


_EXECUTOR = ("message", "compaction")


def _summed(usage: Messages, steps: list[_Iteration]) -> Messages:
    """With `iterations`, the top level leaves compaction out, so the executor's iterations are summed; a fallback
    message makes the top level whole again."""
    rounds = [step for step in steps if step.type in _EXECUTOR]
    if not rounds or any(step.type == "fallback_message" for step in steps):
        return usage
    hourly = [step.cache_creation.ephemeral_1h_input_tokens or 0 for step in rounds if step.cache_creation]
    return Messages(
        input_tokens=sum(step.input_tokens or 0 for step in rounds),
        cache_read_input_tokens=sum(step.cache_read_input_tokens or 0 for step in rounds),
        cache_creation_input_tokens=sum(step.cache_creation_input_tokens or 0 for step in rounds),
        output_tokens=sum(step.output_tokens or 0 for step in rounds),
        cache_creation=_Written(sum(hourly)) if hourly else usage.cache_creation,
    )


def of_converse(usage: Converse) -> Tokens:
    """Converse: input excludes the cache. Of what was written to it, the hour-long part is stated beside."""
    tokens = counted(usage.input_tokens or 0, usage.cache_read_input_tokens or 0, usage.cache_write_input_tokens or 0,
                     usage.output_tokens or 0, 0)
    hourly = sum(part.input_tokens or 0 for part in usage.cache_details or () if part.ttl == "1h")
    return detailed(tokens, cache_write_1h=max(0, min(hourly, tokens.cache_write))) if hourly else tokens


def of_counts(counts: Counts) -> Tokens | None:
    """Bedrock's own counts; None when there are none."""
    if counts.input_token_count is None and counts.output_token_count is None:
        return None
    return counted(counts.input_token_count or 0, counts.cache_read_input_token_count or 0,
                   counts.cache_write_input_token_count or 0, counts.output_token_count or 0, 0)


def of_invoked(usage: Invoked) -> Tokens:
    """By whichever maker's words it has."""
    if usage.inputs is not None or usage.outputs is not None:
        return counted(usage.inputs or 0, usage.cache_reads or 0, usage.cache_writes or 0, usage.outputs or 0, 0)
    if usage.prompt_tokens is not None or usage.completion_tokens is not None:
        return _openai_tokens(usage.prompt_tokens, usage.completion_tokens, usage.prompt_tokens_details,
                              usage.completion_tokens_details)
    return of_messages(usage)
