"""What is changed about users and logins by SQL, from outside of the application, is noticed at once."""

from alembic import op

from frescor.sqlalchemy import install_triggers

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    install_triggers(op.get_bind(), ["usuario", "sessao"])
