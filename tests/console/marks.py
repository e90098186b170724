"""Marks in all that is stored: what people, vendors and gateways could write, put into every text of every row.

They are put in below the services, which would refuse most of it: pages must not rely on what was let in once.
"""

from collections.abc import Iterator

from django.apps import apps
from django.db import connection, models

# Markup that runs, a formula, a terminal's colours, a name turned round, and a word wider than any page.
SCRIPT = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>"
FORMULA, ANSI, TURNED, WIDE = "=1+1", "\x1b[31mred\x1b[0m", "\u202egnp.exe\u202c", "w" * 400
_SHORTEST = 120  # characters that a column has to take, for a mark before what stands in it
MARK = f"{SCRIPT}{ANSI}{TURNED}{WIDE}"
# Texts that are not words of somebody's: states and kinds, of which there is a table; addresses; what is sealed or folded.
_OURS = frozenset({
    "id", "state", "kind", "vendor", "origin", "override", "health", "seen", "removal", "intent", "fix_drift", "removes",
    "email_kind", "seat_currency", "currency", "verdict", "measure", "alerted", "source", "language", "role", "encoding",
    "delimiter", "format", "level", "outcome", "action", "usage_source", "dialect", "conflict", "status", "sent", "engine",
    "salt", "subject", "actor_kind", "actor", "by", "made_by", "job", "retry_of", "last_job", "last_import", "person",
    "digest", "hash", "mac", "lease", "base_url", "before", "after", "about", "search_text", "workspace", "master_key",
    "root", "data", "password", "series", "secret_hash", "pool", "previous_hash", "key_hash", "sso_subject", "token", "row",
    "place", "warned", "tested_as", "lock", "dedupe", "request", "done_by", "health_cause", "cause", "reason", "code",
})  # fmt: skip
_UNTOUCHED = frozenset({"store_head", "store_dropped", "store_storedsetting", "audit_audithead", "jobs_pace", "jobs_schedule"})


def put() -> int:
    """Put the marks in; how many columns took one."""
    places = list(_places())
    with connection.cursor() as cursor:
        for table, column, longest in places:
            quoted = connection.ops.quote_name(column)
            words = f"UPDATE {connection.ops.quote_name(table)} SET {quoted} = %s || {quoted}"  # noqa: S608  names of ours
            cursor.execute(words, [f"{FORMULA}{SCRIPT if longest else MARK}"])
    return len(places)


def _places() -> Iterator[tuple[str, str, bool]]:
    """Tables and columns; whether a column takes so many characters only (SQLite does not look)."""
    limited = connection.vendor == "postgresql"
    for model in apps.get_models():
        table = model._meta.db_table
        if model.__module__.startswith("stationmaster.") and table not in _UNTOUCHED:
            for field in model._meta.concrete_fields:
                most = (field.max_length or 0) if limited and isinstance(field, models.CharField) else 0
                if _taken(field) and (not most or most >= _SHORTEST):
                    yield table, str(field.column), bool(most)


def _taken(field: "models.Field[object, object]") -> bool:
    texts = isinstance(field, models.CharField | models.TextField)
    ours = field.name in _OURS or field.name.endswith("folded") or type(field).__name__ in ("JsonText", "SealedField")
    return texts and not ours and not field.is_relation and not field.primary_key
