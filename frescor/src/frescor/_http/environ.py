"""A WSGI environment that notes which request headers are read from it."""

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

from frescor._http.storing import ANY_HEADER

_HEADER = "HTTP_"


class WatchedEnviron(dict[str, Any]):
    """Behaves like the environment that it is made from; values put into it stay in this copy."""

    def __init__(self, environ: dict[str, Any], noted: set[str]) -> None:
        super().__init__(environ)
        self._noted = noted

    def _note(self, key: object) -> None:
        if isinstance(key, str) and key.startswith(_HEADER):
            self._noted.add(key.removeprefix(_HEADER).replace("_", "-").lower())

    def __getitem__(self, key: str) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._note(key)
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        self._noted.add(ANY_HEADER)
        return super().__iter__()

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        self._noted.add(ANY_HEADER)
        return super().keys()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        self._noted.add(ANY_HEADER)
        return super().values()

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        self._noted.add(ANY_HEADER)
        return super().items()

    def copy(self) -> dict[str, Any]:
        self._noted.add(ANY_HEADER)
        return super().copy()

    def pop(self, key: str, *default: Any) -> Any:
        self._note(key)
        return super().pop(key, *default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        self._note(key)
        return super().setdefault(key, default)
