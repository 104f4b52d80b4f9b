"""Webhooks, their deliveries, and delivering again."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.api.base import ApiView, HubPages
from repositories.access import Permission
from repositories.api.base import RepositoryView
from repositories.webhooks import access, actions
from repositories.webhooks.api.serializers import (
    DeliveryFull,
    DeliveryShort,
    WebhookAnswer,
    WebhookPatch,
    WebhookRequest,
)
from repositories.webhooks.models import Delivery

TAGS = ["webhooks"]


class Webhooks(RepositoryView):
    needs = {"GET": Permission.WEBHOOKS, "POST": Permission.WEBHOOKS}
    pagination_class = HubPages

    @extend_schema(summary="List webhooks", tags=TAGS, responses=WebhookAnswer(many=True))
    def get(self, request: Request, namespace: str, repository: str) -> Response:
        """The oldest first."""
        return self.page(access.visible_webhooks(self.actor, self.fetch(namespace, repository)), WebhookAnswer)

    @extend_schema(summary="Create a webhook", tags=TAGS, request=WebhookRequest, responses={201: WebhookAnswer})
    def post(self, request: Request, namespace: str, repository: str) -> Response:
        """It hears of every tagged push from now on."""
        row = self.fetch(namespace, repository)
        given = self.read(WebhookRequest)
        webhook = actions.create_webhook(actor=self.actor, place=row, name=given["name"], url=given["url"])
        return Response(WebhookAnswer(webhook).data, status=status.HTTP_201_CREATED)


class OneWebhook(ApiView):
    needs = dict.fromkeys(("GET", "PATCH", "DELETE"), Permission.WEBHOOKS)

    @extend_schema(summary="Read a webhook", tags=TAGS, responses=WebhookAnswer)
    def get(self, request: Request, namespace: str, repository: str, webhook_id: int) -> Response:
        """With its address."""
        webhook = access.fetch_webhook(self.actor, namespace, repository, webhook_id)
        return Response(WebhookAnswer(webhook).data)

    @extend_schema(summary="Change a webhook", tags=TAGS, request=WebhookPatch, responses=WebhookAnswer)
    def patch(self, request: Request, namespace: str, repository: str, webhook_id: int) -> Response:
        """Switching it off gives up what waits."""
        webhook = access.fetch_webhook(self.actor, namespace, repository, webhook_id)
        webhook = actions.update_webhook(actor=self.actor, webhook=webhook, **self.read(WebhookPatch))
        return Response(WebhookAnswer(webhook).data)

    @extend_schema(summary="Delete a webhook", tags=TAGS, responses={204: None})
    def delete(self, request: Request, namespace: str, repository: str, webhook_id: int) -> Response:
        """With its deliveries, also those that wait."""
        webhook = access.fetch_webhook(self.actor, namespace, repository, webhook_id)
        actions.delete_webhook(actor=self.actor, webhook=webhook)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Deliveries(ApiView):
    needs = {"GET": Permission.WEBHOOKS}
    pagination_class = HubPages

    @extend_schema(summary="List deliveries", tags=TAGS, responses=DeliveryShort(many=True))
    def get(self, request: Request, namespace: str, repository: str, webhook_id: int) -> Response:
        """The newest first."""
        webhook = access.fetch_webhook(self.actor, namespace, repository, webhook_id)
        rows = access.visible_deliveries(self.actor, webhook)
        return self.page(rows, DeliveryShort)


class DeliveryView(ApiView):
    def fetch(self, namespace: str, repository: str, webhook_id: int, delivery_id: str) -> Delivery:
        """The delivery of the path. Raises NotFound, also when another webhook made it."""
        return access.fetch_delivery(self.actor, namespace, repository, webhook_id, delivery_id)


class OneDelivery(DeliveryView):
    needs = {"GET": Permission.WEBHOOKS}

    @extend_schema(summary="Read a delivery", tags=TAGS, responses=DeliveryFull)
    def get(self, request: Request, namespace: str, repository: str, webhook_id: int, delivery_id: str) -> Response:
        """With what is sent and every attempt."""
        return Response(DeliveryFull(self.fetch(namespace, repository, webhook_id, delivery_id)).data)


class Redeliver(DeliveryView):
    needs = {"POST": Permission.WEBHOOKS}

    @extend_schema(summary="Deliver again", tags=TAGS, request=None, responses={202: DeliveryFull})
    def post(self, request: Request, namespace: str, repository: str, webhook_id: int, delivery_id: str) -> Response:
        """The same bytes, as a new delivery; one that waits is sent now instead."""
        again = actions.redeliver(actor=self.actor, delivery=self.fetch(namespace, repository, webhook_id, delivery_id))
        return Response(DeliveryFull(again).data, status=status.HTTP_202_ACCEPTED)
