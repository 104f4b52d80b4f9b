"""Where receivers report: called by machines, which bring a signed address and nothing else."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from portal.kit.bodies import read_body
from portal.kit.errors import MoorageError
from repositories.webhooks import callbacks


@csrf_exempt
@never_cache
@require_POST
def callback(request: HttpRequest, namespace: str, name: str, signed: str) -> HttpResponse:
    """A build status of the tag that the delivery was about. Reads no cookie and no session. Seven queries.

    Answers what was kept, 400 with a sentence for what makes no sense, 404 for an address that we did not make and for
    a delivery, a webhook or a repository that is gone.
    """
    try:
        delivery = callbacks.fetch_reported(f"{namespace}/{name}", signed)
        body = read_body(request, limit=callbacks.MOST_BYTES)
        report = callbacks.read_report(body, request.headers.get("Content-Type", ""))
        if callbacks.is_ping(delivery):
            return JsonResponse({"message": _("This was a ping, so nothing is kept.")})
        status = callbacks.record_report(delivery, report)
    except MoorageError as error:
        return JsonResponse({"message": str(error.message)}, status=error.status)
    kept = {name: getattr(status, name) for name in ("tag", "digest", "context", "state", "description", "target_url")}
    return JsonResponse(kept)
