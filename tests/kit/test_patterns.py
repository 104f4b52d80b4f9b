"""Name patterns: the three ways to compare one with a name (Python, a queryset, SQL by prefixes) never disagree."""

import itertools

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from portal.kit import patterns
from repositories.models import Repository
from tests import factories

NAMES = ["a", "api", "api2", "api/v1", "payments", "payments/new", "pay-x/a", "web_x", "webyx", "web.x", "a" * 200]
PATTERNS = ["*", "a*", "api", "api*", "api/*", "pay*", "payments/*", "web_*", "web_x", "web.*", "z", "a" * 200 + "*"]
MATCHED = [
    ("*", "payments/new", True),
    ("payments/*", "payments/new", True),
    ("payments/*", "payments/new/deep", True),
    ("payments/*", "payments", False),
    ("payments*", "payments", True),
    ("payments", "payments/new", False),
    ("payments", "payments", True),
    ("web_*", "webyx", False),
    ("web.*", "web_x", False),
]


@pytest.mark.parametrize(("pattern", "name", "expected"), MATCHED)
def test_what_a_pattern_matches(pattern: str, name: str, expected: bool) -> None:
    assert patterns.matches(pattern, name) is expected


def matching_in_sql(name: str) -> set[str]:
    statement = patterns.MATCHING_SQL.format(name="asked.name")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT m.* FROM (SELECT CAST(%s AS text) AS name) asked, LATERAL ({statement}) m"
            if connection.vendor == "postgresql"
            else statement.replace("asked.name", "(SELECT %s)"),
            [name] if connection.vendor == "postgresql" else [name] * statement.count("asked.name"),
        )
        return {row[0] for row in cursor.fetchall()}


@pytest.mark.django_db
def test_every_way_to_compare_agrees(alice) -> None:
    for name in NAMES:
        Repository.objects.create(namespace=alice.namespace, name=name, full_name=f"alice/{name}")
    for pattern in PATTERNS:
        wanted = {name for name in NAMES if patterns.matches(pattern, name)}
        rows = Repository.objects.filter(patterns.condition([pattern], "name"))
        assert set(rows.values_list("name", flat=True)) == wanted, pattern
    for name, pattern in itertools.product(NAMES, PATTERNS):
        assert (pattern in matching_in_sql(name)) == patterns.matches(pattern, name), (pattern, name)


@pytest.mark.django_db
def test_no_pattern_matches_no_row(alice) -> None:
    factories.make_repository(alice, "app")
    assert not Repository.objects.filter(patterns.condition([], "name")).exists()
    both = Repository.objects.filter(patterns.condition(["x", "a*"], "name"))
    assert [row.name for row in both] == ["app"]


@pytest.mark.parametrize("pattern", ["api", "payments/*", "*", "a.b_c-d/e*", "api*"])
def test_what_is_a_pattern(pattern: str) -> None:
    patterns.validate_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("API", "case"),
        ("a" * 256, "length"),
        ("a*b", "star"),
        ("**", "star"),
        ("", "grammar"),
        ("/api", "grammar"),
        ("api/", "grammar"),
        ("a//b", "grammar"),
        ("a b", "grammar"),
        ("é", "grammar"),
        ("a\n", "grammar"),
    ],
)
def test_what_is_none_and_says_why(pattern: str, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        patterns.validate_pattern(pattern)
    assert caught.value.code == code
    assert "%(" not in caught.value.messages[0]
