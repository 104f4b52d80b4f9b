"""Templates of one's own: what they can do, what they cannot, and those that come with Moorage."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, strategies as st

from portal.accounts.actor import Actor
from portal.kit.errors import Invalid
from repositories.models import Repository
from repositories.webhooks import actions, formats, schemas
from repositories.webhooks.formats import NotRendered, check_template, template
from repositories.webhooks.formats.sandbox import limits
from repositories.webhooks.rules import TEMPLATE_MAX

URL = "https://93.184.215.14/hooks/ci"
PUSH = schemas.example("push")
LONG = PUSH | {
    "repository": PUSH["repository"] | {"full_description": "x" * 25_000},
    "tag": PUSH["tag"] | {"platforms": PUSH["tag"]["platforms"] * 50},
}
TAKES_AT_MOST = 5.0
"""Seconds, on a busy machine; alone none takes half of one."""


def value(text: str, document: dict[str, Any] = PUSH) -> Any:
    return json.loads(template.render(text, document))


def refusal(text: str, document: dict[str, Any] = PUSH) -> str:
    with pytest.raises(NotRendered) as caught:
        template.render(text, document)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"{{ tag.name }}"', "1.4.2"),
        ('"{{ tag["name"] }} {{ tag.platforms[1].os }}"', "1.4.2 linux"),
        ("{{ tag.size }}", 58_213_604),
        ("[{{ repository.is_private }}, {{ none }}]", [True, None]),
        ("{{ tag | tojson }}", PUSH["tag"]),
        ('"{{ tag.digest | short }}"', "6d1ef012b567"),
        ('"{{ tag.name | short }}"', "1.4.2"),
        ("{{ time | unix }}", 1770091506),
        ("{{ none | unix }}", 0),
        ('"{{ cause | upper }}{{ "A" | lower }}{{ " b " | trim }}"', "PUSHab"),
        ('"{{ summary | truncate(8) }}{{ cause | truncate }}"', "alice p…push"),
        ('"{{ tag.name | replace(".", "-") }}"', "1-4-2"),
        ('"{{ tag.platforms | join(" ", attribute="name") }}"', "linux/amd64 linux/arm64/v8"),
        ('"{{ ["a", "b"] | join("+") }}"', "a+b"),
        ("[{{ tag.platforms | length }}, {{ cause | length }}]", [2, 4]),
        (
            '["{{ (tag.platforms | first).name }}", "{{ (tag.platforms | last).name }}"]',
            ["linux/amd64", "linux/arm64/v8"],
        ),
        (
            '"{{ nothing | default("x") }}{{ nothing.at.all | default("y") }}{{ tag.source | default("z", true) }}"',
            "xyz",
        ),
        ('"{% if comment is defined %}a{% elif type == "push" and not tag.source %}b{% else %}c{% endif %}"', "b"),
        ('"{{ "a" if type in ["push", "ping"] else "b" }}{{ "c" if "4" not in tag.name else "d" }}"', "ad"),
        ('"{{ 1 if tag.size >= 5 and tag.size != 7 else 2 }}{{ none is none }}"', "1true"),
        (
            '[{% for p in tag.platforms %}"{{ loop.index0 }}{{ p.os }}"{% if not loop.last %},{% endif %}{% endfor %}]',
            ["0linux", "1linux"],
        ),
        ('{# a comment #}"{% raw %}{{ x }}{% endraw %}"', "{{ x }}"),
        ('"{{ "<a & b>" | slack }}"', "&lt;a &amp; b&gt;"),
    ],
)
def test_what_a_template_can_do(text: str, expected: Any) -> None:
    assert value(text) == expected


@given(st.text(max_size=200))
def test_no_text_breaks_out_of_its_quotes(text: str) -> None:
    document = schemas.example("comment")
    document["comment"]["text"] = text
    assert value('{"a": "{{ comment.text }}", "b": {{ comment.text | tojson }}}', document) == {"a": text, "b": text}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('\n"{{ tag.nmae }}"', "Line 2: There is no “tag.nmae” here."),
        ('"{{ foo }}"', "Line 1: There is no “foo” here."),
        ('"{{ foo.bar.baz }}"', "Line 1: There is no “foo” here."),
        (
            "[{% for p in tag.platforms %}\n\n{{ p.size }},{{ p.nix }}{% endfor %}]",
            "Line 3: There is no “tag.platforms[0].nix”",
        ),
        ("{{ tag.platforms[7] }}", "There is no “tag.platforms[7]” here."),
        ("{% if comment %}1{% endif %}", "There is no “comment” here."),
        ('{{ "a" in nothing }}', "There is no “nothing” here."),
        ('{{ nothing | join(",") }}', "There is no “nothing” here."),
        ("{{ nothing | tojson }}", "There is no “nothing” here."),
        ("{{ tag }}", "This is a list or an object."),
        ("{{ tag.name | unix }}", "This is no time."),
        ('{{ tag.size | truncate("a") }}', "Give a whole number here."),
        ('{{ tag.name | replace("", "a") }}', "Say what is to be replaced."),
        ('{{ tag.platforms | join(",", attribute="x") }}', "The list has no “x”."),
        ("{{ [] | first }}", "The list is empty"),
        ('{{ "a" in tag.size }}', "After “in” stands a list or a text."),
        ("{% for p in tag.name %}{% endfor %}", "This is no list."),
        ('{{ tag.size < "a" }}', "not supported between"),
        ("{{ tag.name | truncate(1, 2, 3, 4) }}", "arguments"),
        ('{"a": "{{ tag.name }}",}', "The result is not JSON. In its line 1, near “{"),
        ("{% if false %}1{% endif %}", "The result is empty."),
        ("NaN", "The result is not JSON: NaN"),
        ('"\ud800"', "The result is not JSON"),
        ("\n{% if %}", "Line 2: "),
        ("{{ 'a }}", "Line 1: "),
        ("{{ a | nix }}", "There is no filter “nix”. Choose from: default, first"),
        ("{{ 1.5 }}", "Only texts and whole numbers"),
        ("{{ a[b] }}", "Between [ and ] stands a number or a name in quotes."),
        ("{{ a is sameas 1 }}", "After “is” stands one of: defined, none, undefined."),
        ("{{ a in [b] }}", "A list has texts or numbers only"),
        ("{% for a in tag.platforms %}{{ loop.cycle }}{% endfor %}", "A loop tells: loop.first"),
        ("{% for loop in tag.platforms %}{% endfor %}", "“loop” is what tells of the loop itself."),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_name(text: str, reason: str) -> None:
    assert reason in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        '{{ tag.__class__ }}', '{{ tag["__class__"] }}', '{{ "".__class__.__mro__ }}', '{{ tag.items }}', "{{ self }}",
        "{{ tag.items() }}", '{{ tag | attr("keys") }}', '{{ "%s" % tag }}', '{{ "a" ~ "b" }}', '{{ "a" * 999999999 }}',
        "{{ 9 ** 99999999 }}", "{{ range(9) }}", "{{ lipsum() }}", "{{ cycler }}", "{{ namespace() }}", "{{ loop }}",
        "{{ _x }}", "{% set x = 1 %}", "{% macro x() %}{% endmacro %}", "{% call x() %}{% endcall %}",
        "{% filter upper %}a{% endfilter %}", '{% include "/etc/x" %}', '{% import "x" as y %}', '{% extends "x" %}',
        "{% block a %}1{% endblock %}", "{% with a = 1 %}{{ a }}{% endwith %}", '{{ {"a": 1} }}', "{{ tag.name[0:1] }}",
        '{% for a in "abc" %}{% endfor %}', "{% for a, b in tag.platforms %}{% endfor %}",
        "{% for a in tag.platforms recursive %}{% endfor %}", "{% for a in tag.platforms if a %}{% endfor %}",
        "{% for a in tag.platforms %}{% for b in tag.platforms %}{% endfor %}{% endfor %}", "{{ upper(*tag) }}",
        "{{ tag.name | replace(*tag) }}", "{{ 1 is defined(2) }}", "{{ -1 }}",
    ],
)  # fmt: skip
def test_what_a_template_cannot_do(text: str) -> None:
    assert refusal(text)


NASTY = {
    "a filter that grows a constant": '"{{ "aaaaaaaaaa"' + '|replace("a","aaaaaaaaaa")' * 12 + ' }}"',
    "a filter that grows a value": '"{{ tag.name' + '|replace("1","1111111111")' * 20 + ' }}"',
    "a filter that quotes quotes": '"{{ tag' + "|tojson" * 22 + ' }}"',
    "filters in a loop": "{% for p in tag.platforms %}"
    + '{% if repository.full_description|upper == "a" %}{% endif %}' * 260
    + "{% endfor %}1",
    "searches in a loop": "{% for p in tag.platforms %}"
    + '{% if "xy" in repository.full_description %}{% endif %}' * 290
    + "{% endfor %}1",
    "output in a loop": "[{% for p in tag.platforms %}"
    + '"{{ repository.full_description }}",' * 400
    + "{% endfor %}1]",
    "text in a loop": "{% for p in tag.platforms %}" + "x" * 16_000 + "{% endfor %}",
    "parentheses": "{{ " + "(" * 8000 + "1" + ")" * 8000 + " }}",
    "brackets": "{{ " + "[" * 8000,
    "nots": "{{ " + "not " * 4000 + "1 }}",
    "dots": "{{ a" + ".a" * 8000 + " }}",
    "items": "{{ a" + "[0]" * 5000 + " }}",
    "a chain of filters": "{{ a" + "|upper" * 2600 + " }}",
    "a chain of elses": "{{ 1" + " if 1 else 1" * 1300 + " }}",
    "a chain of ands": "{{ 1" + " and 1" * 2600 + " }}",
    "elifs": "{% if 1 %}" + "{% elif 1 %}" * 1300 + "{% endif %}",
    "ifs": "{% if 1 %}" * 750 + "{% endif %}" * 750,
    "braces": "{" * 16_000,
    "backslashes": '{{ "' + "\\" * 16_000,
    "nested JSON": "[" * 8000 + "]" * 8000,
    "a huge number": "{{ " + "9" * 10_000 + " }}",
    "blocks that do not end": "{%" * 8000,
}


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY.keys())
def test_a_nasty_template_is_refused_in_no_time(text: str) -> None:
    assert len(text) <= TEMPLATE_MAX
    begun = time.monotonic()
    assert refusal(text, LONG)
    assert time.monotonic() - begun < TAKES_AT_MOST


def test_a_loop_takes_a_hundred_turns_at_most() -> None:
    many = PUSH | {"tag": PUSH["tag"] | {"platforms": PUSH["tag"]["platforms"] * 300}}
    text = "[{% for p in tag.platforms %}{{ loop.index }},{% endfor %}0]"
    assert value(text, many) == [*range(1, 101), 0]


def test_a_result_has_256_kilobytes_at_most() -> None:
    """Counted in bytes, of which é has two; what is written in front of the loop's hundred turns fills it up."""
    turns = "{% for p in tag.platforms %}" + "é" * 1310 + "{% endfor %}"
    assert len(template.render(f'"{"x" * 142}{turns}"', LONG)) == 256 * 1024
    assert "longer than 256 KB" in refusal(f'"{"x" * 143}{turns}"', LONG)


def test_a_template_that_is_too_long_is_not_even_read() -> None:
    assert limits.TEXT_MAX == TEMPLATE_MAX
    assert value('"' + "x" * (TEMPLATE_MAX - 2) + '"') == "x" * (TEMPLATE_MAX - 2)
    assert "may have 16384 characters" in refusal('"' + "x" * (TEMPLATE_MAX - 1) + '"')


def test_a_template_is_tried_with_every_event_and_with_empty_lists() -> None:
    check_template('"{{ tag.name }}"', ["push", "tag.delete"])
    with pytest.raises(NotRendered, match="For the event “star”: Line 1: There is no “tag” here"):
        check_template('"{{ tag.name }}"', ["push", "star"])
    with pytest.raises(NotRendered, match="“push”, when its lists are empty: Line 1: There is no “tag"):
        check_template('"{{ tag.platforms[0].name }}"', ["push"])
    with pytest.raises(NotRendered, match="Line 2: Encountered unknown tag 'nix'"):
        check_template("\n{% nix %}", ["push"])
    with pytest.raises(NotRendered, match="Write a template first"):
        check_template(" \n", ["push"])


def test_a_webhook_with_a_bad_template_is_not_saved(as_alice: Actor, public_app: Repository) -> None:
    choices: Any = {"name": "CI", "url": URL, "format": "template", "template": '"{{ tag.nmae }}"'}
    with pytest.raises(Invalid) as caught:
        actions.create_webhook(actor=as_alice, place=public_app, **choices)
    assert "“tag.nmae”" in str(caught.value.fields["template"][0])
    hook = actions.create_webhook(actor=as_alice, place=public_app, **(choices | {"template": '"{{ tag.name }}"'}))
    assert formats.render(hook, PUSH).body == b'"1.4.2"'


SHIPPED = {each.key: each for each in formats.shipped()}


def shipped(key: str, event_type: str, **different: Any) -> Any:
    return value(SHIPPED[key].text, schemas.example(event_type) | different)


@pytest.mark.parametrize("key", SHIPPED)
def test_a_shipped_template_tells_of_all_its_events_and_of_a_ping(key: str) -> None:
    check_template(SHIPPED[key].text, [*SHIPPED[key].events, "ping"])
    assert len(SHIPPED[key].text) < TEMPLATE_MAX / 4


def test_slack_gets_a_message_that_calls_nobody() -> None:
    comment = schemas.example("comment")["comment"] | {"text": '<!channel> "hi" & bye'}
    message = shipped("slack", "comment", comment=comment, summary="a <b> & c")
    assert message["text"] == "a &lt;b&gt; &amp; c"
    assert message["blocks"][-1]["text"] == {"type": "plain_text", "emoji": False, "text": '<!channel> "hi" & bye'}
    told = shipped("slack", "push")["blocks"]
    assert [each["text"] for each in told[1]["elements"]] == [
        "`6d1ef012b567`",
        "before: `0b9dcb1bf4b4`",
        "linux/amd64, linux/arm64/v8",
    ]
    assert all(each["type"] in {"section", "context"} for each in told)


def test_teams_gets_an_adaptive_card() -> None:
    (attachment,) = shipped("teams", "push")["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"], len(card["body"])) == ("AdaptiveCard", "1.4", 2)
    assert card["actions"][0]["url"] == PUSH["url"]


def test_discord_keeps_to_its_limits_and_mentions_nobody() -> None:
    tag = PUSH["tag"] | {"platforms": [{"name": "linux/" + "x" * 300}] * 100}
    message = shipped("discord", "push", tag=tag, summary="s" * 900)
    (embed,) = message["embeds"]
    assert message["allowed_mentions"] == {"parse": []}
    assert len(embed["title"]) <= 256
    assert all(1 <= len(each["value"]) <= 1024 for each in embed["fields"])
    assert shipped("discord", "star")["embeds"][0]["fields"] == []


@pytest.mark.parametrize("event_type", SHIPPED["github"].events)
def test_github_takes_ten_properties_at_most(event_type: str) -> None:
    dispatch = shipped("github", event_type)
    assert set(dispatch) == {"event_type", "client_payload"}
    assert dispatch["event_type"] == f"moorage.{event_type}"
    assert len(dispatch["client_payload"]) <= 10


def test_harbors_artifacts_are_pushed_and_deleted() -> None:
    pushed = shipped("harbor", "push")
    assert (pushed["type"], pushed["occur_at"], pushed["operator"]) == ("PUSH_ARTIFACT", 1770091506, "alice")
    assert pushed["event_data"] == {
        "resources": [
            {
                "digest": PUSH["tag"]["digest"],
                "tag": "1.4.2",
                "resource_url": "hub.example.org/acme/payments/api:1.4.2",
            }
        ],
        "repository": {
            "date_created": 1767323045,
            "name": "payments/api",
            "namespace": "acme",
            "repo_full_name": "acme/payments/api",
            "repo_type": "private",
        },
    }
    deleted = [shipped("harbor", name) for name in ("tag.delete", "image.delete")]
    assert [each["type"] for each in deleted] == ["DELETE_ARTIFACT"] * 2
    assert "tag" not in deleted[1]["event_data"]["resources"][0]
