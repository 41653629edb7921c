"""The charts: what they show, that they are well formed, and that they carry no style of their own."""

import datetime as dt
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controles.domain.periods import last_months
from controles.pagamentos.models import Metodo
from controles.painel import charts
from controles.painel.records import FaixaAtraso, MesMembros, MesMetodo, MesPrevistoRecebido

MONTHS = last_months(dt.date(2026, 3, 17))


def drawn(svg: str) -> ElementTree.Element:
    """The SVG as a browser reads it, inside HTML: without a namespace of its own."""
    return ElementTree.fromstring(svg)


def heights(svg: str, css: str) -> list[float]:
    return [float(rect.get("height", "0")) for rect in drawn(svg).iter("rect") if rect.get("class", "").endswith(css)]


def previsto(recebido: int = 600, dispensado: int = 0, aberto: int = 400) -> tuple[MesPrevistoRecebido, ...]:
    total = recebido + dispensado + aberto
    return tuple(MesPrevistoRecebido(month, total, recebido, dispensado, aberto) for month in MONTHS)


ALL = {
    "expected_received": charts.expected_received(previsto()),
    "cash_by_method": charts.cash_by_method([MesMetodo(month, Metodo.PIX, 500) for month in MONTHS]),
    "ageing": charts.ageing([FaixaAtraso(name, 2, 500) for name in charts.FAIXA_NAMES]),
    "members_by_month": charts.members_by_month([MesMembros(month, 100, 3, 1) for month in MONTHS]),
    "share_bar": charts.share_bar(600, 100, 300),
}
EMPTY = {
    "expected_received": charts.expected_received(previsto(0, 0, 0)),
    "cash_by_method": charts.cash_by_method([]),
    "ageing": charts.ageing([FaixaAtraso(name, 0, 0) for name in charts.FAIXA_NAMES]),
    "members_by_month": charts.members_by_month([]),
    "share_bar": charts.share_bar(0, 0, 0),
}


@pytest.mark.parametrize("svg", [*ALL.values(), *EMPTY.values()], ids=[*ALL, *(f"{name} empty" for name in EMPTY)])
def test_a_chart_is_well_formed_and_styled_by_classes_alone(svg: str) -> None:
    drawn(svg)
    assert "style=" not in svg
    assert not re.search(r'(fill|stroke)="', svg)
    assert "nan" not in svg


@pytest.mark.parametrize("name", [name for name in ALL if name != "share_bar"])
def test_a_chart_is_named_and_described_for_who_cannot_see_it(name: str) -> None:
    root = drawn(ALL[name])
    title, desc = root.find("title"), root.find("desc")
    assert root.get("role") == "img"
    assert title is not None
    assert desc is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert title.text
    assert desc.text


def test_no_two_charts_of_the_page_share_an_id() -> None:
    ids = re.findall(r' id="([^"]+)"', "".join(ALL.values()))
    assert len(ids) == len(set(ids)) == 8


def test_the_parts_of_a_column_are_as_high_as_their_amounts() -> None:
    svg = charts.expected_received(previsto(600_00, 100_00, 300_00))
    received, waived, still_open = (heights(svg, css)[0] for css in ("f-received", "f-waived", "f-open"))
    assert received == pytest.approx(6 * waived, abs=0.5)
    assert still_open == pytest.approx(3 * waived, abs=0.5)
    assert len(heights(svg, "f-received")) == 12


def test_a_month_that_gave_back_more_than_it_took_stands_below_zero() -> None:
    cash = [MesMetodo(month, Metodo.PIX, 500_00) for month in MONTHS[:-1]]
    svg = charts.cash_by_method([*cash, MesMetodo(MONTHS[-1], Metodo.PIX, -200_00)])
    tops = [float(rect.get("y", "0")) for rect in drawn(svg).iter("rect") if rect.get("class") == "bar f-pix"]
    assert tops[-1] > max(tops[:-1])
    assert "-R$ 200,00" in svg


def test_only_methods_that_moved_money_are_shown() -> None:
    cash = [MesMetodo(MONTHS[0], Metodo.DINHEIRO, 0), MesMetodo(MONTHS[0], Metodo.PIX, 100)]
    assert charts.methods_shown(cash) == (Metodo.PIX,)
    assert charts.legend_of([Metodo.PIX]) == (("f-pix", "PIX"),)


def test_cash_is_grouped_by_month_oldest_first() -> None:
    cash = [MesMetodo(MONTHS[1], Metodo.PIX, 2), MesMetodo(MONTHS[0], Metodo.PIX, 1)]
    assert charts.months_of_cash(cash) == ((MONTHS[0], {Metodo.PIX: 1}), (MONTHS[1], {Metodo.PIX: 2}))


def test_the_tip_of_a_month_has_its_exact_amounts() -> None:
    assert "mar/2026: previsto R$ 10,00, recebido R$ 6,00" in charts.expected_received(previsto())


def test_years_stand_below_january_and_never_side_by_side() -> None:
    january_second = last_months(dt.date(2026, 12, 1))
    svg = charts.members_by_month([MesMembros(month, 10, 1, 0) for month in january_second])
    assert [text.text for text in drawn(svg).iter("text") if (text.text or "").startswith("20")] == ["2026"]
    one_after = [MesMembros(month, 10, 1, 0) for month in last_months(dt.date(2026, 11, 1))]
    years = [text.text for text in drawn(charts.members_by_month(one_after)).iter("text")]
    assert "2025" not in years
    later = [MesMembros(month, 10, 1, 0) for month in MONTHS]
    years = [text.text for text in drawn(charts.members_by_month(later)).iter("text")]
    assert years.count("2025") == years.count("2026") == 1


def test_the_longest_ageing_bar_leaves_room_for_its_label() -> None:
    svg = charts.ageing([FaixaAtraso("1", 3, 999_999_99), FaixaAtraso("12+", 1, 100)])
    widths = [float(rect.get("width", "0")) for rect in drawn(svg).iter("rect")]
    assert max(widths) + 92 + 118 <= charts.WIDTH + 0.1


def test_the_share_bar_is_full_when_there_is_anything_to_share() -> None:
    rects = list(drawn(charts.share_bar(1, 1, 1)).iter("rect"))[1:]
    assert sum(float(rect.get("width", "0")) for rect in rects) == pytest.approx(100, abs=0.1)


@given(st.lists(st.tuples(*[st.integers(-(10**11), 10**11)] * 3), min_size=12, max_size=12))
def test_every_column_stays_inside_the_drawing(amounts: list[tuple[int, int, int]]) -> None:
    methods = (Metodo.PIX, Metodo.DINHEIRO, Metodo.BOLETO)
    cash = [
        MesMetodo(month, metodo, valor)
        for month, values in zip(MONTHS, amounts, strict=True)
        for metodo, valor in zip(methods, values, strict=True)
    ]
    for rect in drawn(charts.cash_by_method(cash)).iter("rect"):
        y, height = float(rect.get("y", "0")), float(rect.get("height", "0"))
        assert height >= 0
        assert y >= charts.TOP - 0.1
        assert y + height <= charts.BOTTOM + 0.1


def test_no_other_style_sheet_changes_the_size_of_what_a_chart_draws() -> None:
    """In a browser a rule for `.bar` is one for the chart's bars too, whose width is a number of their own."""
    folder = Path(charts.__file__).parents[1] / "static" / "css"
    classes = set(re.findall(r"\.chart \.(\w+)", (folder / "charts.css").read_text("utf-8")))
    assert {"bar", "hit", "line"} <= classes
    for sheet in folder.glob("*.css"):
        selectors = re.findall(r"(?:^|[,}]\s*)(\.\w+)\s*\{[^}]*\b(?:width|height):", sheet.read_text("utf-8"), re.M)
        assert {name.removeprefix(".") for name in selectors} & classes == set(), sheet.name
