"""Turns what an endpoint returned into the response that its framework would make of it.

FastAPI renders a value as its route declares; a Response is passed on unchanged. This module does the same with public
parts of FastAPI and Pydantic, because the whole response is stored, and not the value.
"""

import functools
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from frescor.errors import PolicyError


def rendered(result: object, request: Request, given: Response | None) -> Response:
    """The response to a request. given: the response to which the endpoint may have written status and headers."""
    if isinstance(result, Response):
        return result
    route = request.scope.get("route")
    if given is None or not hasattr(route, "response_model"):
        raise PolicyError(
            f"the endpoint of {request.url.path} returned a {type(result).__qualname__}, which is no response. Under "
            "Starlette return a Response; under FastAPI let cached_view stand below the route's decorator."
        )
    return _of_fastapi(result, route, given)


def _of_fastapi(result: object, route: Any, given: Response) -> Response:
    declared = route.response_class
    response_class = getattr(declared, "value", declared)
    status = given.status_code or route.status_code
    arguments: dict[str, Any] = {} if status is None else {"status_code": status}
    if route.response_model is None:
        from fastapi.encoders import jsonable_encoder

        response: Response = response_class(jsonable_encoder(result), **arguments)
    else:
        adapter = _adapter(route)
        value = _validated(adapter, result)
        options = {
            "include": route.response_model_include,
            "exclude": route.response_model_exclude,
            "by_alias": route.response_model_by_alias,
            "exclude_unset": route.response_model_exclude_unset,
            "exclude_defaults": route.response_model_exclude_defaults,
            "exclude_none": route.response_model_exclude_none,
        }
        if declared is not response_class and issubclass(response_class, JSONResponse):
            # No response class was chosen, so FastAPI lets Pydantic write the JSON.
            body = adapter.dump_json(value, **options)
            response = Response(body, media_type="application/json", **arguments)
        else:
            response = response_class(adapter.dump_python(value, mode="json", **options), **arguments)
    if response.status_code < 200 or response.status_code in (204, 205, 304):
        response.body = b""
    return response


def _adapter(route: Any) -> Any:
    return _adapter_of(_ById(route))


class _ById:
    """A route as a key: routes of two applications may be equal, and their attributes may be unhashable."""

    def __init__(self, route: Any) -> None:
        self.route = route

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and self.route is other.route

    def __hash__(self) -> int:
        return id(self.route)


@functools.lru_cache(maxsize=1024)
def _adapter_of(route: _ById) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(route.route.response_model)


def _validated(adapter: Any, result: object) -> Any:
    from fastapi.exceptions import ResponseValidationError
    from pydantic import ValidationError

    try:
        return adapter.validate_python(result, from_attributes=True)
    except ValidationError as error:
        errors = [{**one, "loc": ("response", *one["loc"])} for one in error.errors(include_url=False)]
        raise ResponseValidationError(errors=errors, body=result) from error
