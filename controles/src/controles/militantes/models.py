"""Núcleos (local groups) and militantes (members)."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    Enum,
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

from controles.db import Base, BigId, Centavos, bytewise


class Situacao(StrEnum):
    """A militante's standing. Overdue is not one: it is derived from cotas."""

    ATIVO = "ativo"
    LICENCIADO = "licenciado"
    DESLIGADO = "desligado"


# Stored by value, as text with a CHECK: a database enum type cannot be altered inside a transaction everywhere.
SituacaoType = Enum(
    Situacao,
    native_enum=False,
    length=16,
    values_callable=lambda kind: [member.value for member in kind],
    create_constraint=True,
    name="situacao_valida",
)


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
        # The list sorts by name, its keyset continues at (nome_busca, id); a reader of a núcleo sees only theirs.
        Index("ix_militante_nome_busca_id", "nome_busca", "id"),
        Index("ix_militante_nucleo_id_nome_busca_id", "nucleo_id", "nome_busca", "id"),
        Index("ix_militante_data_filiacao_id", "data_filiacao", "id"),
        Index("ix_militante_situacao_nome_busca_id", "situacao", "nome_busca", "id"),
        Index("ix_militante_data_desligamento", "data_desligamento"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    matricula: Mapped[str] = mapped_column(String(20), unique=True)
    nome: Mapped[str] = mapped_column(String(160))
    nome_social: Mapped[str | None] = mapped_column(String(160))
    # The name that is shown, without accents, lower case: what a search compares.
    nome_busca: Mapped[str] = mapped_column(bytewise(160))
    # Encrypted, with a keyed digest beside it for look-up and uniqueness. The number itself is never stored.
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
    # What this militante's monthly cota is worth unless a generation says otherwise; centavos.
    valor_cota: Mapped[int] = mapped_column(Centavos, default=2000)
    versao: Mapped[int] = mapped_column(default=1)
    anonimizado_em: Mapped[dt.datetime | None]

    nucleo: Mapped[Nucleo | None] = relationship()

    # A write from a form that was opened before somebody else's write fails instead of overwriting it.
    __mapper_args__ = {"version_id_col": versao}  # noqa: RUF012

    @property
    def nome_exibido(self) -> str:
        """The name to show and to write: the nome social where there is one."""
        return self.nome_social or self.nome


class SituacaoHistorico(Base):
    __tablename__ = "situacao_historico"
    __table_args__ = (
        Index("ix_situacao_historico_militante_id_desde", "militante_id", "desde", "id"),
        # Who was ever on leave: few, and the panel's curve of past months needs only them.
        Index(
            "ix_situacao_historico_licenca",
            "militante_id",
            sqlite_where=text("situacao = 'licenciado'"),
            postgresql_where=text("situacao = 'licenciado'"),
        ),
        # The same of those who came back after they had left.
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
    # When a leave is expected to end; it ends when somebody says so.
    prevista_ate: Mapped[dt.date | None]
    # This row follows a desligamento: somebody joined again, or the desligamento was a mistake.
    volta: Mapped[bool] = mapped_column(default=False, server_default=false())


class ValorCota(Base):
    """What a militante's cota was worth before it changed: for the competências before `ate` and since the row before.

    Today's amount stands in the militante; here is only what does not hold any more, so spans never overlap.
    """

    __tablename__ = "valor_cota"
    __table_args__ = (
        UniqueConstraint("militante_id", "ate"),
        CheckConstraint("valor > 0", name="valor_positivo"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    militante_id: Mapped[int] = mapped_column(ForeignKey("militante.id"))
    # The first competência for which it no longer holds: a day 1.
    ate: Mapped[dt.date]
    valor: Mapped[int] = mapped_column(Centavos)
    isento: Mapped[bool]
