"""Which path is answered by whom. Owns every path of every vendor; knows nothing of how a request is served."""

from collections.abc import Iterator

from stationmaster.sandbox import bedrock, catalogue, chat, gemini, media, messages, resources, responses, vertex
from stationmaster.sandbox.values import Answerer, Dialect

Route = tuple[str, str, Answerer]

OPENAI: tuple[Route, ...] = (
    ("POST", "/responses", responses.create),
    ("GET", "/responses", responses.no_upgrade),
    ("POST", "/responses/compact", responses.compact),
    ("GET", "/responses/{id}", responses.retrieve),
    ("DELETE", "/responses/{id}", responses.delete),
    ("POST", "/responses/{id}/cancel", responses.cancel),
    ("GET", "/responses/{id}/input_items", responses.input_items),
    ("POST", "/chat/completions", chat.complete),
    ("POST", "/completions", chat.complete_text),
    ("POST", "/embeddings", media.embed),
    ("POST", "/moderations", media.moderate),
    ("POST", "/images/generations", media.draw),
    ("POST", "/images/edits", media.draw),
    ("POST", "/images/variations", media.draw),
    ("POST", "/audio/speech", media.pronounce),
    ("POST", "/audio/transcriptions", media.hear),
    ("POST", "/audio/translations", media.hear),
    ("POST", "/files", resources.one(resources.file)),
    ("GET", "/files", resources.many(resources.file)),
    ("GET", "/files/{id}", resources.one(resources.file)),
    ("DELETE", "/files/{id}", resources.gone("file")),
    ("GET", "/files/{id}/content", resources.file_content),
    ("POST", "/batches", resources.one(resources.batch)),
    ("GET", "/batches", resources.many(resources.batch)),
    ("GET", "/batches/{id}", resources.one(resources.batch)),
    ("POST", "/batches/{id}/cancel", resources.changed(resources.batch, status="cancelling")),
    ("POST", "/conversations", resources.one(resources.conversation)),
    ("GET", "/conversations/{id}", resources.one(resources.conversation)),
    ("POST", "/conversations/{id}", resources.one(resources.conversation)),
    ("DELETE", "/conversations/{id}", resources.gone("conversation")),
    ("POST", "/conversations/{id}/items", resources.many(resources.conversation_item)),
    ("GET", "/conversations/{id}/items", resources.many(resources.conversation_item)),
    ("GET", "/conversations/{id}/items/{item}", resources.one(resources.conversation_item)),
    ("DELETE", "/conversations/{id}/items/{item}", resources.one(resources.conversation)),
    ("POST", "/vector_stores", resources.one(resources.vector_store)),
    ("GET", "/vector_stores", resources.many(resources.vector_store)),
    ("GET", "/vector_stores/{id}", resources.one(resources.vector_store)),
    ("POST", "/vector_stores/{id}", resources.one(resources.vector_store)),
    ("DELETE", "/vector_stores/{id}", resources.gone("vector_store")),
    ("POST", "/vector_stores/{id}/search", resources.search),
    ("POST", "/vector_stores/{id}/files", resources.one(resources.vector_store_file)),
    ("GET", "/vector_stores/{id}/files", resources.many(resources.vector_store_file)),
    ("GET", "/vector_stores/{id}/files/{file}", resources.one(resources.vector_store_file)),
    ("POST", "/vector_stores/{id}/files/{file}", resources.one(resources.vector_store_file)),
    ("DELETE", "/vector_stores/{id}/files/{file}", resources.gone("vector_store.file", "file")),
    ("GET", "/vector_stores/{id}/files/{file}/content", resources.vector_store_content),
    ("POST", "/vector_stores/{id}/file_batches", resources.one(resources.vector_store_batch)),
    ("GET", "/vector_stores/{id}/file_batches/{batch}", resources.one(resources.vector_store_batch)),
    (
        "POST",
        "/vector_stores/{id}/file_batches/{batch}/cancel",
        resources.changed(resources.vector_store_batch, status="cancelled"),
    ),
    ("GET", "/vector_stores/{id}/file_batches/{batch}/files", resources.many(resources.vector_store_file)),
)
MODELS: tuple[Route, ...] = (
    ("GET", "/models", catalogue.list_models),
    ("GET", "/models/{model}", catalogue.retrieve_model),
)
ANTHROPIC: tuple[Route, ...] = (
    ("POST", "/messages", messages.create),
    ("POST", "/messages/count_tokens", messages.count_tokens),
    ("POST", "/messages/batches", messages.create_batch),
    ("GET", "/messages/batches", messages.list_batches),
    ("GET", "/messages/batches/{id}", messages.retrieve_batch),
    ("DELETE", "/messages/batches/{id}", messages.delete_batch),
    ("POST", "/messages/batches/{id}/cancel", messages.cancel_batch),
    ("GET", "/messages/batches/{id}/results", messages.batch_results),
)
GEMINI: tuple[Route, ...] = (
    ("GET", "/models", gemini.list_models),
    ("GET", "/models/{model}", gemini.retrieve_model),
    ("POST", "/models/{model:[^/:]+}:{verb:[A-Za-z]+}", gemini.act),
)
BEDROCK: tuple[Route, ...] = (
    ("POST", "/model/{model}/invoke", bedrock.invoke),
    ("POST", "/model/{model}/invoke-with-response-stream", bedrock.invoke_stream),
    ("POST", "/model/{model}/converse", bedrock.converse),
    ("POST", "/model/{model}/converse-stream", bedrock.converse_stream),
    ("POST", "/model/{model}/count-tokens", bedrock.count_tokens),
    ("GET", "/async-invoke", bedrock.list_async),
)
_PUBLISHED = "/projects/{project}/locations/{location}/publishers/{publisher}/models/{model:[^/:]+}:{verb:[A-Za-z]+}"
VERTEX: tuple[Route, ...] = (
    ("POST", "/v1" + _PUBLISHED, vertex.act),
    ("POST", "/v1beta1" + _PUBLISHED, vertex.act),
    ("GET", "/v1beta1/publishers/google/models", vertex.list_models),
)
_TASKS = ("/chat/", "/completions", "/embeddings", "/images/", "/audio/")
DEPLOYMENTS: tuple[Route, ...] = tuple(route for route in OPENAI if route[1].startswith(_TASKS))


def routes() -> Iterator[tuple[str, str, Answerer, Dialect | None]]:
    """Every door; a dialect of None is told from the request, for paths that two vendors share."""
    tables: tuple[tuple[str, tuple[Route, ...], Dialect | None], ...] = (
        ("", MODELS, None),
        ("", OPENAI, "openai"),
        ("", ANTHROPIC, "anthropic"),
        ("/openai", MODELS + OPENAI, "azure"),
    )
    clouds: tuple[tuple[tuple[Route, ...], Dialect], ...] = ((BEDROCK, "bedrock"), (VERTEX, "vertex"))
    for prefix, routes, dialect in tables:
        for version in ("/v1", ""):
            for method, path, answerer in routes:
                yield method, f"{prefix}{version}{path}", answerer, dialect
    for table, cloud in clouds:
        for method, path, answerer in table:
            yield method, path, answerer, cloud
    for method, path, answerer in DEPLOYMENTS:
        yield method, "/openai/deployments/{model}" + path, answerer, "azure"
    for method, path, answerer in GEMINI:
        yield method, "/v1beta" + path, answerer, "gemini"
    yield GEMINI[-1][0], "/v1" + GEMINI[-1][1], GEMINI[-1][2], "gemini"
