"""Who should be in. Owns: what several assignments together give one person."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from stationmaster.workspaces.planning.values import Rule, Wanted


def wanted(
    rules: Iterable[Rule], groups: Mapping[str, Collection[str]], roles: Sequence[str]
) -> dict[str, Wanted]:
    """What each person should hold by all `rules` of one workspace: the strongest role (the last in `roles`), the union of
    the projects. `groups`: their members. Whoever is in no rule is not in the answer."""
    strength = {role: place for place, role in enumerate(roles, 1)}
    found: dict[str, Wanted] = {}
    for rule in rules:
        given = Wanted(rule.role, tuple(sorted(set(rule.projects))))
        for person in groups.get(rule.group, ()) if rule.group else (rule.person,):
            held = found.get(person)
            found[person] = given if held is None or held == given else _both(held, given, strength)
    return found


def _both(one: Wanted, other: Wanted, strength: Mapping[str, int]) -> Wanted:
    role = max((one.role, other.role), key=lambda role: (strength.get(role, 0), role))
    return Wanted(role, tuple(sorted({*one.projects, *other.projects})))
