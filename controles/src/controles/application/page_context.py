"""Functions for every template: the address of a static file, and whether the reader may do something."""

import hashlib
from functools import cache, lru_cache
from pathlib import Path

from flask import Flask, request, url_for

from controles.contas.permissions import Permission, allowed
from controles.formularios.page import owner_mark


def init_app(app: Flask) -> None:
    """Give the templates of `app` the functions `asset()`, `pode()`, and `quem()`, which marks for whom a form was
    made."""
    folder = Path(app.static_folder or "")

    @cache
    def version(filename: str) -> str:
        return hashlib.sha256((folder / filename).read_bytes()).hexdigest()[:10]

    # A page names about twenty files, so addresses are cached, for each root path that a proxy may add.
    @lru_cache(maxsize=512)
    def address(script_root: str, filename: str) -> str:  # noqa: ARG001 - url_for reads the root from the request
        # The address contains a digest, so a browser can keep the file forever and still gets a new version at once.
        return url_for("static", filename=filename, v=version(filename))

    def asset(filename: str) -> str:
        return address(request.script_root, filename)

    def pode(permission: str) -> bool:
        return allowed(Permission[permission])

    app.jinja_env.globals.update(asset=asset, pode=pode, quem=owner_mark)
