"""The organisation itself, in one row: its data for printing and receiving money, and its rules."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Enum, Integer, String, true
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base


class TipoEntidade(StrEnum):
    ASSOCIACAO = "associacao"
    SINDICATO = "sindicato"
    PARTIDO = "partido"


class Organizacao(Base):
    __tablename__ = "organizacao"
    __table_args__ = (CheckConstraint("id = 1", name="uma_linha"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    nome: Mapped[str] = mapped_column(String(160))
    tipo: Mapped[TipoEntidade] = mapped_column(
        Enum(
            TipoEntidade,
            native_enum=False,
            length=16,
            values_callable=lambda kind: [member.value for member in kind],
            create_constraint=True,
            name="tipo_valido",
        ),
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

    __mapper_args__ = {"version_id_col": versao}  # noqa: RUF012
