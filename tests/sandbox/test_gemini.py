"""Gemini's answers, over plain HTTP."""

import json

import httpx2

MODEL = "/v1beta/models/gemini-x"
PROMPT = {"contents": [{"role": "user", "parts": [{"text": "say a b c"}]}]}


def test_content_is_generated(http: httpx2.Client) -> None:
    """The whole answer has its text, finish reason and usage; thoughts are counted apart."""
    wish = PROMPT | {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
    answer = http.post(f"{MODEL}:generateContent", json=wish).json()
    assert answer["candidates"][0]["content"]["parts"] == [{"text": "a b c"}]
    assert answer["candidates"][0]["finishReason"] == "STOP"
    counts = answer["usageMetadata"]
    assert counts["promptTokenCount"] == 4
    assert counts["candidatesTokenCount"] == 3
    assert counts["totalTokenCount"] == 4 + 3 + counts["thoughtsTokenCount"]


def test_a_stream_counts_on_every_frame(http: httpx2.Client) -> None:
    """With alt=sse: frames without names, cumulative usage on each, the reason on the last, no [DONE]."""
    answer = http.post(f"{MODEL}:streamGenerateContent?alt=sse", json=PROMPT)
    frames = [json.loads(frame.removeprefix("data: ")) for frame in answer.text.strip().split("\n\n")]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [frame["usageMetadata"]["candidatesTokenCount"] for frame in frames] == [1, 2, 3]
    assert ["finishReason" in frame["candidates"][0] for frame in frames] == [False, False, True]


def test_without_alt_sse_the_stream_is_one_array(http: httpx2.Client) -> None:
    """The pieces together are one JSON array of the same frames."""
    answer = http.post(f"{MODEL}:streamGenerateContent", json=PROMPT)
    assert answer.headers["content-type"] == "application/json"
    assert [frame["candidates"][0]["content"]["parts"][0]["text"] for frame in answer.json()] == ["a", " b", " c"]


def test_an_array_that_fails_is_still_json(http: httpx2.Client) -> None:
    """The error is the last element."""
    broken = http.post("/v1beta/models/sandbox-error-event:streamGenerateContent", json=PROMPT).json()
    assert len(broken) == 9
    assert broken[-1]["error"]["status"] == "UNAVAILABLE"
    first = http.post("/v1beta/models/sandbox-error-first:streamGenerateContent", json=PROMPT).json()
    assert list(first[0]) == ["error"]


def test_the_other_verbs_answer(http: httpx2.Client) -> None:
    """Counting, embedding and listing answer; an unknown verb is 404 in Google's envelope."""
    content = {"parts": [{"text": "hi"}]}
    assert http.post(f"{MODEL}:countTokens", json=PROMPT).json()["totalTokens"] == 4
    one = http.post(f"{MODEL}:embedContent", json={"content": content}).json()["embedding"]
    many = http.post(f"{MODEL}:batchEmbedContents", json={"requests": [{"content": content}]}).json()
    assert many["embeddings"] == [one]
    assert http.get("/v1beta/models").json()["models"][0]["name"] == "models/gpt-4o"
    assert http.get(MODEL).json()["name"] == "models/gemini-x"
    assert http.post(f"{MODEL}:dance", json={}).json()["error"]["status"] == "NOT_FOUND"


def test_json_is_answered_when_json_is_asked(http: httpx2.Client) -> None:
    """A response schema in Google's spelling gets an object that fits, as the CLI's model router needs."""
    properties = {"reasoning": {"type": "STRING"}, "model_choice": {"type": "STRING", "enum": ["flash", "pro"]}}
    config = {
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": properties},
    }
    answer = http.post(f"{MODEL}:generateContent", json=PROMPT | {"generationConfig": config}).json()
    said = json.loads(answer["candidates"][0]["content"]["parts"][0]["text"])
    assert said == {"reasoning": "a b c", "model_choice": "flash"}


def test_a_rate_limit_says_how_long(http: httpx2.Client) -> None:
    """Google tells the delay in the body too; the model comes from the path."""
    answer = http.post("/v1beta/models/sandbox-429:generateContent", json=PROMPT)
    assert answer.status_code == 429
    assert answer.json()["error"]["details"][0]["retryDelay"] == "1s"


def test_a_key_may_be_in_a_header_or_the_query(http: httpx2.Client) -> None:
    """x-goog-api-key and ?key= are both accepted; without either the answer is 401."""
    url = str(http.base_url.join(f"{MODEL}:countTokens"))
    asked = [
        httpx2.post(url, json=PROMPT, headers={"x-goog-api-key": "k"}),
        httpx2.post(f"{url}?key=k", json=PROMPT),
        httpx2.post(url, json=PROMPT, headers={"x-api-key": "k"}),
    ]
    assert [answer.status_code for answer in asked] == [200, 200, 401]
    assert asked[-1].json()["error"]["status"] == "UNAUTHENTICATED"
