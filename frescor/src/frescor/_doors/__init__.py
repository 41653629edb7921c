"""The common part of Frescor's replacements for other libraries' caches. `flask_caching`, `cachelib`, `django` and
`dogpile` translate the calls of those libraries to `KeyValues`.

Imports the surface and the layers below it; no framework.
"""
