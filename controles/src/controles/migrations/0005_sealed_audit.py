"""The audit's seals, and triggers that refuse to change or remove what it holds."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEPT = "a auditoria so recebe linhas: nada nela e alterado nem retirado"
FORWARD = "a ponta da auditoria so anda para a frente"
SQLITE = (
    ("auditoria_fica_update", "BEFORE UPDATE ON auditoria", KEPT),
    ("auditoria_fica_delete", "BEFORE DELETE ON auditoria", KEPT),
    # INSERT OR REPLACE takes a row away without firing the trigger above.
    (
        "auditoria_fica_insert",
        "BEFORE INSERT ON auditoria WHEN EXISTS (SELECT 1 FROM auditoria "
        "WHERE id = NEW.id OR digest = NEW.digest OR digest_anterior = NEW.digest_anterior)",
        KEPT,
    ),
    (
        "auditoria_ponta_uma",
        "BEFORE INSERT ON auditoria_ponta WHEN EXISTS (SELECT 1 FROM auditoria_ponta)",
        KEPT,
    ),
    ("auditoria_ponta_fica", "BEFORE DELETE ON auditoria_ponta", KEPT),
    (
        "auditoria_ponta_anda",
        "BEFORE UPDATE ON auditoria_ponta WHEN NEW.ultimo_id <= OLD.ultimo_id OR NEW.id <> OLD.id",
        FORWARD,
    ),
)

POSTGRESQL = (
    f"""
    CREATE FUNCTION auditoria_fica() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{KEPT}' USING ERRCODE = 'insufficient_privilege'; END $$
    """,
    f"""
    CREATE FUNCTION auditoria_ponta_anda() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.ultimo_id <= OLD.ultimo_id OR NEW.id <> OLD.id THEN
            RAISE EXCEPTION '{FORWARD}' USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER auditoria_fica BEFORE UPDATE OR DELETE OR TRUNCATE ON auditoria
    FOR EACH STATEMENT EXECUTE FUNCTION auditoria_fica()
    """,
    """
    CREATE TRIGGER auditoria_ponta_fica BEFORE DELETE OR TRUNCATE ON auditoria_ponta
    FOR EACH STATEMENT EXECUTE FUNCTION auditoria_fica()
    """,
    """
    CREATE TRIGGER auditoria_ponta_anda BEFORE UPDATE ON auditoria_ponta
    FOR EACH ROW EXECUTE FUNCTION auditoria_ponta_anda()
    """,
)


def upgrade() -> None:
    op.add_column("auditoria", sa.Column("chave", sa.LargeBinary(length=4), nullable=True))
    op.add_column("auditoria", sa.Column("selo", sa.LargeBinary(length=32), nullable=True))
    if op.get_context().dialect.name == "sqlite":
        for name, when, why in SQLITE:
            op.execute(f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, '{why}'); END")
    else:
        for statement in POSTGRESQL:
            op.execute(statement)
