"""The forms about assemblies."""

from types import MappingProxyType

from wtforms import IntegerField
from wtforms.validators import NumberRange

from controles.assembleias.models import Regra
from controles.assembleias.records import NovaAssembleia
from controles.web.form_fields import (
    ChipsField,
    ChoiceField,
    DayField,
    PageForm,
    TextField,
    at_most,
    choice,
    coerce_id,
    required,
)

REGRA_NAMES = {Regra.TODOS: "Todos os ativos", Regra.EM_DIA: "Só quem está em dia"}


class AssembleiaForm(PageForm):
    """An assembly; the núcleos are filled in by the page."""

    # A form's own `data` is all that it holds.
    aliases = MappingProxyType({"data": "dia"})
    nome = TextField("Nome", [required("Dê um nome à assembleia."), at_most(160)])
    dia = DayField("Data", [required("Informe a data da assembleia.")])
    nucleo_id = ChoiceField("Quem é convocado", coerce=coerce_id)
    regra = ChipsField(
        "Quem vota", coerce=Regra, choices=[choice(rule.value, name) for rule, name in REGRA_NAMES.items()]
    )
    meses_tolerados = IntegerField(
        "Cotas vencidas toleradas", [NumberRange(0, 60, "Escreva um número de 0 a 60.")], default=0
    )
    carencia_dias = IntegerField(
        "Carência em dias", [NumberRange(0, 3660, "Escreva um número de dias, de 0 a 3660.")], default=0
    )

    def nova(self) -> NovaAssembleia:
        """What was typed; only after `validate()`."""
        assert self.dia.data is not None
        return NovaAssembleia(
            nome=self.nome.data or "",
            data=self.dia.data,
            nucleo_id=self.nucleo_id.data,
            regra=self.regra.data,
            meses_tolerados=self.meses_tolerados.data or 0,
            carencia_dias=self.carencia_dias.data or 0,
        )


class CancelarForm(PageForm):
    """Why a roll is cancelled."""

    motivo = TextField("Motivo", [required("Escreva por que a lista é cancelada."), at_most(200)])
