"""The Celery application. Tasks are named by their module; beat's table is in the settings."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("moorage")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
