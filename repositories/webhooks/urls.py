"""Pages of webhooks: the same below a repository and below a namespace, whose views get no `name`."""

from collections.abc import Iterator

from django.urls import URLPattern, path

from repositories.webhooks import callback_views, delivery_views, preview_views, views

REPOSITORY = "<namespace:namespace>/<repository:name>/-/webhooks"
NAMESPACE = "<namespace:namespace>/-/webhooks"


def _pages(below: str, kind: str) -> Iterator[URLPattern]:
    one = f"{below}/<int:webhook_id>"
    delivery = f"{one}/deliveries/<slug:delivery_id>"
    yield path(below, views.webhooks, name=f"{kind}_webhooks")
    yield path(f"{below}/new", views.new_webhook, name=f"{kind}_webhook_new")
    yield path(f"{below}/preview", preview_views.preview, name=f"{kind}_webhook_preview")
    yield path(one, delivery_views.webhook, name=f"{kind}_webhook")
    yield path(f"{one}/edit", views.edit_webhook, name=f"{kind}_webhook_edit")
    yield path(f"{one}/switch", views.switch_webhook, name=f"{kind}_webhook_switch")
    yield path(f"{one}/delete", views.delete_webhook, name=f"{kind}_webhook_delete")
    yield path(f"{one}/rotate", views.rotate_secret, name=f"{kind}_webhook_rotate")
    yield path(f"{one}/ping", views.ping, name=f"{kind}_webhook_ping")
    yield path(f"{one}/resume", views.resume, name=f"{kind}_webhook_resume")
    yield path(f"{one}/redeliver", delivery_views.redeliver_many, name=f"{kind}_redeliver_many")
    yield path(delivery, delivery_views.delivery, name=f"{kind}_delivery")
    yield path(f"{delivery}/redeliver", delivery_views.redeliver, name=f"{kind}_redeliver")


urlpatterns = [
    path(f"{REPOSITORY}/callback/<str:signed>", callback_views.callback, name="repository_callback"),
    *_pages(REPOSITORY, "repository"),
    *_pages(NAMESPACE, "namespace"),
]
