"""A filter as a query (RFC 7644 section 3.4.2.2). Owns: the translation, and what of it is refused.

What a caller says reaches the database as bound values only. What is stored outside of columns is not looked through: such a
filter is refused (`invalidFilter`), since ten thousand resources would be read for it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Left, Right, StrIndex
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual
from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import (
    AttributeBinding,
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
    coerce_value,
)

from stationmaster.people.scim.columns import Column, Entries, Table

MAX_LENGTH: Final = 4096          # characters of a filter
MAX_TERMS: Final = 50             # comparisons of one
MAX_VALUE: Final = 512            # characters of a compared text
NONE, ALL = Q(pk__in=()), ~Q(pk__in=())
_ORDER: Final = {"gt": GreaterThan, "ge": GreaterThanOrEqual, "lt": LessThan, "le": LessThanOrEqual}


def query(scim_filter: ScimFilter[Any], table: Table) -> Q:
    """The rows of `table` that the filter takes. `scim_filter` is bound to the table's model. Raises
    `InvalidFilterException`."""
    limit(scim_filter)
    return _Rows(scim_filter, table).visit(scim_filter.ast)


def limit(scim_filter: ScimFilter[Any]) -> None:
    """Raise `InvalidFilterException` for a filter that is too large."""
    if len(scim_filter) > MAX_LENGTH or _terms(scim_filter.ast) > MAX_TERMS:
        raise refused(f"a filter has at most {MAX_TERMS} comparisons and {MAX_LENGTH} characters")


def refused(why: str) -> InvalidFilterException:
    """A filter that is not answered."""
    return InvalidFilterException(detail=why)


def _terms(node: FilterNode) -> int:
    if isinstance(node, LogicalExpr):
        return sum(_terms(term) for term in node.terms)
    if isinstance(node, Not):
        return _terms(node.expr)
    return _terms(node.val_filter) if isinstance(node, ValuePath) else 1


class _Terms(FilterVisitor[Q]):
    """What filters of rows and filters of entries have in common."""

    def visit_not(self, node: Not) -> Q:
        """What does not match."""
        return ALL & ~self.visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> Q:
        """All of them, or any."""
        both = node.op == LogicalOperator.and_
        found = self.visit(node.terms[0])
        for term in node.terms[1:]:
            found = found & self.visit(term) if both else found | self.visit(term)
        return found


class _Rows(_Terms):
    """A filter over the rows of a table."""

    def __init__(self, scim_filter: ScimFilter[Any], table: Table) -> None:
        self._filter, self._table = scim_filter, table

    def visit_comparison(self, node: Comparison) -> Q:
        """A value of the row, or any of an attribute's values; `ne` holds when none is equal."""
        bound = self._filter.resolve_comparison(node.attr_path, strict=False)
        if bound is None:
            return NONE
        value = _operand(bound, node)
        if column := self._table.single.get(bound.urn.lower()):
            return compared(column, node.op, value)
        entries, name = self._entries(bound)
        if node.op == CompareOperator.ne:
            return ALL & ~_any_equal(entries, name, value)
        if node.op == CompareOperator.eq:
            return _any_equal(entries, name, value)
        return _any(entries, lambda columns: compared(_of(columns, name), node.op, value))

    def visit_present(self, node: Present) -> Q:
        """Whether there is a value at all."""
        bound = self._filter.resolve(node.attr_path, strict=False)
        if bound is None:
            return NONE
        if column := self._table.single.get(bound.urn.lower()):
            return present(column)
        entries, name = self._entries(bound)
        return _any(entries, lambda columns: present(_of(columns, name)))

    def visit_value_path(self, node: ValuePath) -> Q:
        """Whether one entry satisfies the whole of what is in the brackets."""
        bound = self._filter.resolve(node.attr_path, strict=False)
        if bound is None:
            return NONE
        entries, _ = self._entries(bound)
        path = node.attr_path

        def bind(part: str) -> AttributeBinding | None:
            return self._filter.resolve(AttrPath(path.attr, part, path.uri), strict=False)

        return _any(entries, lambda columns: _Entry(columns, bind).visit(node.val_filter))

    def _entries(self, bound: AttributeBinding) -> tuple[Entries, str]:
        head, _, name = bound.urn.rpartition(".") if bound.sub_field_name else (bound.urn, "", "value")
        entries = self._table.multiple.get(head.lower())
        if entries is None:
            raise _not_stored(bound.urn)
        return entries, name


class _Entry(_Terms):
    """A filter over one entry of an attribute, which is in `columns`. `bind` knows the attribute's parts by their names."""

    def __init__(self, columns: Mapping[str, Column], bind: Callable[[str], AttributeBinding | None]) -> None:
        self._columns, self._bind = columns, bind

    def visit_comparison(self, node: Comparison) -> Q:
        """A part of the entry."""
        bound = self._bind(node.attr_path.attr)
        if bound is None:
            return NONE
        return compared(_of(self._columns, node.attr_path.attr), node.op, _operand(bound, node))

    def visit_present(self, node: Present) -> Q:
        """Whether the entry has this part."""
        return NONE if self._bind(node.attr_path.attr) is None else present(_of(self._columns, node.attr_path.attr))

    def visit_value_path(self, node: ValuePath) -> Q:
        """Brackets within brackets are none of SCIM's."""
        raise refused(f"a selection within a selection is not answered: {node.attr_path}")


def compared(column: Column, op: CompareOperator, value: Any) -> Q:
    """One value compared. No value is equal to none, and stands in no order."""
    if op == CompareOperator.ne:
        return ALL & ~compared(column, CompareOperator.eq, value)
    if value is None:
        return ALL & ~present(column) if op == CompareOperator.eq else NONE
    if op == CompareOperator.eq:
        return NONE if value == "" else Q(Exact(_expression(column), Value(value)))
    if op in (CompareOperator.co, CompareOperator.sw, CompareOperator.ew):
        return present(column) & _within(column, op, value)
    return present(column) & Q(_ORDER[op.value](_expression(column), Value(value)))


def present(column: Column) -> Q:
    """Whether there is one."""
    if column.kind != "text" or column.otherwise:
        return ALL
    return ~Q(**{column.path: ""})


def _within(column: Column, op: CompareOperator, value: Any) -> Q:
    if column.kind != "text" or not isinstance(value, str):
        return NONE
    if value == "":
        return ALL
    text = Value(value)
    if op == CompareOperator.co:
        return Q(GreaterThan(StrIndex(_expression(column), text), Value(0)))
    end = Left if op == CompareOperator.sw else Right
    return Q(Exact(end(_expression(column), len(value)), text))


def _expression(column: Column) -> Any:
    expression = column.expression
    return F(expression) if isinstance(expression, str) else expression


def _any(entries: Entries, condition: Callable[[Mapping[str, Column]], Q]) -> Q:
    """Whether any entry satisfies `condition`, which gets the columns that the entry is in."""
    rows = entries.model._default_manager.filter(**{entries.link: OuterRef("pk")}).filter(condition(entries.rows))
    found = Q(Exists(rows))
    if not entries.first:
        return found
    return found | (present(entries.first["value"]) & condition(entries.first))


def _any_equal(entries: Entries, name: str, value: Any) -> Q:
    """Whether any is equal; without any entry, that is true of no value."""
    equal = _any(entries, lambda columns: compared(_of(columns, name), CompareOperator.eq, value))
    return equal if value is not None else equal | ~_any(entries, lambda _: ALL)


def _of(columns: Mapping[str, Column], name: str) -> Column:
    found = {each.lower(): column for each, column in columns.items()}.get(name.lower())
    if found is None:
        raise _not_stored(name)
    return found


def _operand(bound: AttributeBinding, node: Comparison) -> Any:
    """The compared value in the form that columns hold. Raises `InvalidFilterException`."""
    value = coerce_value(bound, node.value, node.op)
    if isinstance(value, datetime):
        return _in_utc(value)
    if not isinstance(value, str):
        return value
    if len(value) > MAX_VALUE or any(mark == "\0" or "\ud800" <= mark <= "\udfff" for mark in value):
        raise refused("a compared text has at most 512 characters, and neither NUL nor half a character")
    return bound.comparable(value)


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise refused("a moment says its offset from UTC")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise refused("this moment is before or after all that can be compared") from None


def _not_stored(name: str) -> InvalidFilterException:
    return refused(f"filters on {name} are not answered")
