"""The forms about a militante."""

import datetime as dt
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from email_validator import EmailNotValidError, validate_email
from wtforms import BooleanField, HiddenField
from wtforms.validators import ValidationError

from controles.auditoria.changes import Mudada
from controles.domain import cpf
from controles.domain.money import format_brl
from controles.militantes.records import FichaMilitante, NucleoItem
from controles.militantes.services import DadosMilitante
from controles.web.form_fields import (
    ChoiceField,
    DayField,
    MoneyField,
    Nota,
    PageForm,
    TextField,
    at_most,
    choice,
    coerce_id,
    optional,
    required,
)
from controles.web.formatting import date, phone


class MilitanteForm(PageForm):
    """A militante's data. An empty CPF field leaves the stored number unchanged, which the page never shows."""

    nome = TextField("Nome completo", [required("Escreva o nome."), at_most(160)], render_kw={"autocomplete": "off"})
    nome_social = TextField("Nome social", [at_most(160)], render_kw={"autocomplete": "off"})
    matricula = TextField("Matrícula", [at_most(20)], render_kw={"autocomplete": "off"})
    cpf = TextField("CPF", render_kw={"inputmode": "numeric", "autocomplete": "off"})
    remover_cpf = BooleanField("Apagar o CPF cadastrado")
    nascimento = DayField("Nascimento")
    email = TextField("E-mail", [at_most(254)], render_kw={"type": "email", "autocomplete": "off"})
    telefone = TextField("Telefone", [at_most(20)], render_kw={"type": "tel", "autocomplete": "off"})
    nucleo_id = ChoiceField("Núcleo", coerce=coerce_id)
    data_filiacao = DayField("Data de filiação", [required("Informe a data de filiação.")])
    dia_vencimento = ChoiceField("Vence no dia", coerce=int, choices=[choice(day, str(day)) for day in range(1, 29)])
    valor_cota = MoneyField("Valor da cota mensal", [required("Informe o valor da cota, por exemplo 20,00.")])
    isento = BooleanField("Isento de cota")
    versao = HiddenField()

    def offer_nucleos(self, nucleos: Sequence[NucleoItem], *, none_too: bool) -> None:
        choices = [choice(nucleo.id, f"{nucleo.nome} · {nucleo.uf}") for nucleo in nucleos]
        self.nucleo_id.choices = [choice("", "Sem núcleo"), *choices] if none_too else choices

    def validate_cpf(self, field: TextField) -> None:
        if field.data and not cpf.is_valid(field.data):
            raise ValidationError("Este CPF não existe; confira os 11 números.")

    def validate_email(self, field: TextField) -> None:
        if not field.data:
            return
        try:
            validate_email(field.data, check_deliverability=False)
        except EmailNotValidError:
            raise ValidationError("Este e-mail não está completo; escreva como nome@exemplo.org.br.") from None

    def validate_valor_cota(self, field: MoneyField) -> None:
        if field.data == 0:
            raise ValidationError("O valor precisa ser maior que zero; para quem não paga, marque “Isento de cota”.")

    def dados(self) -> DadosMilitante:
        """What was typed, as the services expect it; only valid after `validate()`."""
        assert self.data_filiacao.data is not None
        assert self.valor_cota.data is not None
        return DadosMilitante(
            nome=self.nome.data or "",
            nome_social=self.nome_social.data or None,
            matricula=self.matricula.data or None,
            cpf="" if self.remover_cpf.data else self.cpf.data or None,
            nascimento=self.nascimento.data,
            email=self.email.data or None,
            telefone=self.telefone.data or None,
            nucleo_id=self.nucleo_id.data,
            data_filiacao=self.data_filiacao.data,
            dia_vencimento=self.dia_vencimento.data,
            isento=self.isento.data,
            valor_cota=self.valor_cota.data,
        )

    def merge(self, ficha: FichaMilitante, changed: Mapping[str, Mudada]) -> dict[str, Nota]:
        """Combine what was typed with what others changed since the form was opened; returns notes to show, by field.

        If only others changed a field, it gets their value. If both did, it keeps what was typed, and the user has to
        choose.
        """
        notes: dict[str, Nota] = {}
        for name, change in changed.items():
            if name not in (*_COMPARED, "cpf"):
                continue
            stored = getattr(ficha, name, None)
            mine = self[name].data or None
            shown = _shown(stored, ficha, name) if name != "cpf" else ficha.cpf_mascarado or "vazio"
            if name == "cpf":
                if mine or self.remover_cpf.data:
                    notes[name] = Nota(shown, change, undecided=True)
            elif mine == (stored or None):
                continue
            elif _as_audited(mine) == (change.antes or None):
                self[name].data = stored
                self[name].raw_data = None
                notes[name] = Nota(shown, change, undecided=False)
            else:
                notes[name] = Nota(shown, change, undecided=True)
        return notes

    def decide(self, ficha: FichaMilitante, decisions: Mapping[str, str]) -> None:
        """Use the stored value for fields where the user chose it; an error where nothing was chosen."""
        for name in decisions.get("a_decidir", "").split(","):
            if name not in (*_COMPARED, "cpf"):
                continue
            match decisions.get(f"fica_{name}"):
                case "gravado" if name == "cpf":
                    self.cpf.data, self.remover_cpf.data = "", False
                case "gravado":
                    self[name].data = getattr(ficha, name)
                case "meu":
                    pass
                case _:
                    self[name].errors = [*self[name].errors, "Escolha qual dos dois valores fica."]


def _as_audited(value: object) -> object:
    return value.isoformat() if isinstance(value, dt.date) else value


_COMPARED = (
    "nome",
    "nome_social",
    "matricula",
    "nascimento",
    "email",
    "telefone",
    "nucleo_id",
    "data_filiacao",
    "dia_vencimento",
    "valor_cota",
    "isento",
)


def _shown(value: object, ficha: FichaMilitante, name: str) -> str:
    if name == "nucleo_id":
        return ficha.nucleo or "sem núcleo"
    if name == "valor_cota":
        return format_brl(ficha.valor_cota)
    if name == "telefone":
        return phone(ficha.telefone)
    if isinstance(value, bool):
        return "sim" if value else "não"
    if isinstance(value, dt.date):
        return date(value)
    return str(value) if value not in (None, "") else "vazio"


class DesligamentoForm(PageForm):
    """The end of a membership: when and why. The reason is optional: nobody has to give one for leaving."""

    aliases = MappingProxyType({"data": "data_desligamento"})

    data_desligamento = DayField("Data do desligamento", [required("Informe a data.")])
    motivo = TextField("Motivo", [optional(), at_most(200)])
    versao = HiddenField()


class LicencaForm(PageForm):
    """A leave: from when, until when if that is known, and why."""

    aliases = MappingProxyType({"data": "dia"})

    dia = DayField("Primeiro dia da licença", [required("Informe a data.")])
    prevista_ate = DayField("Volta prevista")
    motivo = TextField("Motivo", [optional(), at_most(200)])
    versao = HiddenField()


class VoltaForm(PageForm):
    """A return from leave, or joining again: from when, and optionally why."""

    aliases = MappingProxyType({"data": "dia"})

    dia = DayField("Data", [required("Informe a data.")])
    motivo = TextField("Motivo", [optional(), at_most(200)])
    versao = HiddenField()


class DesfazerForm(PageForm):
    """Undoing a desligamento that was a mistake, with the reason."""

    motivo = TextField("O que houve", [required("Escreva o que houve."), at_most(150)])
    versao = HiddenField()
