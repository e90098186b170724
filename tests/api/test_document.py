"""The OpenAPI document: complete, with examples, and true of what is answered."""

import json
import os
import re
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from api.kit import Callers
from controlkit import ADMIN, a_credential, a_pool
from internal.kit import Control
from stationmaster import entrances, usage
from stationmaster.credentials import services as credentials
from stationmaster.entrances.api.site import document
from stationmaster.routing import services as routing
from usage.kit import request, sent

_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "rest.md"
DOCUMENT = json.loads(document())
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def test_it_is_openapi_3_1() -> None:
    """The document is of version 3.1, names each operation once, and says that callers need a token."""
    assert DOCUMENT["openapi"].startswith("3.1")
    ids = [methods[method]["operationId"] for methods in DOCUMENT["paths"].values() for method in methods]
    assert len(ids) == len(set(ids)) > 40
    assert DOCUMENT["components"]["securitySchemes"]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_is_described_with_an_example(path: str, method: str) -> None:
    """Each operation has a summary, a folder, an example of its body and of its answer, and the shape of its errors."""
    operation = DOCUMENT["paths"][path][method]
    assert operation["summary"]
    assert operation["tags"]
    if method in ("post", "patch", "put"):
        assert all("example" in each for each in operation["requestBody"]["content"].values())
    (status,) = (code for code in operation["responses"] if code.startswith("2"))
    if status != "204":
        assert operation["responses"][status]["content"]["application/json"]["example"]
    assert {"401", "403", "422"} <= set(operation["responses"])


@hypothesis.settings(
    max_examples=8, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck), deadline=None,
)  # fmt: skip
@hypothesis.seed(20261122)
@hypothesis.given(data=hypothesis.strategies.data())
def _fuzz(operation: Any, how: Any, url: str, headers: dict[str, str], answered: list[int], data: Any) -> None:
    case = data.draw(operation.as_strategy(generation_mode=how))
    if case.method in ("PATCH", "DELETE", "PUT") or operation.path.endswith("/rotate"):
        case.headers = {**(case.headers or {}), "If-Match": "*"}
    negative = how is schemathesis.GenerationMode.NEGATIVE
    checks = [*_CHECKS, *([negative_data_rejection] if negative and case.body is not schemathesis.core.NOT_SET else [])]
    answered.append(case.call_and_validate(base_url=url, headers=headers, checks=checks, timeout=30).status_code)


@pytest.mark.timeout(600)
def test_answers_are_as_described(database: str, control: Control, callers: Callers) -> None:
    """For calls that Schemathesis makes up, right ones and wrong ones, with a fixed seed: no answer is a 500, none has a
    status, type or shape that the document does not have, and no body that it forbids is taken."""
    if database == "postgresql" and not os.environ.get("SOAK"):
        pytest.skip("hundreds of calls for each operation; SOAK=1 makes them on this database, too")
    credentials.create_credential(ADMIN, a_credential())
    routing.create_pool(ADMIN, a_pool())
    sent(request(), request(tokens=None, cost=None, usage_source="none"))
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    token = {"Authorization": callers["admin"].headers["authorization"]}
    answered: list[int] = []
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        for how in schemathesis.GenerationMode:
            if not operation.path.endswith("/audit/verify") or how is schemathesis.GenerationMode.POSITIVE:
                _fuzz(operation, how, control.url, token, answered)
    assert len(answered) > 5 * len(OPERATIONS)
    assert {200, 201, 404, 422} <= set(answered)


def _table() -> str:
    """The reference page's list of operations."""
    lines = ["| call | what it does |", "|---|---|"]
    for path, method in OPERATIONS:
        lines.append(f"| `{method.upper()} {path}` | {DOCUMENT['paths'][path][method]['summary']} |")
    return "\n".join(lines) + "\n"


def test_the_reference_page_lists_every_operation() -> None:
    """docs/reference/rest.md has each operation with its summary, in the document's order, and no other."""
    assert _table() in _PAGE.read_text()


def test_the_reference_page_explains_every_code() -> None:
    """docs/reference/rest.md explains each error that REST and the gateways' door have of their own, and none that is
    gone."""
    folders = [Path(entrances.__file__).parent / name for name in ("api", "internal", "live.py")]
    sources = [path for folder in folders for path in ([folder] if folder.is_file() else folder.rglob("*.py"))]
    sources += Path(usage.__file__).parent.glob("*.py")
    code = re.compile(r'"(error\.(?:api|internal|settings)(?:\.[a-z_]+)?)"')
    raised = {found for path in sources for found in code.findall(path.read_text())} - {"error.settings.none"}
    explained = set(re.findall(r"^\| `(error\.(?:api|internal|settings)(?:\.[a-z_]+)?)`", _PAGE.read_text(), re.MULTILINE))
    assert explained == raised
