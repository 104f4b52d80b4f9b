from django.urls import path

from portal.web import health, reference, views

urlpatterns = [
    path("", views.home, name="home"),
    path("explore", views.explore, name="explore"),
    path("search", views.search, name="search"),
    path("-/theme", views.theme, name="theme"),
    path("docs/api", reference.reference, name="api_reference"),
    path("api/schema", reference.schema_yaml, name="api_schema"),
    path("api/schema.json", reference.schema_json, name="api_schema_json"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
