"""Fields that read what Brazilians type, and keep it when it is wrong."""

import datetime as dt

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField

from controles.domain.domain_errors import Invalid
from controles.web.form_fields import (
    ChipsField,
    ChoiceField,
    DayField,
    MoneyField,
    PageForm,
    TextField,
    choice,
    coerce_id,
    required,
)


class Form(PageForm):
    nome = TextField("Nome", [required()])
    valor = MoneyField("Valor")
    dia = DayField("Dia")
    nucleo = ChoiceField("Núcleo", coerce=coerce_id, choices=[choice("", "Nenhum"), choice(1, "Centro")])
    cor = ChipsField("Cor", choices=[choice("a", "Azul"), choice("v", "Verde")], default="a")
    chave = HiddenField()


def sent(**values: str) -> Form:
    return Form(MultiDict({"nome": "Ana", "nucleo": "", "cor": "a", **values}))


def test_money_is_read_as_brazilians_write_it_and_shown_so() -> None:
    assert sent(valor="1.234,5").valor.data == 123450
    assert 'value="1.234,56"' in str(Form(None, valor=123456).valor())
    assert sent(valor=" ").valor.data is None


def test_what_is_no_amount_stays_as_it_was_typed() -> None:
    form = sent(valor="dez reais")
    assert not form.validate()
    assert "dez reais" in form.valor.errors[0]
    assert 'value="dez reais"' in str(form.valor())


@pytest.mark.parametrize("written", ["2026-03-05", "05/03/2026", "5/3/2026"])
def test_a_day_is_read_from_a_picker_and_from_a_keyboard(written: str) -> None:
    assert sent(dia=written).dia.data == dt.date(2026, 3, 5)


@pytest.mark.parametrize("written", ["31/02/2026", "2026-13-01", "ontem", "1/1/26"])
def test_a_day_that_does_not_exist_is_said_in_portuguese(written: str) -> None:
    form = sent(dia=written)
    assert not form.validate()
    assert form.dia.errors == ["Esta data não existe; escreva dia/mês/ano, por exemplo 05/11/2026."]
    assert f'value="{written}"' in str(form.dia())


@pytest.mark.parametrize(("field", "written"), [("nucleo", "2"), ("nucleo", "x"), ("cor", "z")])
def test_a_choice_that_was_not_offered_is_said_in_portuguese(field: str, written: str) -> None:
    form = sent(**{field: written})
    assert not form.validate()
    assert form[field].errors == ["Escolha uma das opções da lista."]


def test_the_empty_choice_is_none() -> None:
    assert sent(nucleo="").nucleo.data is None
    assert sent(nucleo="1").nucleo.data == 1


def test_text_is_tidied() -> None:
    assert sent(nome="  Ana   Souza ").nome.data == "Ana Souza"


@pytest.mark.parametrize("written", ["", "   "])
def test_a_required_field_left_empty_is_said_in_portuguese(written: str) -> None:
    form = sent(nome=written)
    assert not form.validate()
    assert form.nome.errors == ["Preencha este campo."]


def test_what_a_service_refuses_stands_at_its_field() -> None:
    form = sent()
    form.validate()
    form.add_error(Invalid("valor", "Alto demais."))
    assert form.valor.errors == ["Alto demais."]


@pytest.mark.parametrize("field", ["", "outro", "chave"])
def test_what_a_service_refuses_of_no_visible_field_stands_on_top(field: str) -> None:
    form = sent()
    form.validate()
    form.add_error(Invalid(field, "Não deu."))
    assert form.form_errors == ["Não deu."]
    assert Form().form_errors == []
