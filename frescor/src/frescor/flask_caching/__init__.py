"""Flask-Caching's interface over Frescor: import `Cache` from here instead of from `flask_caching`.

With only `CACHE_TYPE = "frescor.flask_caching.FrescorCache"`, Flask-Caching itself stays, and keeps its values in
Frescor.
"""

from frescor._extras import extra

with extra("flask-caching", "frescor.flask_caching"):
    from flask_caching import CachedResponse, make_template_fragment_key

    from frescor.flask_caching.backend import FrescorCache
    from frescor.flask_caching.cache import Cache

__all__ = ["Cache", "CachedResponse", "FrescorCache", "make_template_fragment_key"]
