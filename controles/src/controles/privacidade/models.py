"""Solicitações: what people ask about their own data, and how it was answered."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base, BigId, stored_by_value

# The requests that wait for an answer: few rows, however long the register.
OPEN = "concluida_em IS NULL"


class TipoSolicitacao(StrEnum):
    """What is asked for: the rights of art. 18 of the LGPD that a register of members can meet."""

    ACESSO = "acesso"
    CORRECAO = "correcao"
    ANONIMIZACAO = "anonimizacao"
    OPOSICAO = "oposicao"
    INFORMACAO = "informacao"


class SolicitacaoTitular(Base):
    __tablename__ = "solicitacao_titular"
    __table_args__ = (
        CheckConstraint("(concluida_em IS NULL) = (resposta IS NULL)", name="concluida_tem_resposta"),
        CheckConstraint("(concluida_em IS NULL) = (atendida IS NULL)", name="concluida_tem_resultado"),
        CheckConstraint("prazo >= recebida_em", name="prazo_depois"),
        Index("ix_solicitacao_titular_aberta", "prazo", "id", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    tipo: Mapped[TipoSolicitacao] = mapped_column(stored_by_value(TipoSolicitacao, "tipo_valido"))
    # Empty if whoever asks is not registered here.
    militante_id: Mapped[int | None] = mapped_column(ForeignKey("militante.id"), index=True)
    # Who asked, as they gave their name.
    nome: Mapped[str] = mapped_column(String(160))
    pedido: Mapped[str | None] = mapped_column(String(500))
    recebida_em: Mapped[dt.date]
    # The last day for an answer.
    prazo: Mapped[dt.date]
    registrada_em: Mapped[dt.datetime]
    registrada_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    concluida_em: Mapped[dt.datetime | None]
    concluida_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    # Whether the request was granted; if not, the answer has the reason.
    atendida: Mapped[bool | None]
    resposta: Mapped[str | None] = mapped_column(String(500))
