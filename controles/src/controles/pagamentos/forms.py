"""The forms about a pagamento."""

import datetime as dt
from types import MappingProxyType

from wtforms import Form, HiddenField
from wtforms.validators import ValidationError

from controles.cotas.records import CotaAberta
from controles.domain import cpf
from controles.pagamentos.models import Metodo
from controles.pagamentos.services import NovoPagamento
from controles.web.form_fields import ChipsField, DayField, MoneyField, PageForm, TextField, at_most, choice, required
from controles.web.formatting import METODO_NAMES


def _real_cpf(_form: Form, field: TextField) -> None:
    if field.data:
        try:
            cpf.normalise(field.data)
        except ValueError as error:
            raise ValidationError(str(error)) from None


class PagamentoForm(PageForm):
    """One payment. Its key is part of every step, so that a form sent twice is written once."""

    valor = MoneyField("Valor recebido", [required("Informe o valor recebido.")])
    data_credito = DayField("Data do pagamento", [required("Informe a data do pagamento.")])
    metodo = ChipsField(
        "Método", coerce=Metodo, choices=[choice(metodo.value, METODO_NAMES[metodo]) for metodo in Metodo]
    )
    e2eid = TextField("Identificador do PIX", [at_most(32)], render_kw={"autocomplete": "off"})
    observacao = TextField("Observação", [at_most(200)], render_kw={"autocomplete": "off"})
    pagador_nome = TextField("Nome de quem pagou", [at_most(160)], render_kw={"autocomplete": "off"})
    pagador_cpf = TextField("CPF de quem pagou", [_real_cpf], render_kw={"inputmode": "numeric", "autocomplete": "off"})
    chave_idempotencia = HiddenField()

    def validate_valor(self, field: MoneyField) -> None:
        if field.data == 0:
            raise ValidationError("O valor precisa ser maior que zero.")

    def novo(self, militante_id: int | None, cota_ids: tuple[int, ...]) -> NovoPagamento:
        """What was typed, as the service expects it; only valid after `validate()`."""
        assert self.valor.data is not None
        assert self.data_credito.data is not None
        return NovoPagamento(
            militante_id=militante_id,
            data_credito=self.data_credito.data,
            valor=self.valor.data,
            metodo=self.metodo.data,
            chave_idempotencia=self.chave_idempotencia.data or None,
            e2eid=self.e2eid.data or None,
            observacao=self.observacao.data or None,
            pagador_nome=self.pagador_nome.data or None,
            pagador_cpf=self.pagador_cpf.data or None,
            cota_ids=cota_ids,
        )


class VariosForm(PageForm):
    """What the payments of several people have in common; the page reads their parts itself."""

    data_credito = DayField("Data do pagamento", [required("Informe a data do pagamento.")])
    metodo = ChipsField(
        "Método", coerce=Metodo, choices=[choice(metodo.value, METODO_NAMES[metodo]) for metodo in Metodo]
    )
    observacao = TextField("Observação", [at_most(200)], render_kw={"autocomplete": "off"})
    pagador_nome = TextField("Nome de quem pagou", [at_most(160)], render_kw={"autocomplete": "off"})
    pagador_cpf = TextField("CPF de quem pagou", [_real_cpf], render_kw={"inputmode": "numeric", "autocomplete": "off"})
    chave_idempotencia = HiddenField()

    def comum(self, *, ask_if_alike: bool) -> NovoPagamento:
        """What was typed, as the service expects it; only valid after `validate()`."""
        assert self.data_credito.data is not None
        chave = self.chave_idempotencia.data or None
        return NovoPagamento(
            militante_id=None,
            data_credito=self.data_credito.data,
            valor=0,
            metodo=self.metodo.data,
            chave_idempotencia=chave,
            grupo=chave,
            observacao=self.observacao.data or None,
            pagador_nome=self.pagador_nome.data or None,
            pagador_cpf=self.pagador_cpf.data or None,
            ask_if_alike=ask_if_alike,
        )


# Somebody who owes two years rarely pays all at once, and one ticked month too many would be paid by mistake.
MONTHS_TICKED = 3


def first_choice(cotas: tuple[CotaAberta, ...]) -> tuple[CotaAberta, ...]:
    """The months that are ticked when the form opens: the oldest overdue ones, else the next one due."""
    return tuple(cota for cota in cotas if cota.vencida)[:MONTHS_TICKED] or cotas[:1]


class EstornoForm(PageForm):
    """The reversal of a payment: the reason, and the day."""

    aliases = MappingProxyType({"data": "data_estorno"})

    motivo = TextField("Motivo do estorno", [required("Escreva o motivo do estorno."), at_most(200)])
    data_estorno = DayField("Data do estorno", [required("Informe a data do estorno.")])

    def day(self) -> dt.date:
        """The day that was typed; only valid after `validate()`."""
        assert self.data_estorno.data is not None
        return self.data_estorno.data
