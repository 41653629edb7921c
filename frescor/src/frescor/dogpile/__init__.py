"""dogpile.cache over Frescor: the backend `frescor`, and regions whose `get_or_create` is a Frescor load.

Use `make_region().configure("frescor", arguments={"cache": cache})`.
"""

from frescor._extras import extra

with extra("dogpile", "frescor.dogpile"):
    from frescor.dogpile.backend import FrescorBackend
    from frescor.dogpile.region import FrescorRegion, make_region

__all__ = ["FrescorBackend", "FrescorRegion", "make_region"]
