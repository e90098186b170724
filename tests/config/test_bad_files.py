"""Files that are refused: for each, the line, the key, and words of the message."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stationmaster.gateway.config import ConfigError, Problem, load
from stationmaster.gateway.config.problems import CODES

Find = Callable[..., tuple[Problem, ...]]

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CREDENTIAL = '[[credential]]\nid = "a"\nvendor = "openai"\nsecret = "env:KEY_A"\n'  # lines 1 to 4
POOL = '[[pool]]\nid = "main"\nmembers = [{ credential = "a" }]\n'  # lines 5 to 7
BOTH = CREDENTIAL + POOL
KEY = f'[[key]]\nid = "k"\nsecret_sha256 = "{HASH}"\n'


def a_secret(secret: str, vendor: str = "openai") -> str:
    """Write a credential with this secret on line 4."""
    return f'[[credential]]\nid = "a"\nvendor = "{vendor}"\nsecret = "{secret}"\n'


def a_url(url: str) -> str:
    """Write a credential with this base_url on line 5."""
    return f'{CREDENTIAL}base_url = "{url}"\n'


def routes(*bodies: str) -> str:
    """Write routes after a good credential and pool: the first header is on line 8, then every third."""
    return BOTH + "".join(f'[[route]]\npool = "main"\n{body}\n' for body in bodies)


URL, SECRET, VENDOR = "credential[0].base_url", "credential[0].secret", "credential[0].vendor"
MEMBERS, ALIASES = "pool[0].members", "route[0].aliases"

CASES: list[tuple[str, int, str, str, str]] = [
    # text, line, key, words of message and hint, code after "error."
    # TOML itself
    ("[gateway]\nport = \n", 2, "", "not TOML: invalid value", "config.syntax"),
    ("[gateway\nport = 1", 1, "", "not TOML: expected ']'", "config.syntax"),
    ('[gateway]\n\nhost = "a', 3, "", "not TOML: unterminated string", "config.syntax"),
    ("[gateway]\nport = 1\nport = 2\n", 3, "", "one key given twice", "config.syntax"),
    ("[gateway]\n[gateway]\n", 2, "", "one table declared twice", "config.syntax"),
    ("x = {a = 1, a = 2}", 1, "", "one key given twice", "config.syntax"),
    ("x = {}\n[x.y]\n", 2, "", "not TOML", "config.syntax"),
    ("x = " + "[" * 3000, 0, "", "nested too deep", "config.syntax"),
    ("x = " + "9" * 5000, 0, "", "a number too long", "config.syntax"),
    # unknown names
    ("[gatway]\n", 1, "gatway", 'unknown table — did you mean "gateway"?', "config.unknown_key"),
    ("\n[[credentials]]\n", 2, "credentials", 'did you mean "credential"?', "config.unknown_key"),
    ("zzz = 4000\n", 1, "zzz", "the tables are gateway", "config.unknown_key"),
    ("port = 4000\n", 1, "port", "a key outside any table — it belongs under [gateway]", "config.unknown_key"),
    ("[gateway]\nprot = 1\n", 2, "gateway.prot", 'unknown key — did you mean "port"?', "config.unknown_key"),
    ("[gateway]\nzzz = 1\n", 2, "gateway.zzz", "the keys here are host, port", "config.unknown_key"),
    (BOTH.replace('"a" }', '"a", wieght = 2 }'), 7, f"{MEMBERS}[0].wieght", '"weight"?', "config.unknown_key"),
    (CREDENTIAL + 'Vendor = "x"\n', 5, "credential[0].Vendor", '"vendor"?', "config.unknown_key"),
    # missing names
    ('[[credential]]\nid = "a"\nvendor = "openai"\n', 1, SECRET, "missing key", "config.missing_key"),
    (CREDENTIAL + '[[pool]]\nid = "p"\n', 5, MEMBERS, "missing key", "config.missing_key"),
    (BOTH + '[[route]]\npool = "main"\n', 8, "route[0].models", "missing key", "config.missing_key"),
    ('[[key]]\nid = "k"\n', 1, "key[0].secret_sha256", "missing key", "config.missing_key"),
    (CREDENTIAL + '[[pool]]\nid="p"\nmembers = [{}]', 7, f"{MEMBERS}[0].credential", "miss", "config.missing_key"),
    (a_secret("env:KEY_A", "azure_openai"), 1, URL, "azure_openai has no address", "config.missing_key"),
    (a_secret("env:KEY_A", "openai_compatible"), 1, URL, "no address of its own", "config.missing_key"),
    # types and ranges
    ('[gateway]\nport = "4000"\n', 2, "gateway.port", "1 to 65535, got a string", "config.bad_value"),
    ("[gateway]\nport = true\n", 2, "gateway.port", "got true or false", "config.bad_value"),
    ("[gateway]\nport = 0\n", 2, "gateway.port", "from 1 to 65535, got 0", "config.bad_value"),
    ("[gateway]\nport = 65536\n", 2, "gateway.port", "got 65536", "config.bad_value"),
    ("[gateway]\nworkers = 65\n", 2, "gateway.workers", "from 1 to 64, got 65", "config.bad_value"),
    ("[gateway]\nworkers = 1.5\n", 2, "gateway.workers", "got 1.5", "config.bad_value"),
    ("[gateway]\nworkers = " + "9" * 400, 2, "gateway.workers", "far too large", "config.bad_value"),
    ("[gateway]\ndrain_seconds = -1", 2, "gateway.drain_seconds", "0 to 86400, got -1", "config.bad_value"),
    ("[gateway]\ndrain_seconds = nan", 2, "gateway.drain_seconds", "got nan", "config.bad_value"),
    ("[gateway]\nhead_timeout_seconds = inf", 2, "gateway.head_timeout_seconds", "too large", "config.bad_value"),
    ("[gateway]\nhead_timeout_seconds = 0", 2, "gateway.head_timeout_seconds", "0.1", "config.bad_value"),
    ('[gateway]\nmetrics_host = "127.0.0.1:80"', 2, "gateway.metrics_host", "without a port", "config.bad_value"),
    ("[gateway]\nhost = 1979-05-27\n", 2, "gateway.host", "got a date or time", "config.bad_value"),
    ('[gateway]\nhost = ""\n', 2, "gateway.host", "got an empty string", "config.bad_value"),
    ('[gateway]\nhost = "127.0.0.1:80"', 2, "gateway.host", "without a port", "config.bad_value"),
    ("[gateway]\nmax_body_mib = 600\n", 2, "gateway.max_body_mib", "(512 MiB)", "config.bad_value"),
    ("[gateway]\nbody_budget_mib = 8", 2, "gateway.body_budget_mib", "(64 MiB)", "config.bad_value"),
    ("[gateway]\nport = 4002\n", 2, "gateway.port", "cannot both listen on 4002", "config.bad_value"),
    ("[gateway]\nmetrics_port = 4000\n", 2, "gateway.metrics_port", "both listen on 4000", "config.bad_value"),
    ('[gateway]\nstate_file = "nowhere/s.json"\n', 2, "gateway.state_file", "does not exist", "config.unreadable"),
    ('[gateway]\ntls_key = "k.pem"', 2, "gateway.tls_key", "belong together", "config.bad_value"),
    ('[gateway]\nca_bundle = "no.pem"', 2, "gateway.ca_bundle", "No such file", "config.unreadable"),
    ('[gateway]\nca_bundle = "b.key"', 2, "gateway.ca_bundle", "no PEM certificate", "config.bad_value"),
    ("[[gateway]]\nport = 1\n", 1, "gateway", "expected one table, got a list", "config.bad_value"),
    ('[credential]\nid = "a"\n', 1, "credential", "write [[credential]] above each", "config.bad_value"),
    ("pool = 3\n", 1, "pool", "expected an array of tables", "config.bad_value"),
    (CREDENTIAL.replace('"a"', '"a b"'), 2, "credential[0].id", "128 letters", "config.bad_value"),
    (CREDENTIAL.replace('"a"', "7"), 2, "credential[0].id", "got a whole number", "config.bad_value"),
    (
        CREDENTIAL + "allow_insecure_http = 1", 5, "credential[0].allow_insecure_http",
        "expected true or false, got a whole number", "config.bad_value",
    ),
    (BOTH.replace(" }", ", weight = 0 }"), 7, f"{MEMBERS}[0].weight", "from 1", "config.bad_value"),
    (BOTH.replace(" }", ", priority = -1 }"), 7, f"{MEMBERS}[0].priority", "from 0", "config.bad_value"),
    (CREDENTIAL + '[[pool]]\nid="p"\nmembers = []', 7, MEMBERS, "got an empty list", "config.bad_value"),
    (CREDENTIAL + '[[pool]]\nid="p"\nmembers = [\n"a"]', 8, f"{MEMBERS}[0]", "a table", "config.bad_value"),
    (routes('models = "gpt-*"'), 10, "route[0].models", "a list of one or more", "config.bad_value"),
    (routes("models = []"), 10, "route[0].models", "got an empty list", "config.bad_value"),
    (routes('models = ["a",\n"b",\n3]'), 12, "route[0].models[2]", "expected a string", "config.bad_value"),
    (KEY + "models = []\n", 4, "key[0].models", "got an empty list", "config.bad_value"),
    (KEY + "expires = 2027-01-01\n", 4, "key[0].expires", "got a date or time without quotes", "config.bad_value"),
    (KEY + "expires = 2027-01-01T18:00:00Z\n", 4, "key[0].expires", "without quotes", "config.bad_value"),
    (KEY.replace(HASH, HASH[1:]), 3, "key[0].secret_sha256", "64 hex digits", "config.bad_value"),
    (KEY.replace("9f", "zz"), 3, "key[0].secret_sha256", "the hash goes here", "config.bad_value"),
    # vendors
    (a_secret("env:KEY_A", "opnai"), 3, VENDOR, '"opnai" — did you mean "openai"?', "config.bad_value"),
    (a_secret("env:KEY_A", "x"), 3, VENDOR, "the vendors are openai,", "config.bad_value"),
    # twice
    (CREDENTIAL + CREDENTIAL, 6, "credential[1].id", '"a" is taken (line 2)', "config.duplicate"),
    (BOTH + POOL, 9, "pool[1].id", '"main" is taken (line 6)', "config.duplicate"),
    (KEY + KEY.replace(HASH, HASH[::-1]), 5, "key[1].id", "is taken (line 2)", "config.duplicate"),
    (KEY + KEY.replace('"k"', '"j"').replace("f", "F"), 6, "key[1].secret_sha256", "(line 3)", "config.duplicate"),
    (
        BOTH.replace("[{", '[{ credential = "a" },\n{'), 8, f"{MEMBERS}[1].credential",
        "this credential already (line 7)", "config.duplicate",
    ),
    # nowhere
    (BOTH.replace('al = "a"', 'al = "b"'), 7, f"{MEMBERS}[0].credential", 'the ids are "a"', "config.dangling"),
    (POOL, 3, f"{MEMBERS}[0].credential", "the file has no [[credential]]", "config.dangling"),
    (BOTH + '[[route]]\nmodels=["*"]\npool="mian"', 10, "route[0].pool", '"main"?', "config.dangling"),
    ('[gateway]\ndefault_pool = "main"', 2, "gateway.default_pool", "no pool has the id", "config.dangling"),
    # secrets
    (a_secret("env:KEY_C"), 4, SECRET, 'KEY_C is not set — did you mean "KEY_', "config.secret"),
    (a_secret("env:EMPTY"), 4, SECRET, "the variable is empty", "config.secret"),
    (a_secret("env:TWO_WORDS"), 4, SECRET, "white space", "config.secret"),
    (a_secret("env:LINE"), 4, SECRET, "white space, control", "config.secret"),
    (a_secret("env:SHORT"), 4, SECRET, "the variable holds fewer than 8 characters", "config.secret"),
    (a_secret("env:"), 4, SECRET, "not the name of a variable", "config.secret"),
    (a_secret("env:sk-proj-x"), 4, SECRET, "not the name of a variable", "config.secret"),
    (a_secret("file:/nowhere"), 4, SECRET, "cannot read the file /nowhere: No such", "config.secret"),
    (a_secret("file:/etc/keys/empty"), 4, SECRET, "the file is empty", "config.secret"),
    (a_secret("file:/etc/keys/two"), 4, SECRET, "a secret is one word", "config.secret"),
    (a_secret("file:/etc/keys/binary"), 4, SECRET, "as text", "config.secret"),
    (a_secret("sk-proj-a"), 4, SECRET, "pass --allow-literal-secrets", "config.literal_secret"),
    (a_secret("ENV:KEY_A"), 4, SECRET, "stands in the file", "config.literal_secret"),
    # addresses
    (a_url("api.openai.com/v1"), 5, URL, "not a URL", "config.address"),
    (a_url("ftp://api.example.com"), 5, URL, "begins with https://", "config.address"),
    (a_url("https://"), 5, URL, "not a URL", "config.address"),
    (a_url("https://x.test:0"), 5, URL, "not a URL", "config.address"),
    (a_url("https://x.test:99999"), 5, URL, "not a URL", "config.address"),
    (a_url("https://[::1"), 5, URL, "not a URL", "config.address"),
    (a_url("https://me:pass@x.test"), 5, URL, "no user name or password", "config.address"),
    (a_url("https://@x.test"), 5, URL, "no user name", "config.address"),
    (a_url("https://x.test/v1?api-version=1"), 5, URL, "no query", "config.address"),
    (a_url("https://x.test/v1?"), 5, URL, "no query", "config.address"),
    (a_url("https://x.test/#a"), 5, URL, "no fragment", "config.address"),
    (a_url("https://x.test/a b"), 5, URL, "printable ASCII", "config.address"),
    (a_url("https://x.test/\\r\\nx: y"), 5, URL, "printable ASCII", "config.address"),
    (a_url("https://x\\\\.test"), 5, URL, "printable ASCII", "config.address"),
    (a_url("https://bücher.test"), 5, URL, "printable ASCII", "config.address"),
    (a_url("https://-a..b"), 5, URL, "not a host name", "config.address"),
    (a_url("http://api.example.com"), 5, URL, "allow_insecure_http = true", "config.address"),
    (a_url("http://10.0.0.1"), 5, URL, "plain http", "config.address"),
    (a_url("http://localhost.evil.test"), 5, URL, "plain http", "config.address"),
    (a_url("http://evillocalhost"), 5, URL, "plain http", "config.address"),
    (a_url("https://169.254.169.254/latest"), 5, URL, "link-local", "config.address"),
    (a_url("https://[fe80::1]/"), 5, URL, "link-local", "config.address"),
    (a_url("https://[fd00:ec2::254]"), 5, URL, "instance-metadata", "config.address"),
    (a_url("https://[::ffff:169.254.169.254]"), 5, URL, "link-local", "config.address"),
    (a_url("https://metadata.google.internal"), 5, URL, "instance-metadata", "config.address"),
    (a_url("https://Metadata.Google.Internal./"), 5, URL, "instance-metadata", "config.address"),
    (a_url("https://2852039166/"), 5, URL, "not a host name", "config.address"),
    (a_url("https://0xA9FEA9FE/"), 5, URL, "not a host name", "config.address"),
    (a_url("https://169.254.43518/"), 5, URL, "not a host name", "config.address"),
    # not for API use
    (a_url("https://chatgpt.com/backend-api"), 5, URL, "own website", "credential.not_for_api_use"),
    (a_url("https://claude.ai/api"), 5, URL, "own website", "credential.not_for_api_use"),
    # routes
    (routes('models = ["*"]', 'models = ["gpt-4"]'), 11, "route[1]", "route at line 8", "config.unreachable"),
    (routes('models = ["*"]', 'models = ["*"]'), 11, "route[1]", "never reached", "config.unreachable"),
    (
        routes('models = ["gpt-*"]', 'models = ["o?"]', 'models = ["gpt-4*", "o3"]'), 14, "route[2]",
        "routes at lines 8, 11 take", "config.unreachable",
    ),
    (
        routes('models = ["gpt-*"]\naliases = { fast = "gpt-4" }', 'models = ["fast"]'), 12, "route[1]",
        "line 8", "config.unreachable",
    ),
    (
        routes('models = ["*"]', 'models = ["x"]\naliases = { fast = "gpt-4" }'), 11, "route[1]",
        "never reached", "config.unreachable",
    ),
    # aliases
    (
        routes('models = ["a"]\naliases = { x = "y", y = "z" }'), 11, f"{ALIASES}.x",
        '"y", which is an alias itself (line 11)', "config.bad_value",
    ),
    (
        routes('models = ["a"]\naliases = { x = "y" }', 'models = ["b"]\n[route.aliases]\ny = "z"'), 11,
        f"{ALIASES}.x", "(line 16)", "config.bad_value",
    ),
    (routes('models = ["a"]\naliases = { x = "x" }'), 11, f"{ALIASES}.x", "alias itself", "config.bad_value"),
    (routes('models = ["a"]\naliases = { "x*" = "y" }'), 11, f"{ALIASES}.x*", "exact name", "config.bad_value"),
    (routes('models = ["a"]\naliases = { x = "" }'), 11, f"{ALIASES}.x", "one exact model", "config.bad_value"),
    (routes('models = ["a"]\naliases = { x = 3 }'), 11, f"{ALIASES}.x", "a string", "config.bad_value"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key", "words", "code"), CASES, ids=range(len(CASES)))
def test_one_problem(find: Find, text: str, line: int, key: str, words: str, code: str) -> None:
    """Each file has this one problem, at this line and key, and no other follows from it."""
    problems = find(text)
    assert [str(problem) for problem in problems] == [str(problems[0])]
    assert (problems[0].line, problems[0].key, problems[0].code) == (line, key, f"error.{code}")
    assert words in str(problems[0])


TOKENS = [
    ("anthropic", "sk-ant-oat01-abc", "not_for_api_use"),
    ("anthropic", "sk-ant-ort01-abc", "not_for_api_use"),
    ("anthropic", "sk-ant-sid01-abc", "not_for_api_use"),
    ("openai_compatible", "sk-ant-oat01-abc", "not_for_api_use"),
    ("anthropic", "eyJhbGciOi.J9.x", "not_for_api_use"),
    ("openai", "eyJhbGciOi.J9.x", "not_for_api_use"),
    ("openai", "sess-abc", "not_for_api_use"),
    ("gemini", "ya29.abc", "not_for_api_use"),
    ("openai", "sk-admin-abc", "admin_key"),
    ("anthropic", "sk-ant-admin01-abc", "admin_key"),
]


@pytest.mark.parametrize("literal", [False, True], ids=["env", "literal"])
@pytest.mark.parametrize(("vendor", "secret", "code"), TOKENS)
def test_tokens_not_issued_for_api_use(find: Find, vendor: str, secret: str, code: str, literal: bool) -> None:
    """Session, subscription and admin tokens are refused wherever they come from, and not repeated."""
    written = secret if literal else "env:TOKEN"
    text = a_secret(written, vendor) + 'base_url = "https://x.test"\n'
    (problem,) = find(text, environ={"TOKEN": secret}, literal=literal)
    assert (problem.line, problem.key, problem.code) == (4, SECRET, f"error.credential.{code}")
    assert secret not in str(problem)


def test_every_problem_at_once(find: Find) -> None:
    """A file's problems are all found in one go, and told in the order of its lines."""
    text = (
        "[gateway]\nprot = 1\nworkers = 99\n"
        '[[credential]]\nid = "a"\nvendor = "opnai"\nsecrte = "x"\nsecret = "env:NONE"\n'
        '[[pool]]\nid = "main"\nmembers = [\n  { credential = "b", weight = 0 },\n  { credential = "a" },\n]\n'
        '[[route]]\nmodels = ["*"]\npool = "mian"\n[[key]]\nid = "k"\nsecret_sha256 = "x"\nowners = "y"\n'
    )
    assert [problem.line for problem in find(text)] == [2, 3, 6, 7, 8, 12, 12, 17, 20, 21]


def test_printed_form(find: Find) -> None:
    """A problem prints as file, line, key, message and hint, as editors and people read it."""
    (problem,) = find(CREDENTIAL + 'secrte = "env:X"\n')
    assert str(problem) == 'gateway.toml:5: credential[0].secrte: unknown key — did you mean "secret"?'


def test_every_code_is_shown_to_happen() -> None:
    """The table above reaches every code that a problem may carry."""
    reached = {f"error.{case[4]}" for case in CASES} | {f"error.credential.{row[2]}" for row in TOKENS}
    assert reached == set(CODES)


def test_one_code_for_the_error_when_all_agree(find: Find) -> None:
    """The error's own code is that of its problems, or a general one when they differ."""
    (problem,) = find("[gatway]")
    assert ConfigError([problem]).code == "error.config.unknown_key"
    other = Problem("f", 1, "", "", code="error.config.secret")
    assert ConfigError([problem, other]).code == "error.config.invalid"


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [(None, 0, "cannot be read: No such file"), (b"[gateway]\n\n# \xff\n", 3, "not UTF-8")],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes | None, line: int, words: str) -> None:
    """A missing file and one that is no text are config errors like any other."""
    path = tmp_path / "gateway.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    (problem,) = caught.value.problems
    assert (problem.line, problem.code) == (line, "error.config.unreadable")
    assert words in problem.message


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Pointing at a folder is a config error too, for the file itself and for a secret."""
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path, environ={})
    (tmp_path / "gateway.toml").write_text(a_secret("file:."))
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path / "gateway.toml", environ={})
