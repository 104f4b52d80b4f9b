"""The log of a webhook, and delivering again."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.api.base import ApiView
from repositories.access import Permission
from repositories.images.api.paging import TagPages
from repositories.webhooks import access, actions
from repositories.webhooks.api import examples
from repositories.webhooks.api.serializers import DeliveriesQuery, DeliveryAnswer, DeliveryFull, filter_of
from repositories.webhooks.models import Delivery

TAGS = ["webhooks"]


class Deliveries(ApiView):
    needs = {"GET": Permission.WEBHOOKS}
    pagination_class = TagPages

    @extend_schema(
        summary="List deliveries",
        tags=TAGS,
        parameters=[DeliveriesQuery],
        responses=DeliveryAnswer(many=True),
        examples=[examples.DELIVERY],
    )
    def get(self, request: Request, namespace: str, webhook_id: int, repository: str = "") -> Response:
        """The newest first. `next` and `previous` cost the same on any page."""
        webhook = access.fetch_webhook(self.actor, namespace, repository, webhook_id)
        rows = access.visible_deliveries(self.actor, webhook, filter_of(self.read_query(DeliveriesQuery)))
        pages = TagPages()
        found = pages.read(request, rows, by="-id", count=rows.order_by().count())
        return pages.answer(self.render(found.rows, DeliveryAnswer), {})


class DeliveryView(ApiView):
    def fetch(self, namespace: str, repository: str, webhook_id: int, delivery_id: str) -> Delivery:
        """The delivery of the path. Raises NotFound, also when another webhook made it."""
        return access.fetch_delivery(self.actor, namespace, repository, webhook_id, delivery_id)


class OneDelivery(DeliveryView):
    needs = {"GET": Permission.WEBHOOKS}

    @extend_schema(summary="Read a delivery", tags=TAGS, responses=DeliveryFull, examples=[examples.DELIVERY_FULL])
    def get(
        self, request: Request, namespace: str, webhook_id: int, delivery_id: str, repository: str = ""
    ) -> Response:
        """With what is sent and every attempt."""
        return Response(DeliveryFull(self.fetch(namespace, repository, webhook_id, delivery_id)).data)


class Redeliver(DeliveryView):
    needs = {"POST": Permission.WEBHOOKS}

    @extend_schema(summary="Deliver again", tags=TAGS, request=None, responses={202: DeliveryFull})
    def post(
        self, request: Request, namespace: str, webhook_id: int, delivery_id: str, repository: str = ""
    ) -> Response:
        """The same bytes, as a new delivery; one that waits is sent now instead."""
        again = actions.redeliver(actor=self.actor, delivery=self.fetch(namespace, repository, webhook_id, delivery_id))
        return Response(DeliveryFull(again).data, status=status.HTTP_202_ACCEPTED)
