"""Flask-Caching's own calls over Frescor: in place of `from flask_caching import Cache`, import it from here.

`CACHE_TYPE = "frescor.flask_caching.FrescorCache"` alone keeps Flask-Caching as it is and its values in Frescor.
"""

from frescor._extras import extra

with extra("flask-caching", "frescor.flask_caching"):
    from flask_caching import CachedResponse, make_template_fragment_key

    from frescor.flask_caching.backend import FrescorCache
    from frescor.flask_caching.cache import Cache

__all__ = ["Cache", "CachedResponse", "FrescorCache", "make_template_fragment_key"]
