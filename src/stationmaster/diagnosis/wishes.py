"""The settings themselves: names that nobody reads, saved values without effect, and ways in that lead nowhere."""

from collections.abc import Iterable, Iterator, Mapping

from stationmaster.diagnosis.finding import Finding, broken, fine, warning
from stationmaster.gateway.config import Problem
from stationmaster.i18n import tr
from stationmaster.settings import FIELDS, FILE_VARIABLE, PREFIX, Settings, nearest, variables
from stationmaster.settings.listener import is_loopback

_OURS = "STATIONMASTER_"
# Read elsewhere: the command line's remote address, and the key that the documentation's examples use.
_OTHERS = {FILE_VARIABLE, "STATIONMASTER_URL", "STATIONMASTER_TOKEN", "STATIONMASTER_TOKEN_FILE", "STATIONMASTER_KEY"}


def unreadable(problems: Iterable[Problem]) -> Iterator[Finding]:
    """Settings that cannot be used at all."""
    for problem in problems:
        where = f"{problem.file}:{problem.line}" if problem.line else problem.file
        what = f"{where}: {problem.key}: {problem.message}" if problem.key else f"{where}: {problem.message}"
        yield broken("settings", what, problem.hint or tr("correct it: docs/reference/settings.md"))


def saved(settings: Settings) -> Iterator[Finding]:
    """Values that an admin saved and that cannot be used."""
    for problem in settings.ignored:
        what = tr("the saved setting {name} has no effect: {why}", name=problem.key, why=problem.message)
        yield warning("settings", what, tr("save it anew, or take it away"))
    if not settings.ignored:
        yield fine("settings", tr("the settings are good"))


def environment(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Variables with our prefix that nobody reads: misspelt, or, in Kubernetes, made for a service of our name."""
    known = _OTHERS | {name for field in FIELDS.values() for name in variables(field)}
    unknown = [name for name in sorted(environ) if name.startswith(_OURS) and name not in known]
    for name in unknown:
        if not name.startswith(PREFIX):  # those are errors when settings are read
            near = nearest(name, known)
            unset = tr("unset it: docs/reference/settings.md lists what is read")
            fix = tr("did you mean {name}?", name=near) if near else unset
            yield warning("environment", tr("nobody reads the variable {name}", name=name), fix)
    if not unknown:
        yield fine("environment", tr("every variable with our prefix is read"))


def sign_in(settings: Settings) -> Finding:
    """Whether anybody can sign in to the console."""
    single = [settings.oidc.issuer, settings.oidc.client_id, settings.oidc.client_secret.get_secret_value()]
    if any(single) and not all(single):
        fix = tr("set oidc.issuer, oidc.client_id and oidc.client_secret")
        return broken("sign_in", tr("single sign-on is set up by half"), fix)
    if not settings.login.local and not all(single):
        fix = tr("set up single sign-on, or allow local passwords: login.local")
        return broken("sign_in", tr("nobody can sign in: local passwords are off and there is no single sign-on"), fix)
    what = tr("operators sign in with passwords") if settings.login.local else tr("operators sign in by OpenID Connect")
    return fine("sign_in", what)


def reach(settings: Settings) -> Finding:
    """Whether the console's passwords and sessions cross a network in the clear."""
    console = settings.console
    if is_loopback(console.host) or console.tls_certificate is not None:
        return fine("console_reach", tr("nobody can listen in on the console"))
    if console.public_url.startswith("https://"):
        return fine("console_reach", tr("a reverse proxy answers for {url}", url=console.public_url))
    what = tr("the console is on {host} without TLS: passwords cross the network in the clear", host=console.host)
    return warning("console_reach", what, tr("set console.tls_certificate and console.tls_key, or an https console.public_url"))
