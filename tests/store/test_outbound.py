"""Where stored URLs may lead: the public internet, and private addresses only where an entry allows them."""

import ipaddress
import socket
from typing import Any

import pytest

from stationmaster.errors import Invalid, StationmasterError
from stationmaster.outbound import allow_entry, fault_in_url, is_public, resolve_and_check

PUBLIC = [
    "https://api.openai.com/v1", "https://api.openai.com:8443/v1", "https://generativelanguage.googleapis.com",
    "https://acme.openai.azure.com/openai", "https://8.8.8.8/v1", "https://[2606:4700::1111]/v1", "https://example.co.uk",
    "https://xn--bcher-kva.example/v1", "https://api.example.com./v1", "https://[::ffff:8.8.8.8]/v1", "https://[64:ff9b::8.8.8.8]/",
    "https://internal.example.com/v1", "https://localhost.example.com", "https://172.32.0.1/", "https://100.128.0.1/",
    "https://11.0.0.1", "https://192.169.0.1/", "https://193.168.0.1", "https://[2002:0808:0808::1]/",
]

_IPV4 = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "192.168.255.255", "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
]
_NEVER_IPV4 = ["169.254.0.1", "169.254.169.254", "169.254.170.2", "100.100.100.200"]
_IPV6 = [
    "::1", "::", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1", "::127.0.0.1", "::10.0.0.1", "100::1",
    "64:ff9b:1::1", "2001:0:4136:e378:8000:63bf:80ff:fffe",
]
_NEVER_IPV6 = ["fe80::1", "fe80::a9fe:a9fe", "fd00:ec2::254"]
_NAMES = [
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "printer", "printer.local", "vault.internal", "nas.home.arpa",
    "nas.lan", "wiki.corp", "wiki.intranet", "nas.home", "host.docker.internal",
    "kubernetes.default.svc.cluster.local", "x.localdomain",
]
_METADATA_NAMES = [
    "metadata", "metadata.google.internal", "metadata.google.internal.", "METADATA.google.internal", "metadata.goog",
]
_NUMBERS = [
    "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0x7f.1", "1.2.3.4.5",
    "127.0.0.1.", "0", "10.1", "3232235521", "00000000177.0.0.1", "0xa9fea9fe", "2852039166", "169.254.43518", "127.0.0.0x1",
]
_WRAPPED = [
    f"[{form}]" for ip in ("127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1")
    for form in (f"::ffff:{ip}", f"64:ff9b::{ip}", f"2002:{ipaddress.ip_address(ip).packed.hex(':', 2)}::1")
]
_FORMS = [
    "file:///etc/passwd", "gopher://api.example.com/", "ftp://api.example.com/", "ldap://api.example.com", "//api.example.com",
    "api.example.com", "javascript:alert(1)", "https:api.example.com", "https:///v1", "https://", "http://api.example.com/v1",
    "https://user@api.example.com", "https://user:pw@api.example.com", "https://@api.example.com", "https://api.example.com@127.0.0.1",
    "https://127.0.0.1#@api.example.com", "https://api.example.com\\@127.0.0.1", "https://api.example.com/?x=1",
    "https://api.example.com/#x", "https://api.example.com:0/", "https://api.example.com:99999/", "https://api.example.com:https/",
    "https://api example.com", "https://api.example.com/\r\nHost: x", "https://ⓛocalhost/", "https://127。0。0。1/",
    "https://\uff11\uff12\uff17.0.0.1/", "https://bücher.example/", "https://[::1", "https://[::1%25lo]/", "https://[fe80::1%eth0]/",
    "https://%31%32%37.0.0.1/", "https://..example.com", "https://-a-.", "https://chatgpt.com/backend-api", "https://claude.ai/api",
    "https://cloudcode-pa.googleapis.com", "", " https://api.example.com", "HTTPS://169.254.169.254/latest/",
]
PRIVATE = [
    *(f"https://{host}/v1" for host in (*_IPV4, *_NEVER_IPV4, *_NAMES, *_METADATA_NAMES, *_NUMBERS, *_WRAPPED)),
    *(f"https://[{host}]/v1" for host in (*_IPV6, *_NEVER_IPV6)), *_FORMS,
]


@pytest.mark.parametrize("url", PUBLIC)
def test_public_urls_are_stored(url: str) -> None:
    """What leads to the public internet over TLS is fine."""
    assert fault_in_url(url) is None


@pytest.mark.parametrize("url", PRIVATE)
def test_everything_else_is_not(url: str) -> None:
    """Every spelling of a private, loopback, link-local or metadata address is refused, and so is every other form."""
    fault = fault_in_url(url)
    assert fault is not None
    assert fault[0]


def test_the_table_is_long() -> None:
    """The table has at least 120 spellings, each once."""
    assert len(set(PRIVATE)) == len(PRIVATE) >= 120


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://10.1.2.3/v1", "10.1.2.3"), ("https://10.1.2.3/v1", "10.1.0.0/16"), ("https://gpu.internal/v1", "gpu.internal"),
        ("https://GPU.internal./v1", "gpu.internal"), ("https://[fd12::5]/v1", "fd12::/64"),
        ("https://127.0.0.1:8000/v1", "127.0.0.1"),
        ("https://[::ffff:10.1.2.3]/v1", "10.1.2.3"), ("https://gpu/v1", "gpu"),
    ],
)
def test_an_entry_opens_its_address_only(url: str, entry: str) -> None:
    """With its entry an address may be stored, with another's it may not."""
    assert fault_in_url(url, {allow_entry(entry)}) is None
    assert fault_in_url(url, {"192.168.77.1", "other.internal"}) is not None


@pytest.mark.parametrize("host", [*_NEVER_IPV4, *(f"[{host}]" for host in _NEVER_IPV6), "metadata.google.internal"])
def test_metadata_is_never_reached(host: str) -> None:
    """No entry opens link-local and instance-metadata addresses."""
    everything = {host.strip("[]"), "169.254.0.0/16", "100.64.0.0/10", "0.0.0.0/0", "fd00::/8"}
    assert fault_in_url(f"https://{host}/", everything) is not None


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (" 10.1.2.3 ", "10.1.2.3"), ("10.1.2.3/32", "10.1.2.3"), ("10.1.0.0/16", "10.1.0.0/16"),
        ("VLLM.Internal.", "vllm.internal"),
        ("FD12:0:0::1", "fd12::1"), ("fd12::/64", "fd12::/64"), ("100.64.0.0/10", "100.64.0.0/10"),
        ("fd00::/8", "fd00::/8"), ("::1", "::1"),
    ],
)
def test_entries_have_one_spelling(text: str, entry: str) -> None:
    """However it is written, an entry is kept in one way."""
    assert allow_entry(text) == entry


@pytest.mark.parametrize(
    "text",
    [
        "", "8.8.8.8", "0.0.0.0/0", "10.0.0.0/7", "169.254.169.254", "169.254.0.0/16", "fe80::1", "::/0",
        "10.1.2.3/8", "https://10.1.2.3", "10.1.2.3:80", "a b", "*.internal", "127.1", "fd00:ec2::254/128",
    ],
)
def test_entries_that_open_too_much(text: str) -> None:
    """What is no private address, is public, or has a metadata address in it, is no entry."""
    with pytest.raises(Invalid) as caught:
        allow_entry(text)
    assert caught.value.code == "error.outbound.bad_entry"


def answering(*addresses: str) -> Any:
    """A resolver that gives these addresses."""

    def resolve(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return resolve


def test_public_answers_are_given_in_order() -> None:
    """Whoever connects gets the addresses themselves, each once, so that nothing is resolved a second time."""
    assert resolve_and_check("api.example", 443, resolve=answering("8.8.8.8", "1.1.1.1", "8.8.8.8")) == ["8.8.8.8", "1.1.1.1"]


@pytest.mark.parametrize(
    "address", [*_IPV4, *_NEVER_IPV4, *_IPV6, *_NEVER_IPV6, "fe80::1%eth0", "::ffff:127.0.0.1", "64:ff9b::a00:1"]
)
def test_a_public_name_with_a_private_answer(address: str) -> None:
    """A name that resolves to a private address is not connected to, not even when public ones stand before it."""
    for answers in ((address,), ("8.8.8.8", address), (address, "8.8.8.8")):
        with pytest.raises(StationmasterError) as caught:
            resolve_and_check("rebinding.example", 443, resolve=answering(*answers))
        assert caught.value.code == "error.outbound.private"


def test_entries_count_for_answers_too() -> None:
    """An entry for the name or for the address lets a private answer through; metadata stays closed."""
    assert resolve_and_check("vllm.internal", 443, {"vllm.internal"}, resolve=answering("10.1.2.3")) == ["10.1.2.3"]
    assert resolve_and_check("vllm.internal", 443, {"10.1.0.0/16"}, resolve=answering("10.1.2.3")) == ["10.1.2.3"]
    with pytest.raises(StationmasterError):
        resolve_and_check("vllm.internal", 443, {"vllm.internal"}, resolve=answering("169.254.169.254"))


def test_names_that_do_not_resolve() -> None:
    """A name that does not resolve may do so later."""

    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    for resolve in (fail, answering()):
        with pytest.raises(StationmasterError) as caught:
            resolve_and_check("nowhere.example", 443, resolve=resolve)
        assert (caught.value.code, caught.value.retryable) == ("error.outbound.unresolved", True)


def test_is_public_goes_by_the_address_inside() -> None:
    """An IPv6 address that carries an IPv4 one is as public as that."""
    assert is_public(ipaddress.ip_address("64:ff9b::808:808"))
    assert not is_public(ipaddress.ip_address("64:ff9b::a00:1"))
