# mypy: ignore-errors
"""dogpile.cache's published suites for backends and locks, on Frescor's: each on its plain regions and on ours."""

import os

import pytest
from dogpile.testing import fixtures
from dogpile.testing.fixtures import (
    _GenericBackendTestSuite,
    _GenericMutexTestSuite,
    _GenericSerializerTestSuite,
)

from frescor.dogpile import FrescorRegion


class _Settings:
    backend = "frescor"
    config_args = {  # noqa: RUF012 - as they declare it
        "arguments": {"url": os.environ["FRESCOR_JUDGE_URL"], "namespace": "test", "prefix": "suite"}
    }


class TestBackend(_Settings, _GenericBackendTestSuite):
    pass


class TestMutex(_Settings, _GenericMutexTestSuite):
    pass


class TestSerializer(_Settings, _GenericSerializerTestSuite, _GenericBackendTestSuite):
    pass


class _OurRegions:
    @pytest.fixture(autouse=True)
    def _region_class(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fixtures, "CacheRegion", FrescorRegion)


class TestRegion(_OurRegions, _Settings, _GenericBackendTestSuite):
    pass


class TestRegionMutex(_OurRegions, _Settings, _GenericMutexTestSuite):
    pass
