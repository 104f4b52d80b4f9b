"""Addresses of webhooks' pages in templates that serve a repository's and a namespace's webhooks alike."""

from django import template

from repositories.webhooks import pages
from repositories.webhooks.access import Place

register = template.Library()


@register.simple_tag
def webhook_url(place: Place, page: str, *args: object) -> str:
    """`{% webhook_url place "webhook_edit" webhook.pk as edit_url %}`"""
    return pages.address(place, page, *args)
