"""What a request's body says of where it goes: model, session, limits of its own. The part of an exchange that reads
bodies, changes what has to be changed in them, and finds the plan; chooses nobody.
"""

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.peek import Peek, Refused, batch_models, other_models
from stationmaster.gateway.core.pools import MAX_MODEL, Plan
from stationmaster.gateway.core.requests import RequestHead
from stationmaster.gateway.core.sessions import of_body
from stationmaster.gateway.core.table import allows
from stationmaster.gateway.server.choosing import Served


class Routed(Served):
    """The routing half of an exchange."""

    __slots__ = ("injected", "model")

    # Set by `Exchange`, as `Served`'s are.
    model: str                 # what the client said
    injected: bool             # we asked for stream usage, the client did not

    def understand_anew(self) -> Fault | None:
        """The snapshot changed while a body came: what the key may do is what it may do now. Returns why that is
        nothing."""
        if self.head.keys is self.worker.table.keys:
            return None
        self.table = self.worker.table
        self.head = RequestHead(self.head.line, self.table.keys)
        self.session, self.session_by = self.head.session, self.head.session_by
        return self.head.fault

    def read(self, body: bytes) -> bytes:
        """Route by what the JSON body says; return it as the upstream gets it. Raises Refused."""
        head = self.head
        peek = Peek(body)
        if head.names_model:
            self.model = peek.model
        self.route()
        if head.limited:
            self._check_others(peek)
        if head.guarded:
            self.most_output = peek.most_output()
        if head.prompted and not self.session and self.plan is not None and self.plan.several and head.caller is not None:
            self.session, self.session_by = of_body(head.caller.scope, peek.members)
        if head.names_model and self.sent_model != peek.model:
            body = peek.with_model(self.sent_model)
            peek = Peek(body)
        if peek.stream and head.asks_usage:
            body, self.injected = peek.with_usage_asked()
        return body

    def _check_others(self, peek: Peek) -> None:
        """A key that may use certain models only may not reach others through what stands beside `model`."""
        key, others = self.head.key, other_models(peek)
        assert key is not None  # noqa: S101  no exchange goes on without one
        if others is not None and self.head.dialect == "vertex" and peek.model:    # some publishers read it there
            others |= {peek.model}
        if others is None or not all(allows(key, model) for model in others):
            raise Refused(faults.MODELS_ELSEWHERE)

    def route_batch(self, body: bytes) -> None:
        """A batch goes where its models go: all to the same pools, under the vendor's own names. Raises Refused."""
        key = self.head.key
        plans: list[Plan] = []
        assert key is not None  # noqa: S101  no exchange goes on without one
        for model in batch_models(body):
            plan = self.table.plan_named(key, model)
            if isinstance(plan, Fault):
                raise Refused(plan)
            if plan.sent != model or (plans and plan.pools != plans[0].pools):
                raise Refused(faults.BATCH_MODELS)
            plans.append(plan)
        if not plans:
            raise Refused(faults.NO_MODEL)
        self.plan = plans[0]

    def route(self) -> None:
        """Set the plan from key and model. Raises Refused."""
        head = self.head
        plan = head.plans.get(self.model)
        if plan is None:
            plan = self.table.plan(head, self.model)
            self.model = self.model[:MAX_MODEL]
        if isinstance(plan, Fault):
            plan = self.plan_by_owner(plan)
        self.plan = plan
        self.sent_model = plan.sent
