"""The base of all pages' forms and their fields: Brazilian input, messages in Portuguese."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from wtforms import Field, Form, HiddenField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than the stubs
from wtforms.validators import InputRequired, Length, Optional, StopValidation, ValidationError
from wtforms.widgets import DateInput, ListWidget, RadioInput, TextInput

from controles.domain.domain_errors import Invalid
from controles.domain.money import format_brl, parse_brl

_WRITTEN_MONTH = re.compile(r"([0-9]{1,2})/([0-9]{4})")
_WRITTEN_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


class Required(InputRequired):
    """Requires something other than spaces; 0 is accepted."""

    def __call__(self, form: Any, field: Any) -> None:  # noqa: ARG002 - how WTForms calls it
        if not (field.raw_data and str(field.raw_data[0]).strip()):
            field.errors[:] = []
            raise StopValidation(self.message or "")


def required(message: str = "Preencha este campo.") -> Required:
    return Required(message)


def optional() -> Optional:
    return Optional(strip_whitespace=True)


def at_most(length: int) -> Length:
    return Length(max=length, message=f"Use no máximo {length} caracteres.")


def strip(value: str | None) -> str | None:
    """Text without surrounding spaces, and with single spaces inside."""
    return None if value is None else " ".join(value.split())


class TextField(StringField):
    """One line of text; `data` is tidied and never None."""

    def __init__(self, label: str, validators: Sequence[Any] = (), **options: Any) -> None:
        super().__init__(label, list(validators), filters=[strip], **options)


class MoneyField(Field):
    """An amount in reais; `data` is centavos, or None. Text that is not an amount is shown again as it was typed."""

    widget = TextInput()

    def __init__(self, label: str, validators: Sequence[Any] = (), **options: Any) -> None:
        render = {"inputmode": "decimal", "autocomplete": "off", **options.pop("render_kw", {})}
        super().__init__(label, list(validators), render_kw=render, **options)
        self.data: int | None = None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else format_brl(self.data).removeprefix("R$ ")

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        if valuelist and valuelist[0].strip():
            self.data = parse_brl(valuelist[0])


class DayField(Field):
    """A day. A browser sends aaaa-mm-dd; a person without a date picker may type dd/mm/aaaa."""

    widget = DateInput()

    def __init__(self, label: str, validators: Sequence[Any] = (), **options: Any) -> None:
        super().__init__(label, list(validators), **options)
        self.data: dt.date | None = None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else self.data.isoformat()

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        written = valuelist[0].strip() if valuelist else ""
        if written:
            self.data = parse_day(written)


class MonthField(Field):
    """A month, typed as mm/aaaa; `data` is its day 1, or None."""

    widget = TextInput()

    def __init__(self, label: str, validators: Sequence[Any] = (), **options: Any) -> None:
        render = {"inputmode": "numeric", "autocomplete": "off", "placeholder": "mm/aaaa"}
        super().__init__(label, list(validators), render_kw={**render, **options.pop("render_kw", {})}, **options)
        self.data: dt.date | None = None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{self.data:%m}/{self.data.year:04d}"

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        written = "".join(valuelist[0].split()) if valuelist else ""
        if not written:
            return
        match = _WRITTEN_MONTH.fullmatch(written)
        if match is None or not 1 <= int(match[1]) <= 12 or not int(match[2]):
            raise ValueError("Este mês não existe; escreva mês/ano, por exemplo 03/2026.")
        self.data = dt.date(int(match[2]), int(match[1]), 1)


def parse_day(written: str) -> dt.date:
    """The day in a text; ValueError, in Portuguese, if there is none."""
    match = _WRITTEN_DATE.fullmatch(written)
    try:
        if match:
            day, month, year = map(int, match.groups())
            return dt.date(year, month, day)
        return dt.date.fromisoformat(written)
    except ValueError:
        raise ValueError("Esta data não existe; escreva dia/mês/ano, por exemplo 05/11/2026.") from None


class ChoiceField(SelectField):
    """One of a list; a value that the page did not offer is an error in Portuguese."""

    def pre_validate(self, form: Any) -> None:
        try:
            super().pre_validate(form)
        except ValidationError:
            raise ValidationError("Escolha uma das opções da lista.") from None

    def process_formdata(self, valuelist: list[Any]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("Escolha uma das opções da lista.") from None


class ChipsField(ChoiceField):
    """A ChoiceField whose options are all visible: radio buttons."""

    widget = ListWidget(prefix_label=False)
    option_widget = RadioInput()


def choice(value: object, label: str) -> Any:
    """One option of a ChoiceField or a ChipsField."""
    return SelectChoice(str(value), label)


def coerce_id(value: Any) -> int | None:
    """A select's value as an id; None for the empty option."""
    return int(value) if value not in (None, "", "None") else None


class Change(Protocol):
    """Who changed a field last, and when; `autor_id` and `autor` None: no person did."""

    @property
    def autor_id(self) -> int | None: ...

    @property
    def autor(self) -> str | None: ...

    @property
    def quando(self) -> dt.datetime: ...


@dataclass(frozen=True, slots=True)
class Nota:
    """What is stored in a field by now, who wrote it, and whether its author has to choose between that and theirs."""

    gravado: str
    mudada: Change
    undecided: bool


class PageForm(Form):
    """A page's form. The CSRF token is checked for every POST of the application, before the view runs."""

    # The service's name of a value → the form's name, if they differ.
    aliases: Mapping[str, str] = {}

    def add_error(self, error: Invalid) -> None:
        """Show a service's refusal at its field, or at the top if the form has no such field."""
        field = self._fields.get(self.aliases.get(error.field, error.field))
        if field is None or isinstance(field, HiddenField):
            self.form_errors = [*self.form_errors, error.message]
        else:
            field.errors = [*field.errors, error.message]
