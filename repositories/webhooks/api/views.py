"""Webhooks of a repository and of a namespace: the same views at two paths, one of which names no repository."""

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.api.base import ApiView, HubPages
from portal.kit.errors import Invalid
from repositories.access import Permission
from repositories.webhooks import access, actions
from repositories.webhooks.api import examples
from repositories.webhooks.api.serializers import (
    CountAnswer,
    DeliveryFull,
    FilterFields,
    NewWebhookAnswer,
    RotateAnswer,
    RotateRequest,
    WebhookAnswer,
    WebhookPatch,
    WebhookRequest,
    filter_of,
    moment,
)
from repositories.webhooks.models import Webhook

TAGS = ["webhooks"]


class Webhooks(ApiView):
    needs = {"GET": Permission.WEBHOOKS, "POST": Permission.WEBHOOKS}
    pagination_class = HubPages

    @extend_schema(
        summary="List webhooks", tags=TAGS, responses=WebhookAnswer(many=True), examples=[examples.IN_A_LIST]
    )
    def get(self, request: Request, namespace: str, repository: str = "") -> Response:
        """Of this place alone, the oldest first."""
        place = access.fetch_place(self.actor, namespace, repository)
        return self.page(access.visible_webhooks(self.actor, place), WebhookAnswer)

    @extend_schema(
        summary="Create a webhook",
        tags=TAGS,
        request=WebhookRequest,
        responses={201: NewWebhookAnswer},
        examples=[examples.REQUEST, examples.NEW],
    )
    def post(self, request: Request, namespace: str, repository: str = "") -> Response:
        """It hears of what happens from now on. The secret that signs its deliveries is answered here alone."""
        place = access.fetch_place(self.actor, namespace, repository)
        webhook = actions.create_webhook(actor=self.actor, place=place, **self.read(WebhookRequest))
        return Response(NewWebhookAnswer(webhook).data, status=status.HTTP_201_CREATED)


class WebhookView(ApiView):
    def fetch(self, namespace: str, repository: str, webhook_id: int) -> Webhook:
        """The webhook of the path. Raises NotFound, also when it is another place's."""
        return access.fetch_webhook(self.actor, namespace, repository, webhook_id)


class OneWebhook(WebhookView):
    needs = dict.fromkeys(("GET", "PATCH", "DELETE"), Permission.WEBHOOKS)

    @extend_schema(summary="Read a webhook", tags=TAGS, responses=WebhookAnswer, examples=[examples.ONE])
    def get(self, request: Request, namespace: str, webhook_id: int, repository: str = "") -> Response:
        """With its URL, for who may change it; values of headers and the secret are never read back."""
        return Response(WebhookAnswer(self.fetch(namespace, repository, webhook_id)).data)

    @extend_schema(
        summary="Change a webhook",
        tags=TAGS,
        request=WebhookPatch,
        responses=WebhookAnswer,
        examples=[examples.PATCH, examples.ONE],
    )
    def patch(self, request: Request, namespace: str, webhook_id: int, repository: str = "") -> Response:
        """What is left out stays. What waits is sent as it was made, to the new URL."""
        webhook = self.fetch(namespace, repository, webhook_id)
        webhook = actions.update_webhook(actor=self.actor, webhook=webhook, **self.read(WebhookPatch))
        return Response(WebhookAnswer(webhook).data)

    @extend_schema(summary="Delete a webhook", tags=TAGS, responses={204: None})
    def delete(self, request: Request, namespace: str, webhook_id: int, repository: str = "") -> Response:
        """With its deliveries, also those that wait."""
        actions.delete_webhook(actor=self.actor, webhook=self.fetch(namespace, repository, webhook_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class RotateSecret(WebhookView):
    needs = {"POST": Permission.WEBHOOKS}

    @extend_schema(
        summary="Rotate a webhook's secret",
        tags=TAGS,
        request=RotateRequest,
        responses=RotateAnswer,
        examples=[examples.ROTATE, examples.ROTATED],
    )
    def post(self, request: Request, namespace: str, webhook_id: int, repository: str = "") -> Response:
        """For a day deliveries are signed with the new secret and the old, so that a receiver can follow."""
        webhook = self.fetch(namespace, repository, webhook_id)
        secret = actions.rotate_secret(actor=self.actor, webhook=webhook, **self.read(RotateRequest))
        until = self.fetch(namespace, repository, webhook_id).old_secret_until
        return Response({"secret": secret, "old_secret_until": moment(until)})


class Ping(WebhookView):
    needs = {"POST": Permission.WEBHOOKS}

    @extend_schema(summary="Try a webhook", tags=TAGS, request=None, responses={202: DeliveryFull})
    def post(self, request: Request, namespace: str, webhook_id: int, repository: str = "") -> Response:
        """Sends a `ping` in the webhook's own format. Read the delivery that is answered to see what came of it."""
        delivery = actions.ping(actor=self.actor, webhook=self.fetch(namespace, repository, webhook_id))
        return Response(DeliveryFull(delivery).data, status=status.HTTP_202_ACCEPTED)


class Resume(WebhookView):
    needs = {"POST": Permission.WEBHOOKS}

    @extend_schema(
        summary="Resume a paused webhook",
        tags=TAGS,
        request=None,
        responses=CountAnswer,
        examples=[examples.COUNT],
    )
    def post(self, request: Request, namespace: str, webhook_id: int, repository: str = "") -> Response:
        """And send what it missed, the oldest first."""
        count = actions.resume(actor=self.actor, webhook=self.fetch(namespace, repository, webhook_id))
        return Response({"deliveries": count})


class RedeliverMany(WebhookView):
    needs = {"POST": Permission.WEBHOOKS}

    @extend_schema(
        summary="Deliver a range again",
        tags=TAGS,
        request=FilterFields,
        responses={202: CountAnswer},
        examples=[examples.RANGE, examples.COUNT],
    )
    def post(self, request: Request, namespace: str, webhook_id: int, repository: str = "") -> Response:
        """What the same filter of the log shows, the oldest first, each event once; 1,000 at most, else 409.

        A failed delivery that was sent again since is left out, unless that failed, too.
        """
        webhook = self.fetch(namespace, repository, webhook_id)
        wanted = filter_of(self.read(FilterFields))
        if not wanted:
            raise Invalid(_("Say which deliveries: send a state, an event, a time, or a part of a name."))
        count = actions.redeliver_many(actor=self.actor, webhook=webhook, wanted=wanted)
        return Response({"deliveries": count}, status=status.HTTP_202_ACCEPTED)
