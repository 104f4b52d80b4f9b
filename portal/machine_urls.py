"""What registry, docker and the front door ask, on the short way through `kit.lane.MachineLane`."""

from django.urls import include, path

urlpatterns = [
    path("", include("repositories.registry.urls")),
    path("", include("repositories.gateway.urls")),
]
