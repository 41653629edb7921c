"""Why a value cannot be cached, and what to write instead."""

import types

from frescor._values.records import is_mapped, is_record, state_of

_LIBRARIES = {
    "numpy": "of numpy's own types, arrays (numpy.ndarray itself) and scalars can be cached. Return numpy.asarray of "
    "it; of a masked array, its data and its mask.",
    "pandas": "of pandas' types, DataFrame and Series can be cached. Return one of these, such as index.to_series(); "
    "for a Timestamp or Timedelta, its to_pydatetime() or to_pytimedelta().",
    "polars": "of polars' types, DataFrame and Series can be cached. Return a LazyFrame's collect().",
}
_RESPONSES = frozenset(
    {"werkzeug.sansio.response.Response", "starlette.responses.Response", "django.http.response.HttpResponseBase"}
)


def why_not(value: object) -> str:
    """The reason, for a value of a type without an encoding."""
    kind = type(value)
    if is_mapped(kind) or state_of(value) is not None:
        return (
            "an ORM object belongs to its session and would be shared, detached and stale. Return a frozen dataclass "
            "with the columns that are needed: [UserRow(user.id, user.name) for user in users], or rows_as(UserRow) of "
            "frescor.sqlalchemy with the result of a query. Or declare the function with detached=True, so that "
            "callers get copies of the columns and of the relationships that were loaded."
        )
    if kind.__module__.startswith("sqlalchemy."):
        return "a SQLAlchemy result belongs to its query. Make it a tuple or a dataclass."
    if any(f"{base.__module__}.{base.__qualname__}" in _RESPONSES for base in kind.__mro__):
        return (
            "whole responses have a cache of their own, which keeps status, headers and body, and never one that sets "
            "a cookie: @cache.view(…) of frescor.flask, @cached_view(…) of frescor.asgi, CachingMiddleware of "
            "frescor.asgi and frescor.wsgi. Or return from this function what the response is made of."
        )
    if hasattr(value, "__next__") or isinstance(value, types.CoroutineType):
        return "it can be read only once. Return a list or a tuple of its items."
    if is_record(kind):
        return only_annotated(kind)
    library = _LIBRARIES.get(kind.__module__.partition(".")[0])
    if library is not None:
        return library
    for base in (str, int, float, bytes, list, dict, tuple, set):
        if isinstance(value, base):
            return (
                f"it is a subclass of {base.__name__} and would be returned as a plain one. Convert it first, or give "
                "it a codec: frescor.register_codec."
            )
    return (
        "no encoding is known for its type. Supported: builtins, date and time, Decimal, UUID, paths, IP addresses, "
        "numpy's arrays, and the dataclasses, Structs, named tuples, Enums, attrs classes, Pydantic models and frames "
        "of the return annotation. For a type of your own: frescor.register_codec(the type, encode, decode)."
    )


def only_annotated(kind: type) -> str:
    """The reason, for a class that the annotation does not name."""
    return (
        f"it can only be decoded to a class that the return annotation names. Annotate the function with "
        f"-> {kind.__qualname__} (or a type that contains it); a plain get/set takes builtins only, or as_type=."
    )
