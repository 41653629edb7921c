"""Which database an engine leads to."""

import hashlib
from pathlib import Path

import sqlalchemy as sa

from frescor._calls.canonical import canonical


def database_id(engine: sa.Engine, name: str) -> str:
    """What tells a database from others in the namespace: the name under which it is tracked, and a digest of where it
    is. The same one reached by two ways counts as two, of which a process knows one: then nothing is replayed."""
    url = engine.url
    path = str(Path(url.database or "").absolute()) if engine.dialect.name == "sqlite" else url.database
    place = canonical((engine.dialect.name, url.host, url.port, path, str(url.query.get("host", ""))))
    return f"{name}@{hashlib.blake2b(place, digest_size=6).hexdigest()}"
