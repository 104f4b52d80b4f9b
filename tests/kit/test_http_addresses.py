"""Verdicts on addresses and URLs. Nothing here connects: a hole would send traffic to strangers."""

from ipaddress import ip_address

import pytest

from portal.kit.http import Refused, addresses, check_url, parse_networks, public
from portal.kit.http.targets import parse_target

REFUSED = (
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.5", "10.255.255.255", "172.16.0.1"),
    *("172.31.255.255", "192.168.0.1", "100.64.0.1", "100.127.255.255", "169.254.169.254", "192.0.0.8"),
    *("192.0.0.170", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.7"),
    *("203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::1", "::"),
    *("::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1"),
    *("::ffff:0:8.8.8.8", "64:ff9b::127.0.0.1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "5f00::1"),
    *("fc00::1", "fd00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2001::1"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::1"),
    *("2002:808:808::1", "3fff::1", "4000::1", "1fff::1", "2606:4700::1%2"),
)

PUBLIC = (
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
    *("128.0.0.1", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "198.17.255.255"),
    *("198.20.0.0", "223.255.255.255", "2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001::1"),
    "2003::1",
)


@pytest.mark.parametrize("text", REFUSED)
def test_special_addresses_are_refused_with_a_reason(text: str) -> None:
    assert addresses.refusal(ip_address(text)).startswith("a")


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_allowed(text: str) -> None:
    assert addresses.refusal(ip_address(text)) == ""


def test_an_allowed_network_opens_that_network_only() -> None:
    allowed = parse_networks(["10.0.0.0/24", " ", "::1/128"])
    assert addresses.refusal(ip_address("10.0.0.5"), allowed) == ""
    assert addresses.refusal(ip_address("::1"), allowed) == ""
    assert addresses.refusal(ip_address("10.0.1.5"), allowed) == "a private address"
    assert addresses.refusal(ip_address("::ffff:10.0.0.5"), allowed) == "an address that hides an IPv4 address"


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.7/24"):
        parse_networks(["10.0.0.7/24"])


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "0x7f000001", "2130706433", "127.1", "0177.0.0.1", "0x7f.1", "127.0.0.1.", "１２７.0.0.1"),
        *("[::1]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]", "localhost", "LOCALHOST.", "a.localhost"),
        *("169.254.169.254", "0xa9fea9fe", "2852039166", "[fe80::1]", "0", "[fec0::1]", "10.1"),
    ],
)
def test_an_inner_address_is_refused_when_the_url_is_saved_in_whatever_form(host: str) -> None:
    with pytest.raises(Refused):
        check_url(f"http://{host}/hook")


@pytest.mark.parametrize("host", ["0x7f000001", "2130706433", "127.1", "0177.0.0.1", "017700000001"])
def test_odd_forms_that_reach_the_resolver_are_judged_by_what_it_answers(host: str) -> None:
    # Numbers are read by getaddrinfo itself, no name server is asked.
    with pytest.raises(Refused, match=r"resolves to 127\.0\.0\.1, a loopback address"):
        public.send("POST", f"http://{host}:8080/")


@pytest.mark.parametrize(
    "url",
    [
        *("", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "//example.org/", "example.org"),
        *(
            "http://",
            "http:///x",
            "http://exa mple.org/",
            "http://example.org\\@10.0.0.1/",
            "http://example.org/\r\nX: y",
        ),
        *(
            "http://example.org:99999/",
            "http://example.org:x/",
            "http://[::1",
            "http://[zz]/",
            "http://[fe80::1%eth0]/",
        ),
        *("http://-a.example/", "http://a..example/", "http://" + "a" * 64 + ".example/", "http://e\x00.org/"),
        "https://example.org/" + "a" * 8000,
    ],
)
def test_a_url_of_the_wrong_shape_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        check_url(url)


@pytest.mark.parametrize("port", [0, 22, 25, 53, 110, 465, 587, 1023])
def test_ports_of_other_services_are_refused(port: int) -> None:
    with pytest.raises(Refused, match=f"Port {port} is not allowed"):
        check_url(f"https://example.org:{port}/")


def test_a_url_is_taken_apart() -> None:
    target = parse_target("HTTPS://us%40er:p%3Ass@Bücher.Example:8443/a b/é?tag=ü&x=%20#part".replace(" ", "%20"))
    assert (target.scheme, target.host, target.port) == ("https", "xn--bcher-kva.example", 8443)
    assert target.path == "/a%20b/%C3%A9?tag=%C3%BC&x=%20"
    assert target.authorization == "Basic dXNAZXI6cDpzcw=="
    assert "dXNAZXI6cDpzcw" not in repr(target)


@pytest.mark.parametrize(("url", "port"), [("http://example.org", 80), ("https://example.org/", 443)])
def test_the_scheme_gives_the_port(url: str, port: int) -> None:
    target = check_url(url)
    assert (target.port, target.path) == (port, "/")


def test_loopback_is_saved_where_the_operator_allows_it() -> None:
    allowed = parse_networks(["127.0.0.0/8"])
    assert check_url("http://localhost:9000/x", allowed_networks=allowed).host == "localhost"
    assert check_url("http://127.1:9000/x", allowed_networks=allowed).port == 9000
