"""What people and programs did, in words. Owns: what the audit trail's actions and things are called, and where they lead."""

from typing import Final

from stationmaster.entrances.console.pages.words import told_as
from stationmaster.i18n import marked

# By the beginning of an id: what the thing is called, and its page's folder.
THINGS: Final = {
    "per_": (marked("person"), "/people/"), "grp_": (marked("group"), "/groups/"), "ws_": (marked("workspace"), "/workspaces/"),
    "seat_": (marked("seat"), "/seats/"), "asg_": (marked("assignment"), "/assignments/"), "plan_": (marked("plan"), "/plans/"),
    "sreq_": (marked("request for a seat"), ""), "cred_": (marked("credential"), "/credentials/"),
    "gen_": (marked("secret"), ""),
    "src_": (marked("secret's source"), ""), "cal_": (marked("calendar"), ""), "pool_": (marked("pool"), "/pools/"),
    "route_": (marked("route"), ""), "vk_": (marked("virtual key"), "/keys/"), "tgt_": (marked("target"), "/targets/"),
    "pub_": (marked("copy at a target"), ""), "pplan_": (marked("plan of copies"), "/publish/"),
    "job_": (marked("job"), "/jobs/"), "op_": (marked("operator"), "/operators/"), "tok_": (marked("token"), ""),
    "gwt_": (marked("gateway token"), ""),
    "addr_": (marked("private address"), ""), "link_": (marked("admin link"), ""), "imp_": (marked("import"), ""),
    "bill_": (marked("bill"), ""), "alr_": (marked("alert"), "/alerts/"),
}  # fmt: skip
# What an action did to it.
DEEDS: Final = {
    "create": marked("made"), "update": marked("changed"), "delete": marked("deleted"), "rotate": marked("rotated"),
    "refresh": marked("refreshed"), "apply": marked("applied"), "approve": marked("approved"), "refuse": marked("refused"),
    "withdraw": marked("withdrawn"), "skip": marked("kept for now"), "recognise": marked("recognised"),
    "override": marked("held by hand"), "fail": marked("failed"), "erase": marked("erased"), "unlink": marked("unlinked"),
    "link": marked("linked"), "unconfirmed": marked("left unconfirmed"), "take_over": marked("taken over"),
    "sweep": marked("cleared away"), "sign_out_everywhere": marked("signed out everywhere"), "share": marked("given a share"),
    "set_password": marked("given a password"), "rehash_password": marked("password stored anew"), "revoke": marked("revoked"),
    "revoke_now": marked("revoked at once"), "remind": marked("reminded"), "recover": marked("let in again"),
    "reactivate": marked("brought back"), "deactivate": marked("deactivated"), "publish": marked("published"),
    "promote": marked("put into service"), "move": marked("moved"), "miss": marked("found missing"),
    "link_sso": marked("joined with single sign-on"), "let_go": marked("let go"), "keep": marked("kept"),
    "forget_previous": marked("earlier key forgotten"), "adopt": marked("adopted"),
    "accept_invitation": marked("invitation taken"), "invite": marked("invited"), "submit": marked("begun"),
    "raised": marked("told"), "resolved": marked("called over"), "resend": marked("sent again"),
    "retry": marked("begun again"), "cancel": marked("cancelled"),
    "end": marked("ended"), "schedule": marked("scheduled"), "unschedule": marked("scheduled no more"), "set": marked("set"),
    "clear": marked("set back"), "test": marked("tested"), "tick": marked("step ticked"), "skip_step": marked("step left out"),
    "begin_import": marked("import begun"), "end_import": marked("import ended"), "delete_import": marked("import deleted"),
    "forget": marked("forgotten"), "hold_leaving": marked("leaving held"), "approve_leaving": marked("leaving approved"),
    "refuse_leaving": marked("leaving refused"), "issue_admin_link": marked("link made"), "use_admin_link": marked("link used"),
    "remove_second_factors": marked("second factors removed"), "end_session": marked("session ended"),
    "expires_soon": marked("about to end"), "expired": marked("ended by its date"), "retire": marked("retired"),
    "gap_low": marked("counted less than billed"), "gap_high": marked("counted more than billed"),
    "gap_closed": marked("agrees again"), "log_in": marked("signed in"), "log_in_failed": marked("sign-in failed"),
    "log_out": marked("signed out"), "grant": marked("granted"), "ask": marked("asked for"),
}  # fmt: skip
# Whose work a part of the trail is.
AREAS: Final = {
    "people": marked("people"), "workspaces": marked("workspaces and seats"), "credentials": marked("credentials"),
    "routing": marked("pools, routes, keys"), "publishing": marked("targets"), "jobs": marked("jobs"),
    "operators": marked("operators and tokens"), "settings": marked("settings"), "rosters": marked("rosters"),
    "alerts": marked("alerts"),
    "bills": marked("bills"), "audit": marked("the trail itself"), "vault": marked("the master key"), "mail": marked("mail"),
}
# The way that it came.
WAYS: Final = {
    "operator": marked("console"), "token": marked("REST"), "cli": marked("command line"), "system": marked("by itself"),
    "gateway": marked("gateway"),
}


def thing(subject: str) -> tuple[str, str]:
    """What an id stands for, and the folder of its page; nothing for what is no id."""
    start = subject[: subject.find("_") + 1]
    words, folder = THINGS.get(start, ("", ""))
    return (told_as(words) if words else ""), folder


def deed(action: str) -> str:
    """What was done; of an action without words, its own."""
    return told_as(DEEDS[action]) if action in DEEDS else action.replace("_", " ")
