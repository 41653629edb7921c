"""What the queries about the audit return."""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltroAuditoria:
    """Which rows to list; an empty text or None means no condition. `acao` "conta" also finds "conta.entrar"."""

    acao: str = ""
    tabela: str = ""
    registro_id: int | None = None
    usuario_id: int | None = None
    de: dt.date | None = None
    ate: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampoMudado:
    """One field before and after, as text; None where it was not recorded."""

    nome: str
    antes: str | None
    depois: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinhaAuditoria:
    """One row of the audit. `usuario`: None if nobody was logged in, or if the application itself did it."""

    id: int
    quando: dt.datetime
    usuario: str | None
    acao: str
    tabela: str | None
    registro_id: int | None
    campos: tuple[CampoMudado, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaginaAuditoria:
    linhas: tuple[LinhaAuditoria, ...]
    proximo: str | None
    anterior: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opcoes:
    """The choices of the filters: actions, tables and people that occur in the audit."""

    acoes: tuple[str, ...]
    tabelas: tuple[str, ...]
    usuarios: tuple[tuple[int, str], ...]
