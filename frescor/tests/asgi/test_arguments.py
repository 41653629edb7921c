"""Which arguments of an endpoint tell responses apart."""

import dataclasses
from collections.abc import Callable
from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from fastapi import BackgroundTasks, Cookie, Depends, Header, Path, Query, Request, Response, Security
from fastapi.security import OAuth2PasswordBearer, SecurityScopes
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from frescor import PolicyError
from frescor.asgi.arguments import REQUEST, RESPONSE, read_arguments


def of_url(page: int = 1) -> int:
    return page


def of_request(request: Request) -> object:
    return request


def of_header(x_shop: Annotated[str, Header()]) -> str:
    return x_shop


def within(shop: Annotated[str, Depends(of_header)]) -> str:
    return shop


class OfConnection:
    def __init__(self, connection: HTTPConnection) -> None: ...


class Headers(BaseModel):
    x_one: str = ""
    x_two: str = ""


token = OAuth2PasswordBearer("token")


def personal(user: object, who: object = Depends(of_request)) -> None: ...


async def endpoint(
    request: Request,
    response: Response,
    tasks: BackgroundTasks,
    scopes: SecurityScopes,
    number: Annotated[int, Path()],
    url: Annotated[int, Depends(of_url)],
    whole: Annotated[object, Depends(of_request)],
    nested: Annotated[str, Depends(within)],
    connection: Annotated[OfConnection, Depends()],
    bearer: Annotated[str, Security(token)],
    old: str = Depends(of_header),
    x_one: Annotated[str, Header()] = "",
    other: Annotated[str, Header(alias="X-Alias")] = "",
    plain: Annotated[str, Header(convert_underscores=False)] = "",
    headers: Annotated[Headers, Header()] = Headers(),  # noqa: B008 - FastAPI's way
    theme: Annotated[str, Cookie()] = "",
    q: Annotated[str, Query()] = "",
) -> None: ...


def test_what_is_in_the_address_or_for_the_framework_is_left_out_and_the_rest_counts() -> None:
    found = read_arguments(endpoint, {}, "page", public=False)
    assert (found.request, found.response) == ("request", "response")
    counted = {one.name: (one.headers, one.personal, one.optional) for one in found.counted}
    assert counted == {
        "url": ((), False, True),
        "whole": ((), True, False),
        "nested": ((), True, False),
        "connection": ((), True, False),
        "bearer": ((), True, False),
        "old": ((), True, False),
        "x_one": (("x-one",), False, False),
        "other": (("X-Alias",), False, False),
        "plain": (("plain",), False, False),
        "headers": (("x-one", "x-two"), False, False),
        "theme": (("Cookie",), True, False),
    }


def test_where_it_is_public_what_dependencies_take_from_the_request_is_left_out() -> None:
    names = {one.name for one in read_arguments(endpoint, {}, "page", public=True).counted}
    assert names == {"url", "x_one", "other", "plain", "headers", "theme"}


def test_a_framework_is_shown_a_request_and_a_response_where_the_endpoint_takes_none() -> None:
    def none(number: int, **others: object) -> None: ...

    shown = read_arguments(none, {}, "page", public=False).signature
    assert list(shown.parameters) == ["number", REQUEST, RESPONSE, "others"]
    assert set(read_arguments(endpoint, {}, "page", public=False).signature.parameters) & {REQUEST, RESPONSE} == set()


@dataclasses.dataclass(frozen=True)
class User:
    id: int


def identify(value: object, key: dict[str, Callable[[Any], object]] | None = None, to: Any = of_request) -> Any:
    def one(user: Annotated[object, Depends(to)]) -> None: ...

    return read_arguments(one, key or {}, "page", public=False).identify({"user": value})


def test_values_count_by_what_they_are_or_by_what_key_says() -> None:
    assert identify(User(1)) == identify(User(1)) != identify(User(2))
    assert identify(User(1)).personal
    by_id = {"user": lambda user: user.id}
    assert identify(User(1), by_id) == identify(User(1), by_id) != identify(User(2), by_id)


def test_what_has_no_identity_is_left_out_unless_it_may_say_who_asks() -> None:
    assert identify(object(), to=of_url).value == b""
    with pytest.raises(PolicyError, match=r"key={'user': lambda user: …}"):
        identify([object()], to=of_url)
    with pytest.raises(PolicyError, match=r"its argument user is a builtins\.object, which has no identity by value"):
        identify(object())


def test_rows_of_a_database_count_by_what_they_hold() -> None:
    with sa.create_engine("sqlite://").connect() as connection:

        def found(number: int) -> list[Any]:
            result = connection.execute(sa.text("SELECT :number AS a"), {"number": number})
            return [*result.mappings(), *connection.execute(sa.text("SELECT :number AS a"), {"number": number})]

        for one, same, other in zip(found(1), found(1), found(2), strict=True):
            assert identify(one, to=of_url) == identify(same, to=of_url) != identify(other, to=of_url)
            assert identify([one], to=of_url) == identify([same], to=of_url) != identify([other], to=of_url)


def test_what_cannot_be_read_is_refused_where_it_is_declared() -> None:
    def unreadable(one: "Missing") -> None: ...  # type: ignore[name-defined]  # noqa: F821 - that is the case

    with pytest.raises(PolicyError, match=r"an annotation of .* cannot be read"):
        read_arguments(unreadable, {}, "page", public=False)
    with pytest.raises(PolicyError, match="it has number"):
        read_arguments(lambda number: number, {"user": str}, "page", public=False)
