"""What is done once, before the control plane serves for the first time: a file to begin with, the demo, the way in.

Imported once Django is set up.
"""

import os
from pathlib import Path
from typing import Any

from django.db import connection

from stationmaster.cli.local import Local
from stationmaster.cli.planes.begin import Options
from stationmaster.cli.talk import say
from stationmaster.entrances import live
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr, trn
from stationmaster.operators import services as operators
from stationmaster.settings import Settings
from stationmaster.store import changes
from stationmaster.store.actor import Actor
from stationmaster.store.rows import new_id


def begin(settings: Settings, options: Options) -> dict[str, Any]:
    """Do it, and return what people are told: `console` (its address), `link` (a path on it that makes the first admin),
    `minutes` for which that can be used, `key` (the demo's virtual key). Raises `StationmasterError`."""
    actor = Actor("cli", "up", "admin", new_id("req"))
    try:
        if options["routing"]:
            take_over(actor, Path(options["routing"]))
        key = _attach(options["sandbox"])
        return {"console": operators.console_url(settings), "key": key, **_way_in(settings, actor)}
    finally:
        connection.close()


def _attach(port: int | None) -> str:
    if port is None:
        return ""
    from stationmaster.cli.demo.attach import attach

    return attach(port)


def _way_in(settings: Settings, actor: Actor) -> dict[str, Any]:
    if not settings.login.local or operators.any_admin():
        return {}
    return {"link": f"/welcome/{operators.issue_link(actor).secret.text}", "minutes": settings.login.admin_link_seconds // 60}


def take_over(actor: Actor, file: Path) -> None:
    """Make the routing objects of a gateway.toml, all or none, where there are none yet. Raises `StationmasterError`."""
    from stationmaster.cli.declared.carrying import carry_out
    from stationmaster.cli.declared.document import held
    from stationmaster.cli.declared.plan import plan
    from stationmaster.cli.declared.reading import read
    from stationmaster.cli.declared.tables import TABLES
    from stationmaster.gateway.config.secret import Surroundings
    from stationmaster.gateway.config.source import _text, read_some

    desk = Local(actor)
    before = held(desk)
    if any(before.document.entries[kind] for kind in TABLES):
        say(tr("{file} was left aside: something is configured already. `stationmaster apply` shows the difference.", file=file))
        return
    around = Surroundings(os.environ, read_some, file.parent.absolute(), False)
    wanted = read(_text(file), str(file), "toml", around, dict.fromkeys(TABLES, ()))
    steps = plan(before, wanted, prune=False, takes=lambda *_: True)
    try:
        with changes.change(actor):
            done = list(carry_out(desk, steps, wanted.given, lambda: steps))
    except StationmasterError as error:
        error.message = f"{file}: {error.message}"
        raise
    say(trn("{number} thing was taken over from {file}.", "{number} things were taken over from {file}.", len(done), file=file))
    if wanted.left:
        say(tr("Left out, for they are settings and no routing objects: {names}. They belong into stationmaster.toml: {folder}",
               names=", ".join(wanted.left), folder=live.settings().folder / "stationmaster.toml"))  # fmt: skip
