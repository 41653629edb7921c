"""A cached endpoint's response is the one that FastAPI makes without a cache: status, headers and bytes."""

import dataclasses
import datetime as dt
import decimal
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from asgi_client import get
from fastapi import APIRouter, FastAPI, Query, Response
from fastapi.exceptions import ResponseValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, computed_field
from starlette.applications import Starlette
from starlette.routing import Route

from frescor import Cache, Policy, PolicyError
from frescor.asgi import cached_view

POLICY = Policy(name="page", expire=300, jitter=0)


class Item(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    number: int = Field(alias="itemNumber", default=7)
    name: str | None = None
    price: decimal.Decimal = decimal.Decimal("1.50")
    at: dt.datetime = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)

    @computed_field  # type: ignore[prop-decorator]  # as Pydantic's manual has it
    @property
    def double(self) -> int:
        return self.number * 2


class Secret(Item):
    password: str = "x"


@dataclasses.dataclass
class Point:
    x: int
    y: float = 1e16


class Row:
    itemNumber = 3  # noqa: N815 - as the model has it
    name, price, at = "row", decimal.Decimal(2), dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def item() -> Item:
    return Item(itemNumber=1, name="é")


def secret() -> Item:
    return Secret()


def row() -> Any:
    return Row()


def items() -> list[Item]:
    return [Item(), Secret()]


def optional() -> Item | None:
    return None


def point() -> Point:
    return Point(1)


def untyped(q: Annotated[str, Query()] = "é"):  # type: ignore[no-untyped-def]  # FastAPI renders it otherwise
    return {"q": q, "at": dt.date(2026, 1, 2), "set": {1}}


def text() -> str:
    return "<b>é</b>"


def own() -> Response:
    return PlainTextResponse("own", 202, headers={"X-Own": "1"})


def empty() -> None:
    return None


def with_status(response: Response) -> int:
    response.status_code = 201
    response.headers["X-One"] = "1"
    response.headers.append("Link", "a")
    response.headers.append("Link", "b")
    return 1


@pytest.mark.parametrize(
    ("endpoint", "route"),
    [
        (item, {}),
        (item, {"response_model_by_alias": False}),
        (item, {"response_model_exclude": {"price", "at"}}),
        (item, {"response_model_include": {"name"}}),
        (secret, {"response_model_exclude_unset": True}),
        (secret, {"response_model_exclude_defaults": True}),
        (optional, {"response_model_exclude_none": True}),
        (row, {"response_model": Item}),
        (items, {}),
        (optional, {}),
        (point, {}),
        (point, {"response_class": JSONResponse}),
        (untyped, {}),
        (untyped, {"response_model": dict[str, Any]}),
        (text, {"response_class": HTMLResponse}),
        (text, {"response_class": PlainTextResponse}),
        (text, {"response_model": None}),
        (own, {}),
        (empty, {}),
        (empty, {"status_code": 204}),
        (item, {"status_code": 201}),
        (with_status, {}),
        (text, {"response_class": RedirectResponse}),
    ],
)
def test_a_response_is_that_of_the_endpoint_without_a_cache(
    endpoint: Callable[..., Any], route: dict[str, Any]
) -> None:
    with Cache.from_url("memory://", "test") as cache:
        view = cached_view(POLICY, cache=cache, statuses=range(200, 400))(endpoint)
        app, router = FastAPI(), APIRouter(prefix="/routed")
        app.get("/plain", **route)(endpoint)
        app.get("/cached", **route)(view)
        router.get("/cached", **route)(view)
        app.include_router(router)
        for path in ("/cached", "/cached", "/routed/cached"):
            plain, cached = get(app, "/plain"), get(app, path)
            assert (cached.status_code, cached.content) == (plain.status_code, plain.content)
            added = {"cache-control", "etag", "age", "content-length"}
            assert [one for one in cached.headers.multi_items() if one[0] not in added] == [
                one for one in plain.headers.multi_items() if one[0] not in added
            ]
            assert cached.headers["content-length"] == str(len(plain.content))


def test_a_value_that_is_not_as_declared_raises_what_fastapi_raises() -> None:
    def wrong() -> Any:
        return {"itemNumber": "no number"}

    with Cache.from_url("memory://", "test") as cache:
        app = FastAPI()
        app.get("/", response_model=Item)(cached_view(POLICY, cache=cache)(wrong))
        with pytest.raises(ResponseValidationError) as raised:
            get(app, "/")
        assert raised.value.errors()[0]["loc"] == ("response", "itemNumber")


def test_a_value_that_is_no_response_is_refused_where_no_route_says_how_to_render_it() -> None:
    def wrong(request: object) -> Any:
        del request
        return {"a": 1}

    with Cache.from_url("memory://", "test") as cache:
        app = Starlette(routes=[Route("/", cached_view(POLICY, cache=cache)(wrong))])
        with pytest.raises(PolicyError, match="Under Starlette return a Response"):
            get(app, "/")
