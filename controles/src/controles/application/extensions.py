"""The Flask extensions that all applications of a process share; `create_app` binds them to one.

Extensions with state for one application (Flask-Security, Flask-Limiter) are created there, one for each.
"""

from flask_alembic import Alembic
from flask_wtf.csrf import CSRFProtect

from controles.db import db
from controles.schema.tables import metadata

# The migrations are part of the package, which may be read-only.
alembic = Alembic(metadatas=metadata, run_mkdir=False)
csrf = CSRFProtect()

__all__ = ["alembic", "csrf", "db"]
