"""Placeholders in URLs: whoever pushes a tag must not choose where the request goes."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given, strategies as st

from portal.kit.http import Refused
from portal.kit.http.targets import parse_target
from repositories.webhooks import placeholders, sending

VALUES = {"tag": "1.0", "repository": "acme/shop/api", "namespace": "acme", "name": "shop/api", "digest": "sha256:ab"}


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("https://a.example/{tag}", "https://a.example/1.0"),
        ("https://a.example/{repository}/x", "https://a.example/acme/shop/api/x"),
        ("https://a.example/{name}/x", "https://a.example/shop%2Fapi/x"),
        ("https://a.example?image={repository}:{tag}", "https://a.example?image=acme%2Fshop%2Fapi:1.0"),
        ("https://a.example/?d={digest}#{tag}", "https://a.example/?d=sha256%3Aab"),
        ("https://u:p@a.example:8443/{tag}{tag}", "https://u:p@a.example:8443/1.01.0"),
        ("https://a.example/{event}/x", "https://a.example//x"),
        ("https://a.example/%7Btag%7D", "https://a.example/%7Btag%7D"),
    ],
)
def test_values_stand_where_their_placeholders_stood(template: str, url: str) -> None:
    assert placeholders.fill(template, VALUES) == url


HOSTILE = [
    *("@evil.example", "x@evil.example/", "?x=1", "#x", "&x=1", "a b", "\r\nX-Evil: 1", "\\evil.example", "%2e%2e%2f"),
    *(":80", "{tag}", "ü/é", "\x00", "\ud800", "//evil.example/", "http://evil.example/"),
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("where", ["/hook/{}/end", "/hook?x={}&y=end"])
@pytest.mark.parametrize("name", ["tag", "repository", "digest"])
def test_a_value_stays_in_its_place(value: str, where: str, name: str) -> None:
    template = "https://ci.example" + where.replace("{}", "{" + name + "}")
    url = placeholders.fill(template, {name: value})
    target, plain = parse_target(url), urlsplit(placeholders.fill(template, {name: "v"}))
    assert (target.host, target.port, target.authorization) == ("ci.example", 443, "")
    assert target.path.startswith("/hook")
    assert target.path.endswith("end")
    split = urlsplit(url)
    assert split.query.count("&") == plain.query.count("&")
    assert bool(split.query) == bool(plain.query)
    assert not split.fragment
    assert all(33 <= ord(each) < 127 for each in url)
    if name != "repository" or "?" in where:
        assert split.path.count("/") == plain.path.count("/")


@given(st.text(), st.text(), st.sampled_from(["{tag}", "{repository}", "x{tag}.{repository}", "{name}/{tag}"]))
def test_no_values_at_all_leave_their_place(one: str, other: str, where: str) -> None:
    values = {"tag": one, "repository": other, "name": other}
    try:
        url = placeholders.fill(f"https://ci.example/hooks/{where}/end?a={where}&b=1", values)
    except Refused:
        return  # dots that would climb
    split = urlsplit(url)
    assert (split.scheme, split.netloc, split.fragment) == ("https", "ci.example", "")
    assert split.path.startswith("/hooks/")
    assert split.path.endswith("/end")
    assert split.query.startswith("a=")
    assert split.query.endswith("&b=1")
    assert split.query.count("&") == 1
    if len(url) < 2000:
        assert parse_target(url).path == f"{split.path}?{split.query}"


@pytest.mark.parametrize("value", ["..", ".", "../../admin", "a/../b", "a/./b", "%2e%2e"])
def test_no_value_climbs_up_the_path(value: str) -> None:
    try:
        url = placeholders.fill("https://ci.example/hooks/{repository}/x", {"repository": value})
    except Refused as refusal:
        assert "“..”" in str(refusal)  # noqa: PT017  either way is right, and which one depends on the value
    else:
        assert url == "https://ci.example/hooks/%252e%252e/x"
    with pytest.raises(Refused, match=r"“\.\.”"):
        placeholders.fill("https://ci.example/hooks/.{tag}/x", {"tag": "."})


@pytest.mark.parametrize(
    "url",
    [
        *("{tag}://a.example/", "https://{tag}/", "https://{tag}.example/", "https://a.example:{tag}/"),
        *("https://{tag}@a.example/", "https://u:{tag}@a.example/", "{tag}", "https://a.example{tag}"),
    ],
)
def test_placeholders_outside_of_path_and_query_are_refused(url: str) -> None:
    with pytest.raises(Refused, match="path and query"):
        sending.check_url_template(url)


def test_an_unknown_placeholder_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Refused) as caught:
        sending.check_url_template("https://a.example/{image}")
    told = str(caught.value)
    assert told.startswith("There is no placeholder {image}. Choose from {tag}, {repository}, ")
    assert told.endswith("a brace itself is written %7B or %7D.")


@pytest.mark.parametrize("url", ["https://a.example/{tag", "https://a.example/{{tag}}", "https://a.example/}?{tag}"])
def test_braces_left_over_are_refused(url: str) -> None:
    with pytest.raises(Refused, match=r"written %7B or %7D"):
        sending.check_url_template(url)


@pytest.mark.parametrize("name", placeholders.EXAMPLES)
def test_known_placeholders_may_be_saved(name: str) -> None:
    sending.check_url_template(f"https://u:p@a.example/x/{{{name}}}?x={{{name}}}")


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("https://u:s3cret@a.example:8443/ci/{tag}?token=s3cret#s", "https://a.example:8443/ci/1.0"),
        ("https://a.example?x", "https://a.example"),
        (
            "https://hooks.slack.com/services/T01234567/B01234567/abcDEF0123456789abcDEF01",
            "https://hooks.slack.com/services/T01234567/B01234567/abcD…",
        ),
        ("https://p.example/api/webhooks/4d5e6f70-0011-4a2b-8c3d-5e6f70809010", "https://p.example/api/webhooks/4d5e…"),
        ("https://api.github.com/repos/acme/infrastructure-of-shops/dispatches",) * 2,
        ("https://a.example/{repository}/{digest}", "https://a.example/acme/shop/api/sha256%3Aab"),
        ("https://[2606:4700::1]/x", "https://[2606:4700::1]/x"),
    ],
)
def test_what_is_secret_in_a_url_is_not_shown(template: str, shown: str) -> None:
    assert placeholders.shown(template, VALUES) == shown
