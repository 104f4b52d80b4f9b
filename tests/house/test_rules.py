"""Rules of the house that a reviewer would otherwise have to remember."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from portal.accounts.names import API_SEGMENTS, RESERVED

ROOT = Path(__file__).resolve().parents[2]
CODE = [path for room in ("portal", "orgs", "repositories") for path in sorted((ROOT / room).rglob("*.py"))]
HTTP_FILES = {"views.py", "api.py", "views", "api"}


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield route
        else:
            yield from patterns(entry, route)


def first_segments(urlconf: str) -> set[str]:
    routes = (route.lstrip("^").replace("\\Z", "") for route in patterns(get_resolver(urlconf)))
    return {route.split("/")[0] for route in routes if route.split("/")[0] and not route.startswith(("<", "("))}


@pytest.mark.parametrize("urlconf", ["portal.urls", "portal.machine_urls"])
def test_no_namespace_can_hide_a_page(urlconf) -> None:
    names = {segment for segment in first_segments(urlconf) if re.fullmatch(r"[a-z0-9][a-z0-9._-]*", segment)}
    assert names
    assert names <= RESERVED


def test_no_namespace_can_hide_a_path_of_the_api() -> None:
    under = {route.split("/")[1] for route in patterns(get_resolver("portal.urls")) if route.startswith("v2/")}
    assert under
    assert under <= API_SEGMENTS


def test_the_door_knows_every_first_segment_of_the_api() -> None:
    """What it does not know it would hand to the registry or the gateway."""
    door = (ROOT / "deploy/embedded/Caddyfile").read_text()
    assert {segment for segment in API_SEGMENTS if segment not in door} == set()


def is_http(path: Path) -> bool:
    return bool(HTTP_FILES & {path.name, path.parent.name})


def managers_in(source: str) -> list[int]:
    """Lines that reach for rows past access.py: `Repository.objects` and the like."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and node.attr in {"objects", "_default_manager"}
        and isinstance(node.value, ast.Name)
        and node.value.id[0].isupper()
    ]


def test_the_rule_below_can_fail() -> None:
    assert managers_in("def view(request):\n    return Repository.objects.all()") == [2]


@pytest.mark.parametrize("path", [path for path in CODE if is_http(path)], ids=lambda path: str(path.relative_to(ROOT)))
def test_views_get_rows_only_through_access(path) -> None:
    assert managers_in(path.read_text()) == []


def test_one_room_sends_requests_to_the_outside() -> None:
    sends = re.compile(r"^\s*(?:import|from) (?:requests|urllib3|http\.client|urllib\.request)\b", re.MULTILINE)
    strays = [path for path in CODE if sends.search(path.read_text()) and "portal/kit/http" not in str(path)]
    assert strays == []


def test_users_patterns_are_never_compiled_with_re() -> None:
    """`re` needs exponential time on some patterns; only literals of ours go to it."""
    strays = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr != "escape"
        and not isinstance(node.args[0], ast.Constant | ast.JoinedStr | ast.BinOp)
    ]
    assert strays == []


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_lock_files_hold_hashes_and_no_addresses(lock) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    assert not [line for line in lines if "://" in line or line.startswith("--")]
    pins = [line for line in lines if re.match(r"[a-z0-9]", line)]
    assert pins
    assert all("==" in line for line in pins)
    assert len([line for line in lines if "--hash=sha256:" in line]) >= len(pins)


def test_a_missing_secret_stops_the_start_and_names_the_variable() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MOORAGE_")}
    env["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    run = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode != 0
    assert "Set MOORAGE_SECRET_KEY, or MOORAGE_SECRET_KEY_FILE" in run.stderr
