"""The form by which a list of receipts is uploaded."""

from enum import StrEnum

from wtforms import FileField
from wtforms.validators import ValidationError

from controles.recebimentos.records import NovaFolha
from controles.web.form_fields import ChipsField, DayField, MonthField, PageForm, TextField, at_most, choice, optional


class Tipo(StrEnum):
    FOLHA = "folha"
    RETORNO = "retorno"


class ListaForm(PageForm):
    """The file; for a payroll list, also whose it is, of which month, and when the money arrived."""

    tipo = ChipsField(
        "O que é",
        coerce=Tipo,
        choices=[
            choice(Tipo.FOLHA.value, "Folha de um empregador"),
            choice(Tipo.RETORNO.value, "Retorno de boletos (CNAB)"),
        ],
    )
    arquivo = FileField("Arquivo")
    empregador = TextField(
        "Empregador", [optional(), at_most(120)], render_kw={"list": "empregadores", "autocomplete": "off"}
    )
    competencia = MonthField("Competência", [optional()])
    dia = DayField("Dia em que o dinheiro entrou", [optional()])
    aliases = {"data": "dia"}  # noqa: RUF012

    def folha(self) -> NovaFolha:
        """What was typed about a payroll list; ValidationError names what is missing."""
        missing = []
        for field, message in (
            (self.empregador, "Escreva de que empregador é a folha."),
            (self.competencia, "Escreva o mês que a folha paga."),
            (self.dia, "Escreva o dia em que o dinheiro entrou."),
        ):
            if not field.data:
                field.errors = [*field.errors, message]
                missing.append(message)
        if missing:
            raise ValidationError(" ".join(missing))
        assert self.competencia.data is not None
        assert self.dia.data is not None
        return NovaFolha(empregador=self.empregador.data or "", competencia=self.competencia.data, data=self.dia.data)
