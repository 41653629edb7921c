"""The organisation itself, in one row: its data for printing and receiving money, and its rules."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, Integer, LargeBinary, String, text, true
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base, Centavos, stored_by_value


class TipoEntidade(StrEnum):
    ASSOCIACAO = "associacao"
    SINDICATO = "sindicato"
    PARTIDO = "partido"


class Organizacao(Base):
    __tablename__ = "organizacao"
    __table_args__ = (
        CheckConstraint("id = 1", name="uma_linha"),
        CheckConstraint("valor_cota > 0", name="valor_cota_positivo"),
        CheckConstraint("dia_vencimento BETWEEN 1 AND 28", name="dia_vencimento"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    nome: Mapped[str] = mapped_column(String(160))
    tipo: Mapped[TipoEntidade] = mapped_column(
        stored_by_value(TipoEntidade, "tipo_valido"),
        default=TipoEntidade.ASSOCIACAO,
    )
    # Fourteen characters; since July 2026 a CNPJ may contain letters.
    cnpj: Mapped[str | None] = mapped_column(String(14))
    endereco: Mapped[str | None] = mapped_column(String(200))
    municipio: Mapped[str | None] = mapped_column(String(120))
    uf: Mapped[str | None] = mapped_column(String(2))
    email: Mapped[str | None] = mapped_column(String(254))
    telefone: Mapped[str | None] = mapped_column(String(20))
    pix_chave: Mapped[str | None] = mapped_column(String(77))
    # Whether people who join up to the due day owe the cota of that month; otherwise their first one is the next
    # month's.
    cota_no_mes_da_filiacao: Mapped[bool] = mapped_column(default=True, server_default=true())
    versao: Mapped[int] = mapped_column(default=1)
    # The month, by its day 1, with which the accounts here begin; what was owed before is one balance.
    inicio: Mapped[dt.date | None]
    # What a new militante's monthly cota is worth, and when it falls due, unless somebody says otherwise; centavos.
    valor_cota: Mapped[int] = mapped_column(Centavos, default=2000, server_default="2000")
    dia_vencimento: Mapped[int] = mapped_column(default=10, server_default="10")
    # The first steps that are not needed here, by their names, with commas between them.
    passos_pulados: Mapped[str] = mapped_column(String(200), default="", server_default=text("''"))

    __mapper_args__ = {"version_id_col": versao}  # noqa: RUF012


class OrganizacaoLogo(Base):
    """The picture that stands on what is printed; one row, or none."""

    __tablename__ = "organizacao_logo"
    __table_args__ = (CheckConstraint("id = 1", name="uma_linha"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    tipo: Mapped[str] = mapped_column(String(40))
    conteudo: Mapped[bytes] = mapped_column(LargeBinary)
    enviado_em: Mapped[dt.datetime]
