"""The forms for the organisation and its núcleos."""

from wtforms import BooleanField, HiddenField
from wtforms.validators import Length

from controles.organizacao.models import TipoEntidade
from controles.organizacao.records import DadosNucleo, DadosOrganizacao
from controles.organizacao.services import UFS
from controles.web.form_fields import ChipsField, ChoiceField, PageForm, TextField, at_most, choice, required

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
            versao=versao,
        )


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
