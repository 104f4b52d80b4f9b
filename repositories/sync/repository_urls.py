from django.urls import path

from repositories.sync import repository_views

urlpatterns = [
    path(
        "<namespace:namespace>/<repository:name>/-/settings/registry",
        repository_views.registry,
        name="repository_registry",
    ),
]
