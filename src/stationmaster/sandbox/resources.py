"""Files, batches, conversations and vector stores, as OpenAI's clients expect them. Remembers nothing: what
is created is described back, and any id is answered as if it existed (`shelf` knows whose it is)."""

from collections.abc import Callable

from stationmaster.sandbox.shelf import output_of
from stationmaster.sandbox.values import CREATED, Answerer, Asked, Reply, answer

Object = dict[str, object]
Maker = Callable[[Asked], Object]

_LINE = b'{"custom_id":"first","response":{"status_code":200,"body":{}},"error":null}\n'


def one(make: Maker) -> Answerer:
    """Answer with the object of the path's id, or a new one."""
    return lambda asked: answer(make(asked))


def many(make: Maker) -> Answerer:
    """Answer with a list that holds one such object."""

    def listed(asked: Asked) -> Reply:
        item = make(asked)
        ends = {"first_id": item["id"], "last_id": item["id"], "has_more": False}
        return answer({"object": "list", "data": [item]} | ends)

    return listed


def gone(kind: str, param: str = "id") -> Answerer:
    """Answer that the object of the path's id was deleted."""
    return lambda asked: answer({"id": asked.params[param], "object": f"{kind}.deleted", "deleted": True})


def changed(make: Maker, **fields: object) -> Answerer:
    """Answer with the object after a change, such as a cancelled batch."""
    return lambda asked: answer(make(asked) | fields)


def file(asked: Asked) -> Object:
    """A file: name, size and purpose of the upload, or of the one file there always is."""
    name, content = asked.files.get("file", ("sandbox.jsonl", _LINE))
    return {
        "id": asked.params.get("id") or asked.id("file-"),
        "object": "file",
        "bytes": len(content),
        "created_at": CREATED,
        "filename": name,
        "purpose": asked.fields.get("purpose", "batch"),
        "status": "processed",
        "expires_at": None,
    }


def file_content(_asked: Asked) -> Reply:
    """`GET files/{id}/content`: one line of batch output."""
    return Reply((_LINE,), content_type="application/octet-stream")


def batch(asked: Asked) -> Object:
    """A batch: validating when just created, completed when asked for later."""
    new = asked.method == "POST"
    batch_id = asked.params.get("id") or asked.id("batch_")
    return {
        "id": batch_id,
        "object": "batch",
        "endpoint": asked.fields.get("endpoint", "/v1/chat/completions"),
        "input_file_id": asked.fields.get("input_file_id", "file-sandbox"),
        "completion_window": asked.fields.get("completion_window", "24h"),
        "status": "validating" if new else "completed",
        "created_at": CREATED,
        "expires_at": CREATED + 86_400,
        "completed_at": None if new else CREATED,
        "output_file_id": None if new else output_of(batch_id),
        "error_file_id": None,
        "errors": None,
        "metadata": asked.fields.get("metadata"),
        "request_counts": {"total": 1, "completed": 0 if new else 1, "failed": 0},
    }


def conversation(asked: Asked) -> Object:
    """A conversation."""
    conversation_id = asked.params.get("id") or asked.id("conv_")
    metadata = asked.fields.get("metadata") or {}
    return {"id": conversation_id, "object": "conversation", "created_at": CREATED, "metadata": metadata}


def conversation_item(asked: Asked) -> Object:
    """A message of a conversation."""
    return {
        "id": asked.params.get("item") or asked.id("msg_"),
        "type": "message",
        "role": "user",
        "status": "completed",
        "content": [{"type": "input_text", "text": "Hello"}],
    }


def vector_store(asked: Asked) -> Object:
    """A vector store without files."""
    return {
        "id": asked.params.get("id") or asked.id("vs_"),
        "object": "vector_store",
        "created_at": CREATED,
        "last_active_at": CREATED,
        "name": asked.fields.get("name") or "sandbox",
        "status": "completed",
        "usage_bytes": 0,
        "file_counts": _file_counts(0),
        "metadata": asked.fields.get("metadata") or {},
    }


def vector_store_file(asked: Asked) -> Object:
    """A file's place in a vector store."""
    return {
        "id": asked.params.get("file") or asked.fields.get("file_id") or "file-sandbox",
        "object": "vector_store.file",
        "created_at": CREATED,
        "vector_store_id": asked.params["id"],
        "status": "completed",
        "usage_bytes": len(_LINE),
        "last_error": None,
        "attributes": asked.fields.get("attributes") or {},
    }


def vector_store_batch(asked: Asked) -> Object:
    """Several files being put into a vector store."""
    return {
        "id": asked.params.get("batch") or asked.id("vsfb_"),
        "object": "vector_store.files_batch",
        "created_at": CREATED,
        "vector_store_id": asked.params["id"],
        "status": "completed",
        "file_counts": _file_counts(1),
    }


def vector_store_content(_asked: Asked) -> Reply:
    """`GET vector_stores/{id}/files/{file}/content`: one page of text."""
    page = {"object": "vector_store.file_content.page", "data": [{"type": "text", "text": "Hello"}]}
    return answer(page | {"has_more": False, "next_page": None})


def search(asked: Asked) -> Reply:
    """`POST vector_stores/{id}/search`: one hit that says the query back."""
    said = str(asked.fields.get("query", ""))
    hit = {"file_id": "file-sandbox", "filename": "sandbox.jsonl", "score": 1.0, "attributes": {}}
    page = {
        "object": "vector_store.search_results.page",
        "search_query": [said],
        "has_more": False,
        "next_page": None,
    }
    return answer(page | {"data": [hit | {"content": [{"type": "text", "text": said}]}]})


def _file_counts(done: int) -> Object:
    return {"in_progress": 0, "completed": done, "failed": 0, "cancelled": 0, "total": done}
