"""Stored data is data: nothing of it is ever run, whatever somebody wrote into the database."""

import ast
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from controlkit import ADMIN
from databases import KINDS
from jobs import deeds  # noqa: F401  registers the kinds
from jobs.harness import ended, start_worker, state, until
from stationmaster import __file__ as package
from stationmaster.jobs import services as jobs
from stationmaster.jobs.artifacts import ARTIFACTS, artifact
from stationmaster.jobs.models import Job, JobItem, JobLog
from stationmaster.store.listing import Query

SOURCES = sorted(Path(package).parent.rglob("*.py"))
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "jsonpickle", "joblib", "marshal", "shelve", "code", "codeop"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
METHODS = {("yaml", "load"), ("yaml", "unsafe_load"), ("yaml", "full_load"), ("os", "system"), ("os", "popen")}
TEMPLATES = {"Template", "from_string", "PickleSerializer", "DjangoTemplates"}


def forbidden(tree: ast.AST) -> list[str]:
    """What a module does that runs data: a line each."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [f"{node.lineno}: import {each.name}" for each in node.names if each.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            named = {each.name for each in node.names}
            if (node.module or "").split(".")[0] in MODULES or named & TEMPLATES:
                found.append(f"{node.lineno}: from {node.module}")
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in BUILTINS:
                found.append(f"{node.lineno}: {called.id}()")
            elif isinstance(called, ast.Attribute) and called.attr in TEMPLATES:
                found.append(f"{node.lineno}: .{called.attr}()")
            elif _named(called) in METHODS and not _loads_safely(node, tree):
                found.append(f"{node.lineno}: {'.'.join(_named(called))}()")
    return found


def _named(called: ast.expr) -> tuple[str, ...]:
    """`a.b` as its two names."""
    plain = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name)
    return (called.value.id, called.attr) if plain else ()  # type: ignore[attr-defined]  # looked at just now


def _loads_safely(call: ast.Call, tree: ast.AST) -> bool:
    """Whether YAML is read by a class of the same module that is a SafeLoader."""
    safe = {each.name for each in ast.walk(tree) if isinstance(each, ast.ClassDef)
            and ("yaml", "SafeLoader") in map(_named, each.bases)}  # fmt: skip
    return len(call.args) == 2 and isinstance(call.args[1], ast.Name) and call.args[1].id in safe


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(Path(package).parent)))
def test_no_source_runs_data(source: Path) -> None:
    """No module unpickles, evaluates, loads unsafe YAML, or makes a template of a text."""
    assert forbidden(ast.parse(source.read_text())) == []


@pytest.mark.parametrize(
    "bad",
    ["import pickle", "from pickle import loads", "eval(x)", "exec(x)", "yaml.load(x)", "from django.template import Template",
     "engine.from_string(x)", "import marshal as m", "__import__(x)", "os.system(x)"],
)  # fmt: skip
def test_the_rule_finds_them(bad: str) -> None:
    """What the rule above looks for, it finds."""
    assert forbidden(ast.parse(bad))


def payloads(canary: Path) -> list[str]:
    """Texts that make a file, if anybody runs them."""
    touch = f"touch {canary}"
    return [
        f"cos\nsystem\n(S'{touch}'\ntR.",                                       # a pickle of protocol 0
        f"!!python/object/apply:os.system ['{touch}']",
        f"__import__('os').system('{touch}')",
        f"{{{{ ''.__class__ }}}}{{% include '{canary}' %}}{{% debug %}}",
        f"$({touch})", f"`{touch}`; {touch}", f"=cmd|' /C {touch}'!A0",
        f'{{"py/reduce": [{{"py/function": "os.system"}}, {{"py/tuple": ["{touch}"]}}]}}',
    ]


def test_hostile_rows_run_nothing(database: str, tmp_path: Path) -> None:
    """Rows full of pickles, templates and commands are listed, shown, exported and worked on as the texts that they are."""
    canary, made = tmp_path / "canary", []
    for payload in payloads(canary):
        job = jobs.submit(ADMIN, "test_odd", args={"way": "mixed"})["id"]
        made.append(job)
        Job.objects.filter(id=job).update(
            workspace=payload[:64], args={"way": "mixed", "x": payload, "__reduce__": payload}, result={"x": payload},
            cause=payload[:120], sentence=payload, search_text=payload, worker=payload[:120],
        )
        held = {"x": payload}
        JobItem.objects.create(job_id=job, position=900, key=payload[:200], data=held, outcome=held, state="ok")
        JobLog.objects.create(job_id=job, seq=900, at=timezone.now(), level="info", text=payload)
        assert jobs.get(ADMIN, job)["args"]["x"] == payload
    strange = jobs.submit(ADMIN, "test_odd", args={"way": "fine"})["id"]
    Job.objects.filter(id=strange).update(kind="os.system")
    with start_worker():
        until(lambda: ended(*made), "their end")
    assert {state(job) for job in made} == {"partial"}
    assert state(strange) == "queued"
    assert jobs.list_jobs(ADMIN, Query()).total == len(made) + 1
    for job in made:
        assert all("".join(artifact(ADMIN, job, name)) for name in ARTIFACTS)
    assert not canary.exists()


@pytest.mark.parametrize("database", KINDS[1:], indirect=True)
def test_hostile_entries_run_nothing(database: str, tmp_path: Path) -> None:
    """What is planted among the engine's own entries runs nothing: neither another function nor a job that there is not."""
    canary = tmp_path / "canary"
    planted = [("os.system", f'{{"command": "touch {canary}"}}'), ("stationmaster.run", f'{{"job": "$(touch {canary})"}}'),
               ("stationmaster.run", '{"job": "x", "working": "y"}'), ("builtins.exec", '{"source": "1/0"}'),
               ("stationmaster.jobs.engine.procrastinate._run", "{}")]  # fmt: skip
    with connection.cursor() as cursor:
        for name, args in planted:
            cursor.execute(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status) VALUES ('stationmaster', %s, %s, 'todo')",
                [name, args],
            )
    job = jobs.submit(ADMIN, "test_odd", args={"way": "fine"})["id"]
    with start_worker() as worker:
        until(lambda: ended(job), "the real one's end")
        assert worker.alive()
    assert state(job) == "succeeded"
    assert not canary.exists()
