"""Núcleos (local groups) and militantes (members)."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from controles.db import Base, BigId, Centavos, bytewise, stored_by_value


class Situacao(StrEnum):
    """A militante's standing. Whether cotas are overdue is not part of it: that is derived from the cotas."""

    ATIVO = "ativo"
    LICENCIADO = "licenciado"
    DESLIGADO = "desligado"


SituacaoType = stored_by_value(Situacao, "situacao_valida")


class Nucleo(Base):
    __tablename__ = "nucleo"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    nome: Mapped[str] = mapped_column(String(120), unique=True)
    uf: Mapped[str] = mapped_column(String(2), index=True)
    municipio: Mapped[str] = mapped_column(String(120))
    pai_id: Mapped[int | None] = mapped_column(ForeignKey("nucleo.id"), index=True)
    ativo: Mapped[bool] = mapped_column(default=True)

    pai: Mapped["Nucleo | None"] = relationship(remote_side="Nucleo.id")


class Militante(Base):
    __tablename__ = "militante"
    __table_args__ = (
        CheckConstraint("dia_vencimento BETWEEN 1 AND 28", name="dia_vencimento"),
        CheckConstraint("valor_cota > 0", name="valor_cota_positivo"),
        CheckConstraint("(situacao = 'desligado') = (data_desligamento IS NOT NULL)", name="desligado_tem_data"),
        CheckConstraint("data_desligamento IS NULL OR data_desligamento >= data_filiacao", name="datas_em_ordem"),
        # The list sorts by name, and its next page continues at (nome_busca, id); readers of a núcleo see only its
        # members.
        Index("ix_militante_nome_busca_id", "nome_busca", "id"),
        Index("ix_militante_nucleo_id_nome_busca_id", "nucleo_id", "nome_busca", "id"),
        Index("ix_militante_data_filiacao_id", "data_filiacao", "id"),
        Index("ix_militante_situacao_nome_busca_id", "situacao", "nome_busca", "id"),
        Index("ix_militante_data_desligamento", "data_desligamento"),
        Index("ix_militante_telefone_busca", "telefone_busca"),
        Index("ix_militante_email_busca", "email_busca"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    matricula: Mapped[str] = mapped_column(String(20), unique=True)
    nome: Mapped[str] = mapped_column(String(160))
    nome_social: Mapped[str | None] = mapped_column(String(160))
    # The name that is shown, without accents, in lower case, for searching.
    nome_busca: Mapped[str] = mapped_column(bytewise(160))
    # Encrypted, with a keyed digest for look-up and uniqueness. The number itself is never stored.
    cpf_cifrado: Mapped[bytes | None] = mapped_column(LargeBinary)
    cpf_hmac: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    nascimento: Mapped[dt.date | None]
    email: Mapped[str | None] = mapped_column(String(254))
    telefone: Mapped[str | None] = mapped_column(String(20))
    nucleo_id: Mapped[int | None] = mapped_column(ForeignKey("nucleo.id"))
    situacao: Mapped[Situacao] = mapped_column(SituacaoType, default=Situacao.ATIVO)
    data_filiacao: Mapped[dt.date]
    data_desligamento: Mapped[dt.date | None]
    dia_vencimento: Mapped[int] = mapped_column(default=10)
    isento: Mapped[bool] = mapped_column(default=False)
    # The usual amount of this militante's monthly cota, in centavos.
    valor_cota: Mapped[int] = mapped_column(Centavos, default=2000)
    versao: Mapped[int] = mapped_column(default=1)
    anonimizado_em: Mapped[dt.datetime | None]
    # Telephone and e-mail in the form in which they are looked up (`domain/contact.py`).
    telefone_busca: Mapped[str | None] = mapped_column(bytewise(20))
    email_busca: Mapped[str | None] = mapped_column(bytewise(254))

    nucleo: Mapped[Nucleo | None] = relationship()

    # A form that was opened before another write fails, instead of overwriting that write.
    __mapper_args__ = {"version_id_col": versao}  # noqa: RUF012

    @property
    def nome_exibido(self) -> str:
        """The name to show: the nome social if there is one."""
        return self.nome_social or self.nome


class SituacaoHistorico(Base):
    __tablename__ = "situacao_historico"
    __table_args__ = (
        Index("ix_situacao_historico_militante_id_desde", "militante_id", "desde", "id"),
        # Those who were ever on leave: few, and the panel's curve of past months needs only them.
        Index(
            "ix_situacao_historico_licenca",
            "militante_id",
            sqlite_where=text("situacao = 'licenciado'"),
            postgresql_where=text("situacao = 'licenciado'"),
        ),
        # The same for those who left and came back.
        Index(
            "ix_situacao_historico_volta",
            "militante_id",
            sqlite_where=text("volta"),
            postgresql_where=text("volta"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    militante_id: Mapped[int] = mapped_column(ForeignKey("militante.id"))
    situacao: Mapped[Situacao] = mapped_column(SituacaoType)
    desde: Mapped[dt.date]
    motivo: Mapped[str | None] = mapped_column(String(200))
    # When a leave is expected to end; it ends when somebody records that.
    prevista_ate: Mapped[dt.date | None]
    # Follows a desligamento: the person joined again, or the desligamento was a mistake.
    volta: Mapped[bool] = mapped_column(default=False, server_default=false())


class ValorCota(Base):
    """A militante's former cota amount: for the competências before `ate`, after those of the previous row.

    The present amount is stored in the militante. Here are only former ones, so their spans never overlap.
    """

    __tablename__ = "valor_cota"
    __table_args__ = (
        UniqueConstraint("militante_id", "ate"),
        CheckConstraint("valor > 0", name="valor_positivo"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    militante_id: Mapped[int] = mapped_column(ForeignKey("militante.id"))
    # The first competência for which it is no longer valid; a first day of a month.
    ate: Mapped[dt.date]
    valor: Mapped[int] = mapped_column(Centavos)
    isento: Mapped[bool]
