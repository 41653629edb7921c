"""The forms for the organisation and its núcleos."""

import datetime as dt
from collections.abc import Mapping

from wtforms import BooleanField, HiddenField
from wtforms.validators import Length

from controles.auditoria.changes import Mudada
from controles.domain.money import format_brl
from controles.organizacao.models import TipoEntidade
from controles.organizacao.records import DadosNucleo, DadosOrganizacao
from controles.organizacao.services import UFS
from controles.web.form_fields import (
    ChipsField,
    ChoiceField,
    MoneyField,
    MonthField,
    Nota,
    PageForm,
    TextField,
    at_most,
    choice,
    required,
)

TIPO_NAMES = {
    TipoEntidade.ASSOCIACAO: "Associação",
    TipoEntidade.SINDICATO: "Sindicato",
    TipoEntidade.PARTIDO: "Partido",
}
_NO_UF = choice("", "Escolha")


class OrganizacaoForm(PageForm):
    """The organisation's data, its PIX key, and its rule for the month of joining."""

    nome = TextField("Nome", [required("Escreva o nome."), at_most(160)])
    tipo = ChipsField(
        "Tipo", coerce=TipoEntidade, choices=[choice(tipo.value, name) for tipo, name in TIPO_NAMES.items()]
    )
    cnpj = TextField("CNPJ", [at_most(18)])
    endereco = TextField("Endereço", [at_most(200)])
    municipio = TextField("Município", [at_most(120)])
    uf = ChoiceField("Estado", choices=[_NO_UF, *(choice(uf, uf) for uf in UFS)])
    email = TextField("E-mail", [at_most(254)], render_kw={"type": "email"})
    telefone = TextField("Telefone", [at_most(20)], render_kw={"type": "tel"})
    pix_chave = TextField("Chave PIX", [Length(max=77, message="Uma chave PIX tem até 77 caracteres.")])
    inicio = MonthField("A contabilidade começa em")
    valor_cota = MoneyField("Cota mensal de quem é novo", [required("Escreva o valor, por exemplo 20,00.")])
    dia_vencimento = ChoiceField("Vence no dia", coerce=int, choices=[choice(day, str(day)) for day in range(1, 29)])
    cota_no_mes_da_filiacao = BooleanField("Quem se filia até o dia do vencimento já deve a cota do mês")
    versao = HiddenField()

    def dados(self, versao: int) -> DadosOrganizacao:
        """What was typed, as the service expects it; only valid after `validate()`."""
        return DadosOrganizacao(
            nome=self.nome.data or "",
            tipo=self.tipo.data,
            cnpj=self.cnpj.data or None,
            endereco=self.endereco.data or None,
            municipio=self.municipio.data or None,
            uf=self.uf.data or None,
            email=self.email.data or None,
            telefone=self.telefone.data or None,
            pix_chave=self.pix_chave.data or None,
            cota_no_mes_da_filiacao=self.cota_no_mes_da_filiacao.data,
            inicio=self.inicio.data,
            valor_cota=self.valor_cota.data or 0,
            dia_vencimento=self.dia_vencimento.data,
            versao=versao,
        )

    def merge(self, stored: DadosOrganizacao, changed: Mapping[str, Mudada]) -> dict[str, Nota]:
        """Lay what was typed over what others changed since the page was opened; what has to be said, by field.

        A field that only they changed takes their value. One that both changed keeps what was typed, and asks.
        """
        notes: dict[str, Nota] = {}
        for name, change in changed.items():
            if name not in self._fields or name == "versao":
                continue
            there, mine = getattr(stored, name), self[name].data
            if (mine or None) == (there or None):
                continue
            typed = mine.isoformat() if isinstance(mine, dt.date) else mine
            alone = (typed or None) == (change.antes or None)
            if alone:
                self[name].data, self[name].raw_data = there, None
            notes[name] = Nota(self._shown(name, there), change, undecided=not alone)
        return notes

    def decide(self, stored: DadosOrganizacao, decisions: Mapping[str, str]) -> None:
        """Take what is stored for the fields where its author chose it; an error where nothing was chosen."""
        for name in decisions.get("a_decidir", "").split(","):
            if name not in self._fields or name == "versao":
                continue
            match decisions.get(f"fica_{name}"):
                case "gravado":
                    self[name].data = getattr(stored, name)
                case "meu":
                    pass
                case _:
                    self[name].errors = [*self[name].errors, "Escolha qual dos dois valores fica."]

    @staticmethod
    def _shown(name: str, value: object) -> str:
        if isinstance(value, TipoEntidade):
            return TIPO_NAMES[value]
        if isinstance(value, bool):
            return "sim" if value else "não"
        if isinstance(value, dt.date):
            return f"{value:%m/%Y}"
        if name == "valor_cota" and isinstance(value, int):
            return format_brl(value)
        return str(value) if value not in (None, "") else "vazio"


class NucleoForm(PageForm):
    """A núcleo."""

    nome = TextField("Nome", [required("Escreva o nome."), at_most(120)])
    municipio = TextField("Município", [required("Escreva o município."), at_most(120)])
    uf = ChoiceField("Estado", choices=[_NO_UF, *(choice(uf, uf) for uf in UFS)])
    ativo = BooleanField("Recebe militantes novos")

    def dados(self) -> DadosNucleo:
        """What was typed, as the service expects it; only valid after `validate()`."""
        return DadosNucleo(
            nome=self.nome.data or "",
            uf=self.uf.data or "",
            municipio=self.municipio.data or "",
            ativo=self.ativo.data,
        )
