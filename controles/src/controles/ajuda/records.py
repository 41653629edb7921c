"""What help consists of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Termo:
    """A word that a page explains beside it, in one or two sentences."""

    chave: str
    nome: str
    texto: str


@dataclass(frozen=True, slots=True)
class Pergunta:
    """How something is done; `endpoint` is the page on which it is done, shown to whoever may open that page."""

    titulo: str
    texto: str
    endpoint: str | None = None
    rotulo: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    """One page of help: for the pages of these blueprints."""

    chave: str
    titulo: str
    resumo: str
    blueprints: tuple[str, ...]
    perguntas: tuple[Pergunta, ...]
    termos: tuple[Termo, ...] = ()
