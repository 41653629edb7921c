"""Telephone numbers, e-mail addresses and amounts are found by index."""

import sqlalchemy as sa
from alembic import op

from controles.domain.contact import email_form, phone_form

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_AT_ONCE = 5000


def upgrade() -> None:
    for name, length in (("telefone_busca", 20), ("email_busca", 254)):
        bytewise = sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
        op.add_column("militante", sa.Column(name, bytewise, nullable=True))
    _fill(op.get_bind())
    op.create_index("ix_militante_telefone_busca", "militante", ["telefone_busca"])
    op.create_index("ix_militante_email_busca", "militante", ["email_busca"])
    op.create_index("ix_pagamento_valor_data_credito_id", "pagamento", ["valor", "data_credito", "id"])


def downgrade() -> None:
    op.drop_index("ix_pagamento_valor_data_credito_id", "pagamento")
    for name in ("telefone_busca", "email_busca"):
        op.drop_index(f"ix_militante_{name}", "militante")
        op.drop_column("militante", name)


def _fill(connection: sa.Connection) -> None:
    table = sa.table("militante", *map(sa.column, ("id", "telefone", "email", "telefone_busca", "email_busca")))
    write = (
        sa.update(table)
        .where(table.c.id == sa.bindparam("row"))
        .values(telefone_busca=sa.bindparam("phone"), email_busca=sa.bindparam("address"))
    )
    last = 0
    while True:
        wanted = sa.select(table.c.id, table.c.telefone, table.c.email).where(table.c.id > last)
        rows = connection.execute(wanted.order_by(table.c.id).limit(_AT_ONCE)).all()
        if not rows:
            return
        last = rows[-1].id
        values = [{"row": row.id, "phone": phone_form(row.telefone), "address": email_form(row.email)} for row in rows]
        connection.execute(write, values)
