# mypy: ignore-errors
"""dogpile.cache's own tests of its regions and decorators, with Frescor's region, over Frescor in place of a mock."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import dogpile.cache
from dogpile.cache import region
from dogpile.cache.api import NO_VALUE
from dogpile.testing import fixtures

from frescor.dogpile import FrescorBackend, FrescorRegion, make_region

_numbers = itertools.count()


class MockBackend(FrescorBackend):
    """By the name that the tests give to their backend; each is a cache of its own, as theirs are."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        super().__init__({"url": "memory://", "namespace": f"suite-{next(_numbers)}"})
        self.arguments = arguments

    @property
    def _cache(self) -> "_Kept":
        return _Kept(self)


class _Kept(Mapping[str, Any]):
    """What it keeps, as the tests look at it."""

    def __init__(self, backend: MockBackend) -> None:
        self._backend = backend

    def __getitem__(self, key: str) -> Any:
        value = self._backend.get(key)
        if value is NO_VALUE:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return (unquote(info.key.partition(":")[2]) for info in self._backend.frescor.list_keys())

    def __len__(self) -> int:
        return sum(1 for _ in self)


fixtures.MockBackend = MockBackend
for module in (dogpile.cache, region, fixtures):
    module.CacheRegion = FrescorRegion
    module.make_region = make_region
