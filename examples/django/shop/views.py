from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.timezone import now
from django.views.decorators.cache import cache_page
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from shop.models import Order


@dataclass
class Sales:
    orders: int
    cents: int


@cache.frescor.cached(expire=300, key_prefix="sales", tags=("orders",))
def sales() -> Sales:
    """A slow query, in a real shop. Its tag is invalidated when an order is saved."""
    found = Order.objects.aggregate(orders=Count("id"), cents=Sum("cents", default=0))
    return Sales(found["orders"], found["cents"])


def show_sales(request: HttpRequest) -> HttpResponse:
    figures = sales()
    return JsonResponse({"orders": figures.orders, "cents": figures.cents, "runs": sales.cache_info().misses})


@csrf_exempt
@require_POST
def order(request: HttpRequest) -> HttpResponse:
    Order.objects.create(customer=request.POST["customer"], cents=int(request.POST["cents"]))
    return JsonResponse({"ok": True}, status=201)


@cache_page(60)
def terms(request: HttpRequest) -> HttpResponse:
    """Django's own decorator, over the same backend: by time alone."""
    return HttpResponse(f"Terms of sale. Made at {now():%H:%M:%S.%f}.\n", content_type="text/plain")


def visits(request: HttpRequest) -> HttpResponse:
    """Django's own calls: no visit is lost, whatever the number of processes."""
    cache.add("visits", 0, timeout=None)
    return JsonResponse({"visits": cache.incr("visits")})
