"""What the caches of other libraries have in common, over Frescor: `flask_caching`, `cachelib` and `dogpile`
beside this folder are their own calls over `KeyValues`.

Imports the surface and what is below it; no framework.
"""
