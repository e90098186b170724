"""One SCIM request, answered. Owns: who may what, the shortcuts beside the library, errors. Imports the library.

Three things go past it, since it takes milliseconds for each resource that it reads or writes: lists are made of the rows as
they are, members are put into a group and taken out without reading the others, and a group is renamed without its members.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import Any, Final, cast

from scim2_models import Error, ForbiddenException, PatchOp, Resource, ResourceType, SCIMException, SearchRequest
from scim2_server.conditions import Conditions
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.routing import Operation, Target
from scim2_server.service import ScimService

from stationmaster.entrances.scim import habits
from stationmaster.entrances.scim.description import provider
from stationmaster.entrances.scim.limits import MAX_CHANGES
from stationmaster.errors import StationmasterError
from stationmaster.operators.access import allowed
from stationmaster.people.scim import leaving, shape
from stationmaster.people.scim.leaving import Held
from stationmaster.people.scim.projection import projected
from stationmaster.people.scim.storage import PeopleStorage
from stationmaster.store.actor import Actor

_NOUNS: Final = {"User": "people", "Group": "groups"}
_VERBS: Final = {
    Operation.create: "create", Operation.query: "read", Operation.search: "read", Operation.search_with_body: "read",
    Operation.replace: "update", Operation.patch: "update", Operation.delete: "delete",
}  # fmt: skip
_LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


def serve(actor: Actor, request: ScimRequest) -> ScimResponse:
    """Answer a request of `actor`, who is known. Raises what is nobody's fault but ours."""
    service = _service()
    writes = request.method not in ("GET", "HEAD") and not request.path.endswith("/.search")
    try:
        return _Handler(service, PeopleStorage(provider(), actor, writes=writes)).handle(request)
    except Held as held:
        leaving.hold(actor, held)
        return failure(held.status, f"{held.message}: {held.hint}", headers={"Retry-After": str(held.seconds)})
    except StationmasterError as error:
        return failure(error.status, error.message)
    except SCIMException as error:
        return service.error_response(error)


def failure(status: int, detail: str, headers: Mapping[str, str] = {}) -> ScimResponse:
    """An error that is none of the library's."""
    return ScimResponse(HTTPStatus(status), Error(status=status, detail=detail).model_dump(), dict(headers))


@cache
def _service() -> ScimService:
    return _Service(provider())


class _Service(ScimService):
    """The protocol, with our rights."""

    def authorize(self, request: ScimRequest, target: Target, resource_type: ResourceType) -> None:
        """By what is dispatched, never by the path as text."""
        action = f"{_NOUNS[cast('str', resource_type.name)]}:{_VERBS[target.operation]}"
        if not allowed(request.subject, action):
            raise ForbiddenException(detail=f"this token may not {action}")


class _Handler(ScimHandler):
    """The operations; one for each request."""

    storage: PeopleStorage
    _members_told = True       # whether a PATCH may be about members

    def search(self, request: ScimRequest) -> ScimResponse:
        """A list, asked for by GET."""
        with self.service.provider:
            target = self.service.route(request, Operation.search)
            types = self.service.searched_types(target.endpoint)
            may = self.service.authorized_types(request, target, types)
            asked, _ = self.service.read_search_query(types, request.query)
            return self._list(may, asked, request.base_url)

    def search_with_body(self, request: ScimRequest) -> ScimResponse:
        """A list, asked for by POST."""
        with self.service.provider:
            target = self.service.route(request, Operation.search_with_body)
            types = self.service.searched_types(target.endpoint)
            may = self.service.authorized_types(request, target, types)
            asked, _ = self.service.read_search_body(types, request.body, request.header("Content-Type"))
            return self._list(may, asked, request.base_url)

    def patch(self, request: ScimRequest) -> ScimResponse:
        """Change a part. What is about a group's members alone does not read them."""
        found = habits.operations(request.body)
        if found is None:
            return super().patch(request)
        target = self.service.match(request)
        if (target.endpoint or "").casefold() == "groups":
            steps = habits.of_members(found)
            if steps is not None:
                return self._patch_members(request, steps)
            self._members_told = habits.mentions_members(found)
        if len(found) > MAX_CHANGES:
            return failure(400, f"a PATCH that is not about members alone has at most {MAX_CHANGES} operations")
        return self._told_active(super().patch(replace(request, body=habits.in_form(request.body, found))), request)

    def replace(self, request: ScimRequest) -> ScimResponse:
        """Change all of it."""
        return self._told_active(super().replace(request), request)

    def patch_resource(
        self, resource_type: ResourceType, resource_id: str, patch_op: "PatchOp[Any]", conditions: Conditions
    ) -> Resource[Any]:
        """The part of it between reading and writing."""
        if self._members_told:
            return super().patch_resource(resource_type, resource_id, patch_op, conditions)
        current = self.storage.without_members(resource_type, resource_id)
        version = current.meta.version if current.meta else None
        patched = self.service.apply_patch(current, patch_op, conditions)
        return current if patched is None else self.storage.rename(resource_type, patched, version)

    def _told_active(self, response: ScimResponse, request: ScimRequest) -> ScimResponse:
        """What was done about whether somebody is active ends what was held of them, also when it changed nothing."""
        which = self.service.match(request).resource_id
        if which and b"active" in request.body.lower():
            leaving.withdraw(which)
        return response

    def _patch_members(self, request: ScimRequest, steps: list[habits.Step]) -> ScimResponse:
        with self.service.provider:
            target = self.service.route(request, Operation.patch)
            resource_type = self.service.resource_type_at(cast("str", target.endpoint))
            self.service.authorize(request, target, resource_type)
            shown = self.service.read_response_parameters(resource_type, request.query)
            self.service.ensure_json(request.header("Content-Type"))
            which = cast("str", target.resource_id)
            with self.storage.operation():
                row = self.storage.checked_group(which, self.service.read_conditions(request))
                self.storage.put_members(row, [(each.op, each.members) for each in steps])
                if not shown.attributes and not shown.excluded_attributes:
                    return ScimResponse(HTTPStatus.NO_CONTENT, None, {"ETag": shape.version(row)})
                resource = self.storage.get(resource_type, which, response_parameters=shown)
            return self.service.patch_response(request.base_url, resource, shown)

    def _list(self, types: list[ResourceType], asked: SearchRequest[Any], base: str) -> ScimResponse:
        with self.storage.operation():
            total, found = self.storage.page(types, asked, base.rstrip("/"))
        names, without = _paths(asked.attributes), _paths(asked.excluded_attributes)
        resources = [projected(shown, names, without) for _, shown in found]
        body: dict[str, Any] = {
            "schemas": [_LIST], "totalResults": total, "itemsPerPage": len(resources), "startIndex": asked.start_index or 1,
        }
        return ScimResponse(HTTPStatus.OK, {**body, "Resources": resources} if resources else body)


def _paths(paths: Any) -> tuple[str, ...]:
    return tuple(str(path) for path in paths or ())
