"""Whatever JSON is sent, the answer is one that is described, and never a fault of ours."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.api.test_schema import described, path_of
from tests.api.test_table import TABLE
from tests.api.world import World, call

pytestmark = pytest.mark.django_db
WITH_BODY = [(method, path, body) for method, path, body, _expected in TABLE if body is not None]
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=8)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner))


@pytest.mark.parametrize(("method", "path", "body"), WITH_BODY, ids=[f"{row[0]} {row[1]}" for row in WITH_BODY])
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_no_body_breaks_it(world: World, method: str, path: str, body: dict[str, Any], data: st.DataObject) -> None:
    """Fields that exist with VALUES of any kind, and bodies of any kind."""
    known = st.fixed_dictionaries({}, optional={name: VALUES | st.just(body[name]) for name in body})
    sent = data.draw(known | VALUES)
    operation = described()["paths"][path_of(path)][method.lower()]
    with transaction.atomic():
        answer = call(method, path.format(**world.names()), sent, token=world.bearer)
        transaction.set_rollback(True)
    assert str(answer.status_code) in operation["responses"], (sent, answer.content)
