# mypy: ignore-errors
"""Django's tests of its cache calls and of its cache middleware, with Frescor's backend where they say Django's own."""

import datetime as dt
import os
import threading
import time
from typing import Any

import django
import time_machine
from django.conf import settings
from django.core.cache.backends import locmem
from django.test.utils import setup_databases, setup_test_environment

from frescor._doors.key_values import KeyValues
from frescor.django import KEPT, FrescorCache

# No copies: they expire by a clock that a test cannot move.
_OPTIONS = {"namespace": "test", "local": False}
_URL = os.environ["FRESCOR_JUDGE_URL"]
# As in the file of settings that these tests are published with.
settings.configure(
    CACHES={"default": {"BACKEND": "frescor.django.FrescorCache", "LOCATION": _URL, "OPTIONS": _OPTIONS}},
    DATABASES={name: {"ENGINE": "django.db.backends.sqlite3"} for name in ("default", "other")},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "cache"],
    LANGUAGE_CODE="en",
    ROOT_URLCONF="urls",
    SECRET_KEY="of these tests",
    SITE_ID=1,
    STATIC_URL="static/",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [], "APP_DIRS": True}],
    USE_TZ=False,
)


class LocMemCache(FrescorCache):
    """By the name that the tests give to the backend of theirs; each location is a cache by itself, as there."""

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        super().__init__(_URL, {**params, "OPTIONS": _OPTIONS})
        self._values = KeyValues(self.frescor, f"django-{name}", as_type=KEPT)


locmem.LocMemCache = LocMemCache
django.setup()
setup_test_environment()
setup_databases(0, interactive=False)

from cache import tests as theirs  # noqa: E402 - after the settings
from cache.tests import (  # noqa: E402, F401
    CacheHandlerTest,
    CacheHEADTest,
    CacheI18nTest,
    CacheMiddlewareTest,
    CacheUtils,
    CustomCacheKeyValidationTests,
    DefaultNonExpiringCacheKeyTests,
    PrefixedCacheI18nTest,
    PrefixedCacheUtils,
    TestWithTemplateResponse,
)
from django.test import TestCase, override_settings  # noqa: E402

# Where they would sleep until a value has expired, the clock goes forward.
_clock = time_machine.travel(dt.datetime.now(dt.UTC)).start()
_sleep = time.sleep
time.sleep = lambda seconds: (
    _clock.shift(seconds) if threading.current_thread() is threading.main_thread() else _sleep(seconds)
)

_CACHES = theirs.caches_setting_for_tests(BACKEND="frescor.django.FrescorCache", LOCATION=_URL)
for _cache in _CACHES.values():
    _cache["OPTIONS"] = {**_OPTIONS, **_cache.get("OPTIONS", {})}


@override_settings(CACHES=_CACHES)
class FrescorTests(theirs.BaseCacheTests, TestCase):
    """As theirs of Redis."""

    incr_decr_type_error = TypeError
