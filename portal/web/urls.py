from django.urls import path

from portal.web import health, views

urlpatterns = [
    path("", views.home, name="home"),
    path("explore", views.explore, name="explore"),
    path("search", views.search, name="search"),
    path("-/theme", views.theme, name="theme"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
