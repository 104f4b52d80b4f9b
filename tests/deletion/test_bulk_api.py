"""Many tags by the API: dry run, start, watch, cancel, undo."""

from typing import Any

import pytest
from django.test import Client

from repositories.deletion import bulk
from repositories.deletion.models import BulkDeletion, BulkItem
from repositories.models import Repository
from tests.factories import images

pytestmark = pytest.mark.django_db
URL = "/v2/namespaces/alice/repositories/private-app/-/deletions"


@pytest.fixture
def app(private_app: Repository, alice: Any) -> Repository:
    for number in range(1, 4):
        images.push_image(private_app, f"pr-{number}", by=alice)
    images.push_image(private_app, "stable", by=alice, seed="pr-1")
    return private_app


def post(client: Client, path: str = "", **body: Any) -> Any:
    return client.post(URL + path, body, content_type="application/json")


def test_a_dry_run_tells_and_does_nothing(app, alices_client) -> None:
    told = post(alices_client, name="pr", dry_run=True).json()
    assert {name: told[name] for name in ("tags", "images", "kept", "is_exact")} == {
        "tags": 3,
        "images": 2,
        "kept": 1,
        "is_exact": True,
    }
    assert not BulkDeletion.objects.exists()


def test_a_job_from_its_start_to_its_undoing(app, alices_client) -> None:
    answer = post(alices_client, pattern="pr-.", keep=1, expected=2)
    assert answer.status_code == 202
    job = answer.json()
    assert (job["state"], job["total"], job["selection"]) == ("running", 2, {"pattern": "pr-.", "keep": 1})
    row = BulkDeletion.objects.select_related("repository").get()
    bulk._write_down(row)
    bulk._mark(row.items.order_by("id")[0])
    bulk._mark(row.items.order_by("id")[1], BulkItem.Why.MOVED)
    told = alices_client.get(f"{URL}/{job['id']}").json()
    assert (told["done"], told["skipped"], told["skipped_tags"][0]["why"]) == (1, 1, "moved")
    assert post(alices_client, f"/{job['id']}/cancel").json()["state"] == "cancelled"
    back = post(alices_client, f"/{job['id']}/restore")
    assert (back.status_code, back.json()["undoes"], back.json()["total"]) == (202, job["id"], 1)
    assert [one["kind"] for one in alices_client.get(URL).json()["results"]] == ["restore", "delete"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"all": True, "dry_run": True}, 200),
        ({"name": "pr", "tags": ["stable"]}, 400),
        ({"pattern": "("}, 400),
        ({"keep": -1}, 400),
        ({"tags": ["unknown"]}, 400),
        ({"name": "pr", "expected": 2}, 409),
    ],
)
def test_what_is_refused(app, alices_client, body, status) -> None:
    assert post(alices_client, **body).status_code == status
    assert not BulkDeletion.objects.exists()
