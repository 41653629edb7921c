"""The forms about accounts and statements."""

from wtforms import BooleanField, FileField, HiddenField

from controles.banco.amounts import parse_signed
from controles.banco.models import Destino, Finalidade, TipoConta
from controles.banco.records import DadosConta
from controles.domain.money import format_brl
from controles.web.form_fields import (
    ChipsField,
    ChoiceField,
    DayField,
    MoneyField,
    PageForm,
    TextField,
    at_most,
    choice,
    coerce_id,
    required,
)

TIPO_NAMES = {TipoConta.CORRENTE: "Conta corrente", TipoConta.POUPANCA: "Poupança", TipoConta.CAIXA: "Caixa (dinheiro)"}
FINALIDADE_NAMES = {
    Finalidade.GERAL: "Geral",
    Finalidade.OUTROS_RECURSOS: "Outros Recursos (partido)",
    Finalidade.FUNDO_PARTIDARIO: "Fundo Partidário",
    Finalidade.CAMPANHA: "Campanha",
}
DESTINO_NAMES = {Destino.DESPESA: "Despesa", Destino.TRANSFERENCIA: "Transferência", Destino.OUTRO: "Outro"}


class SignedMoneyField(MoneyField):
    """An amount that may be negative, because an account can be overdrawn."""

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else format_brl(self.data).replace("R$ ", "")

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = None
        if valuelist and valuelist[0].strip():
            self.data = parse_signed(valuelist[0])


class ContaForm(PageForm):
    """An account."""

    nome = TextField("Nome", [required("Escreva como a conta é chamada."), at_most(80)])
    tipo = ChipsField("Tipo", coerce=TipoConta, choices=[choice(kind.value, name) for kind, name in TIPO_NAMES.items()])
    finalidade = ChoiceField(
        "Finalidade",
        coerce=Finalidade,
        choices=[choice(kind.value, name) for kind, name in FINALIDADE_NAMES.items()],
    )
    banco = TextField("Número do banco", [at_most(10)])
    agencia = TextField("Agência", [at_most(20)])
    numero = TextField("Número da conta", [at_most(30)])
    saldo_inicial = SignedMoneyField("Saldo no começo", [required("Escreva o saldo; 0,00 se não havia nada.")])
    inicio = DayField("A contabilidade começa em", [required("Escreva o dia.")])
    ativa = BooleanField("Em uso")
    versao = HiddenField()

    def dados(self, versao: int) -> DadosConta:
        """What was typed, as the service expects it; only valid after `validate()`."""
        assert self.inicio.data is not None
        return DadosConta(
            nome=self.nome.data or "",
            tipo=self.tipo.data,
            finalidade=self.finalidade.data,
            banco=self.banco.data or None,
            agencia=self.agencia.data or None,
            numero=self.numero.data or None,
            saldo_inicial=self.saldo_inicial.data or 0,
            inicio=self.inicio.data,
            ativa=self.ativa.data,
            versao=versao,
        )


class ExtratoForm(PageForm):
    """A statement to import; the page fills in the accounts."""

    conta_id = ChoiceField("Conta", coerce=coerce_id)
    arquivo = FileField("Arquivo")


class MarcaForm(PageForm):
    """The kind of a line that is not a payment."""

    destino = ChipsField(
        "O que foi", coerce=Destino, choices=[choice(kind.value, name) for kind, name in DESTINO_NAMES.items()]
    )
    categoria = TextField("Categoria", [required("Escreva o que foi, por exemplo tarifa do banco."), at_most(80)])
    outra_conta_id = ChoiceField("Outra conta", coerce=coerce_id)
    nucleo_id = ChoiceField("Núcleo", coerce=coerce_id)
