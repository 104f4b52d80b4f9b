"""What registry, docker, the front door and monitoring ask, on the short way through `kit.lane.MachineLane`."""

from django.urls import include, path

from portal.web import health
from repositories.webhooks import metrics

urlpatterns = [
    path("", include("repositories.registry.urls")),
    path("", include("repositories.gateway.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("-/metrics", metrics.scrape, name="metrics"),
]
