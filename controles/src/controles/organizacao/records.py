"""What the organisation is known by."""

from dataclasses import dataclass

from controles.organizacao.models import TipoEntidade


@dataclass(frozen=True, slots=True)
class DadosOrganizacao:
    """The organisation as its form shows it. `versao` 0 means that nobody has filled it in yet."""

    nome: str = ""
    tipo: TipoEntidade = TipoEntidade.ASSOCIACAO
    cnpj: str | None = None
    endereco: str | None = None
    municipio: str | None = None
    uf: str | None = None
    email: str | None = None
    telefone: str | None = None
    pix_chave: str | None = None
    cota_no_mes_da_filiacao: bool = True
    versao: int = 0


@dataclass(frozen=True, slots=True)
class LinhaNucleo:
    """One núcleo, with its number of present members."""

    id: int
    nome: str
    uf: str
    municipio: str
    ativo: bool
    membros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DadosNucleo:
    nome: str
    uf: str
    municipio: str
    ativo: bool = True
