"""What Frescor needs beside its own dependencies for one purpose, and the sentence where it is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

# By the extra, what it installs: as it is imported, and as it is called.
_PACKAGES = {
    "sqlalchemy": {"sqlalchemy": "SQLAlchemy", "sqlglot": "sqlglot", "greenlet": "greenlet"},
    "flask": {"flask": "Flask", "werkzeug": "Werkzeug"},
    "flask-caching": {"flask_caching": "Flask-Caching", "cachelib": "cachelib", "flask": "Flask"},
    "cachelib": {"cachelib": "cachelib"},
    "django": {"django": "Django"},
    "dogpile": {"dogpile": "dogpile.cache"},
    "sealing": {"cryptography": "cryptography"},
    "cli": {"click": "click", "rich": "rich"},
}


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """Imports within it that fail for want of this extra raise ImportError with what to install for `what`."""
    try:
        yield
    except ImportError as error:
        packages = _PACKAGES[name]
        missing = (error.name or "").partition(".")[0]
        if missing not in packages:
            # SQLAlchemy says it in words alone.
            missing = next((package for package in packages if package in str(error) and error.name is None), "")
        if not missing:
            raise
        raise ImportError(
            f"{what} needs {packages[missing]}, which is not installed: pip install 'frescor[{name}]'", name=missing
        ) from error
