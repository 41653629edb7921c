"""The Flask extensions that serve every application of a process, bound to one by `create_app`.

What keeps state for one application (Flask-Security, Flask-Limiter) is made there, one for each.
"""

from flask_alembic import Alembic
from flask_wtf.csrf import CSRFProtect

from controles.db import db
from controles.schema.tables import metadata

# The folder of migrations is part of the package, which may be read-only.
alembic = Alembic(metadatas=metadata, run_mkdir=False)
csrf = CSRFProtect()

__all__ = ["alembic", "csrf", "db"]
