"""Flask-Caching's tag `{% cache timeout, name, … %}`, rendered once for all who ask."""

from collections.abc import Callable
from typing import Any

from flask_caching import make_template_fragment_key
from flask_caching.jinja2ext import JINJA_CACHE_ATTR_NAME, CacheExtension
from jinja2 import Environment

from frescor.errors import CacheError
from frescor.flask_caching.backend import values_of
from frescor.flask_caching.call import policy_for, seconds_of
from frescor.flask_caching.responses import KEPT, from_kept, to_kept

if not hasattr(CacheExtension, "_cache"):
    raise CacheError(
        "this version of Flask-Caching has no CacheExtension._cache, which renders {% cache %}: "
        "pip install 'Flask-Caching>=2.3,<3', or a newer Frescor."
    )


class GuardedFragments(CacheExtension):
    """The tag with Flask-Caching's arguments: a timeout, or 'del'; a name; and what it varies on."""

    def _cache(self, timeout: Any, fragment_name: str, vary_on: list[str], caller: Callable[[], str]) -> Any:
        cache = getattr(self.environment, JINJA_CACHE_ATTR_NAME)
        backend = cache.backend
        if backend is None:
            return super()._cache(timeout, fragment_name, vary_on, caller)
        key = make_template_fragment_key(fragment_name, vary_on=vary_on)
        if timeout == "del":
            backend.delete(key)
            return caller()
        values = values_of(backend)
        policy = policy_for(values.prefix, seconds_of(backend.default_timeout if timeout is None else timeout))
        kept = values.cache.get_or_load(values.key(key), lambda: to_kept(caller()), policy, as_type=KEPT)
        return from_kept(kept)


def add_fragments(environment: Environment) -> None:
    """Replace Flask-Caching's own tag by this one in templates."""
    environment.extensions.pop(CacheExtension.identifier, None)
    environment.add_extension(GuardedFragments)
