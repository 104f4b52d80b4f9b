"""The design system's template tags."""

import datetime

import pytest
import time_machine
from django.template import Context, Template
from django.utils import timezone
from django.utils.safestring import mark_safe
from lucide.templatetags.lucide import lucide

from portal.web.templatetags import ui

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


def render(source: str, **values: object) -> str:
    return Template("{% load ui %}" + source).render(Context(values)).strip()


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (2_811_969, "2.81 MB"),
        (48_120_345, "48.1 MB"),
        (734_003_200, "734 MB"),
        (5_000_000_000_000_000, "5000 TB"),
    ],
)
def test_sizes_are_written_as_docker_writes_them(count: int | None, text: str) -> None:
    assert ui.size(count) == text


@pytest.mark.parametrize(
    ("count", "text"), [(None, "0"), (0, "0"), (950, "950"), (1243, "1.2k"), (15_000, "15k"), (3_400_000, "3.4M")]
)
def test_counts_are_short(count: int | None, text: str) -> None:
    assert ui.compact(count) == text


def test_digests_are_short() -> None:
    assert ui.short_digest("sha256:" + "0123456789abcdef" * 4) == "sha256:0123456789ab"


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (datetime.timedelta(seconds=5), "just now"),
        (datetime.timedelta(minutes=3), "3\xa0minutes ago"),
        (datetime.timedelta(days=1, hours=5), "1\xa0day ago"),
        (datetime.timedelta(days=-30), "in 4\xa0weeks"),
    ],
)
def test_times_are_said_as_people_say_them(ago: datetime.timedelta, text: str) -> None:
    with time_machine.travel(NOW, tick=False):
        written = ui.when(timezone.now() - ago)
    assert f">{text}</time>" in written
    assert 'datetime="' in written


def test_a_time_that_never_was() -> None:
    assert ui.when(None) == "never"
    assert ui.when(None, never="not yet") == "not yet"
    assert ui.day(None) == "never"


def test_an_avatar_is_always_the_same_mirrored_and_without_style() -> None:
    assert ui.avatar("alice") == ui.avatar("Alice")
    assert ui.avatar("alice") != ui.avatar("bob")
    assert "style" not in ui.avatar("alice")
    cells = {(x, y) for x in range(2, 7) for y in range(2, 7) if f'x="{x}" y="{y}"' in ui.avatar("alice")}
    assert cells == {(8 - x, y) for x, y in cells}


def test_what_people_wrote_is_escaped_in_every_block() -> None:
    evil = "<script>alert(1)</script>"
    for source in (
        "{% pageheader title=evil note=evil %}{{ evil }}{% endpageheader %}",
        "{% panel title=evil foot=evil %}{{ evil }}{% endpanel %}",
        '{% dialog id="x" title=evil %}{{ evil }}{% enddialog %}',
        "{% emptystate title=evil text=evil %}{{ evil }}{% endemptystate %}",
        "{% message %}{{ evil }}{% endmessage %}",
        '{% include "components/command.html" with command=evil only %}',
        '{% include "components/copy_button.html" with text=evil show=evil label=evil only %}',
        '{% include "components/confirm_name.html" with expected=evil label=evil id="x" only %}',
        '{% include "components/badge.html" with label=evil only %}',
    ):
        assert "<script>" not in render(source, evil=evil), source
        assert "&lt;script&gt;" in render(source, evil=evil), source


class TestIcons:
    def test_are_what_the_package_draws(self) -> None:
        source = '{% load lucide %}{% lucide "tag" size=14 class="icon" aria_hidden="true" stroke_linecap="square" %}'
        drawn = Template(source).render(Context())
        assert drawn == lucide("tag", size=14, **{"class": "icon"}, aria_hidden="true", stroke_linecap="square")
        assert drawn == Template(source).render(Context()), "the second time, too"

    def test_escape_what_they_are_told(self) -> None:
        for label in ('"><script>', mark_safe('"><script>')):
            drawn = Template('{% load lucide %}{% lucide "tag" aria_label=label %}').render(Context({"label": label}))
            assert "<script>" not in drawn
