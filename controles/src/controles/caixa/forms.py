"""The forms for movements that are entered by hand."""

import datetime as dt
from types import MappingProxyType

from wtforms import FileField, HiddenField
from wtforms.validators import ValidationError

from controles.caixa.models import TipoLancamento
from controles.caixa.records import NovaDevolucao, NovoLancamento
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

TIPO_NAMES = {
    TipoLancamento.DESPESA: "Despesa",
    TipoLancamento.RECEITA: "Outra receita",
    TipoLancamento.TRANSFERENCIA: "Transferência",
    TipoLancamento.REPASSE_ENVIADO: "Repasse enviado",
    TipoLancamento.REPASSE_RECEBIDO: "Repasse recebido",
}

# `data` of a form already means all its values, so the field has another name.
_DAY = MappingProxyType({"data": "dia"})


class LancamentoForm(PageForm):
    """A movement; the page fills in the accounts and núcleos."""

    aliases = _DAY
    tipo = ChipsField(
        "O que foi", coerce=TipoLancamento, choices=[choice(kind.value, name) for kind, name in TIPO_NAMES.items()]
    )
    conta_id = ChoiceField("Conta", coerce=coerce_id)
    outra_conta_id = ChoiceField("Para a conta", coerce=coerce_id)
    valor = MoneyField("Valor", [required("Informe o valor.")])
    dia = DayField("Data", [required("Informe a data.")])
    categoria = TextField("Categoria", [required("Escreva o que foi."), at_most(80)], render_kw={"list": "categorias"})
    descricao = TextField("Descrição", [at_most(200)], render_kw={"autocomplete": "off"})
    nucleo_id = ChoiceField("Núcleo", coerce=coerce_id)
    arquivo = FileField("Comprovante")
    chave_idempotencia = HiddenField()

    def validate_valor(self, field: MoneyField) -> None:
        if field.data == 0:
            raise ValidationError("O valor precisa ser maior que zero.")

    def novo(self) -> NovoLancamento:
        """What was typed, as the service expects it; only valid after `validate()`."""
        assert self.valor.data is not None
        assert self.dia.data is not None
        return NovoLancamento(
            tipo=self.tipo.data,
            conta_id=self.conta_id.data or 0,
            outra_conta_id=self.outra_conta_id.data,
            data=self.dia.data,
            valor=self.valor.data,
            categoria=self.categoria.data or "",
            descricao=self.descricao.data or None,
            nucleo_id=self.nucleo_id.data,
            chave_idempotencia=self.chave_idempotencia.data or None,
        )


class DevolucaoForm(PageForm):
    """Money that is given back; the page fills in the accounts."""

    aliases = _DAY
    conta_id = ChoiceField("Sai da conta", coerce=coerce_id)
    valor = MoneyField("Valor devolvido", [required("Informe o valor.")])
    dia = DayField("Data da devolução", [required("Informe a data.")])
    descricao = TextField("Motivo", [required("Escreva por que foi devolvido."), at_most(200)])
    chave_idempotencia = HiddenField()

    def nova(self, *, militante_id: int | None = None, pagamento_id: int | None = None) -> NovaDevolucao:
        """What was typed, as the service expects it; only valid after `validate()`."""
        assert self.valor.data is not None
        assert self.dia.data is not None
        return NovaDevolucao(
            conta_id=self.conta_id.data or 0,
            data=self.dia.data,
            valor=self.valor.data,
            militante_id=militante_id,
            pagamento_id=pagamento_id,
            descricao=self.descricao.data or None,
            chave_idempotencia=self.chave_idempotencia.data or None,
        )


class EstornoLancamentoForm(PageForm):
    """The reversal of a movement: the reason, and the day."""

    aliases = _DAY
    motivo = TextField("Motivo do estorno", [required("Escreva o motivo do estorno."), at_most(200)])
    dia = DayField("Data do estorno", [required("Informe a data do estorno.")])

    def day(self) -> dt.date:
        """The day that was typed; only valid after `validate()`."""
        assert self.dia.data is not None
        return self.dia.data
