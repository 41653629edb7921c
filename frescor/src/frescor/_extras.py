"""Optional dependencies, and the error for one that is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

# For each extra, the packages that it installs: import name and distribution name.
_PACKAGES = {
    "sqlalchemy": {"sqlalchemy": "SQLAlchemy", "sqlglot": "sqlglot", "greenlet": "greenlet"},
    "flask": {"flask": "Flask", "werkzeug": "Werkzeug"},
    "asgi": {"starlette": "Starlette", "anyio": "anyio"},
    "flask-caching": {"flask_caching": "Flask-Caching", "cachelib": "cachelib", "flask": "Flask"},
    "cachelib": {"cachelib": "cachelib"},
    "django": {"django": "Django"},
    "dogpile": {"dogpile": "dogpile.cache"},
    "sealing": {"cryptography": "cryptography"},
    "cli": {"click": "click", "rich": "rich"},
}


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """Let imports within it that fail because this extra is missing raise ImportError, which says what to install."""
    try:
        yield
    except ImportError as error:
        packages = _PACKAGES[name]
        missing = (error.name or "").partition(".")[0]
        if missing not in packages:
            # SQLAlchemy's error has no module name, so its text is searched.
            missing = next((package for package in packages if package in str(error) and error.name is None), "")
        if not missing:
            raise
        raise ImportError(
            f"{what} needs {packages[missing]}, which is not installed: pip install 'frescor[{name}]'", name=missing
        ) from error
