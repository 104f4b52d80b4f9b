"""The same by the API: for operators, and for the admins of one repository."""

import pytest
from django.test import Client

from repositories.sync.models import Difference, RepositorySync, Run
from tests.conftest import signed_in
from tests.factories import make_access_token
from tests.factories.sync import make_missing, make_operator, make_round

pytestmark = pytest.mark.django_db
ONE = "/v2/namespaces/alice/repositories/private-app/-/reconcile"


@pytest.fixture
def olga(db: None) -> Client:
    return signed_in(make_operator())


def test_drift(olga, private_app) -> None:
    make_round("stopped", error="Too much.", missing=9)
    make_missing(private_app, "1.0", "2.0")
    told = olga.get("/v2/registry/drift").json()
    assert told["last"]["state"] == "stopped"
    assert told["last"]["error"] == "Too much."
    assert told["under_way"] is None
    assert told["differences"] == {"waiting": 0, "held": 2, "approved": 0, "dismissed": 0}
    held = {"repository": "alice/private-app", "tags": 0, "missing": 2}
    assert told["plan"] == {"repositories": 1, "tags": 2, "rows": [held]}
    assert (told["instance"], told["last_notification_at"]) == ("", None)


def test_differences(olga, private_app, public_app) -> None:
    make_missing(private_app, "1.0")
    make_missing(public_app, "2.0", state="repaired")
    listed = olga.get("/v2/registry/differences").json()
    assert (listed["count"], listed["results"][0]["tag"]) == (1, "1.0")
    settled = olga.get("/v2/registry/differences?state=settled&repository=alice/public-app").json()
    assert [row["tag"] for row in settled["results"]] == ["2.0"]
    assert olga.get("/v2/registry/differences?state=odd").status_code == 400
    assert olga.get("/v2/registry/differences?repository=alice/nothing").status_code == 404


def test_compare_all_and_one(olga, private_app) -> None:
    answer = olga.post("/v2/registry/reconcile", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["repository"], answer.json()["requested_by"]) == (202, None, "olga")
    again = olga.post("/v2/registry/reconcile", {}, content_type="application/json")
    assert again.json()["id"] == answer.json()["id"], "one that is under way is enough"
    one = olga.post("/v2/registry/reconcile", {"repository": "alice/private-app"}, content_type="application/json")
    assert one.json()["repository"] == "alice/private-app"
    assert olga.get("/v2/registry/reconcile").json()["count"] == 2


@pytest.mark.parametrize(("verb", "state"), [("approve", "approved"), ("dismiss", "dismissed")])
def test_decide(olga, private_app, verb, state) -> None:
    make_missing(private_app, "1.0", "2.0")
    address = f"/v2/registry/differences/{verb}"
    stale = olga.post(address, {"tags": 1}, content_type="application/json")
    assert (stale.status_code, "2 tags are held now" in stale.json()["message"]) == (409, True)
    assert olga.post(address, {}, content_type="application/json").status_code == 400
    done = olga.post(address, {"tags": 2, "repository": "alice/private-app"}, content_type="application/json")
    assert done.json() == {"decided": 2}
    assert set(Difference.objects.values_list("state", flat=True)) == {state}


def test_a_token_of_an_operator_is_no_operators(private_app) -> None:
    _token, secret = make_access_token(make_operator())
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/v2/registry/drift", headers=headers).status_code == 404


def test_a_repository_for_its_admins(alices_client, private_app) -> None:
    told = alices_client.get(ONE).json()
    assert told == {
        "compared_at": None,
        "looked_at": None,
        "due_at": None,
        "error": "",
        "under_way": None,
        "differences": [],
    }
    asked = alices_client.post(ONE)
    assert (asked.status_code, asked.json()["state"]) == (202, "running")
    RepositorySync.objects.create(repository=private_app, error="It answered 500.")
    make_missing(private_app, "1.0", state="waiting")
    told = alices_client.get(ONE).json()
    assert (told["under_way"]["id"], told["error"]) == (Run.objects.get().pk, "It answered 500.")
    assert [(row["tag"], row["state"]) for row in told["differences"]] == [("1.0", "waiting")]
