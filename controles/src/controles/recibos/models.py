"""Recibos: the contents of each are stored when it is issued, so that they never change."""

import datetime as dt
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base, BigId, Centavos


class Recibo(Base):
    __tablename__ = "recibo"
    __table_args__ = (
        UniqueConstraint("ano", "numero"),
        CheckConstraint("numero > 0", name="numero_positivo"),
        CheckConstraint("(cancelado_em IS NULL) = (motivo IS NULL)", name="cancelado_tem_motivo"),
        # A payment has at most one valid receipt. After one was cancelled another may be issued.
        Index(
            "uq_recibo_pagamento_id",
            "pagamento_id",
            unique=True,
            sqlite_where=text("cancelado_em IS NULL"),
            postgresql_where=text("cancelado_em IS NULL"),
        ),
        Index("ix_recibo_pagamento_id", "pagamento_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ano: Mapped[int]
    numero: Mapped[int]
    pagamento_id: Mapped[int] = mapped_column(ForeignKey("pagamento.id"))
    valor: Mapped[int] = mapped_column(Centavos)
    # Typed by somebody who wants to check whether a receipt is genuine.
    codigo: Mapped[str] = mapped_column(String(16), unique=True)
    # What is printed, as known when it was issued; the CPF is separate, and encrypted as everywhere.
    conteudo: Mapped[dict[str, Any]] = mapped_column(JSON)
    cpf_cifrado: Mapped[bytes | None] = mapped_column(LargeBinary)
    emitido_em: Mapped[dt.datetime]
    emitido_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    cancelado_em: Mapped[dt.datetime | None]
    cancelado_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    motivo: Mapped[str | None] = mapped_column(String(200))
