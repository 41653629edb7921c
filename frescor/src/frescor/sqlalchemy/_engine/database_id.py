"""Which database an engine leads to."""

import hashlib
from pathlib import Path

import sqlalchemy as sa

from frescor._calls.canonical import canonical


def database_id(engine: sa.Engine, name: str) -> str:
    """What identifies a database within a namespace: the name under which it is tracked, and a digest of its address. A
    database reached by two addresses counts as two. A process knows only one of them, so nothing can be replayed
    then."""
    url = engine.url
    path = str(Path(url.database or "").absolute()) if engine.dialect.name == "sqlite" else url.database
    place = canonical((engine.dialect.name, url.host, url.port, path, str(url.query.get("host", ""))))
    return f"{name}@{hashlib.blake2b(place, digest_size=6).hexdigest()}"
