"""The panel's charts as SVG. Colours come from the stylesheet, by class, so charts follow the light or dark theme."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from controles.domain.money import format_brl
from controles.pagamentos.models import Metodo
from controles.painel.axes import MoneyUnit, Scale, compact_brl, money_unit, nice_ticks
from controles.painel.records import FaixaAtraso, MesMembros, MesMetodo, MesPrevistoRecebido
from controles.web.formatting import METODO_NAMES, MONTHS, competencia, integer

# The drawing's own units: one is about a pixel on a desktop, and two thirds of a pixel on a phone.
WIDTH = 480
LEFT = 44
RIGHT = 4
TOP = 24
BOTTOM = 196
HEIGHT = 236

FAIXA_NAMES = {"1": "1 mês", "2": "2 meses", "3-5": "3 a 5", "6-11": "6 a 11", "12+": "12 ou mais"}


@dataclass(frozen=True, slots=True)
class Part:
    """One series of a stacked column: its class in the stylesheet, and its name in the legend."""

    css: str
    name: str


RECEIVED_PARTS = (Part("f-received", "Recebido"), Part("f-waived", "Dispensado"), Part("f-open", "Em aberto"))


def expected_received(meses: Sequence[MesPrevistoRecebido]) -> Markup:
    """A column per competência, as high as the expected amount, divided into received, waived and open."""
    columns = [(mes.competencia, (mes.recebido, mes.dispensado, mes.aberto)) for mes in meses]
    tips = [
        f"{competencia(mes.competencia)}: previsto {format_brl(mes.previsto)}, recebido {format_brl(mes.recebido)}, "
        f"dispensado {format_brl(mes.dispensado)}, em aberto {format_brl(mes.aberto)}"
        for mes in meses
    ]
    desc = " ".join(tips[-1:]) or "Sem cotas no período."
    return _stacked("previsto", "Previsto e recebido por competência, 12 meses", desc, RECEIVED_PARTS, columns, tips)


def share_bar(recebido: int, dispensado: int, aberto: int) -> Markup:
    """The month's cotas as one bar: received, waived and open, as shares of the expected amount."""
    total = recebido + dispensado + aberto
    x = Scale(0, max(total, 1), 0, 100)
    out, start = ['<rect class="track" width="100" height="4"/>'], 0
    for part, value in zip(RECEIVED_PARTS, (recebido, dispensado, aberto), strict=True):
        if value:
            out.append(
                f'<rect class="{part.css}" x="{x(start):.2f}" width="{x(start + value) - x(start):.2f}" height="4"/>'
            )
        start += value
    return Markup(  # noqa: S704 - made of numbers and of this module's own words
        f'<svg class="share" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">{"".join(out)}</svg>'
    )


def legend_of(methods: Sequence[Metodo]) -> tuple[tuple[str, str], ...]:
    """Class and name of each method, for the legend."""
    return tuple((f"f-{metodo.value}", METODO_NAMES[metodo]) for metodo in methods)


def methods_shown(meses: Sequence[MesMetodo]) -> tuple[Metodo, ...]:
    """The methods with any payments, in the order of `Metodo`: only these need a colour in the legend."""
    used = {mes.metodo for mes in meses if mes.valor}
    return tuple(metodo for metodo in Metodo if metodo in used)


def months_of_cash(meses: Sequence[MesMetodo]) -> tuple[tuple[dt.date, dict[Metodo, int]], ...]:
    """The same figures month by month, oldest first."""
    months: dict[dt.date, dict[Metodo, int]] = {}
    for mes in meses:
        months.setdefault(mes.mes, {})[mes.metodo] = mes.valor
    return tuple(sorted(months.items()))


def cash_by_method(meses: Sequence[MesMetodo]) -> Markup:
    """A column per month of payment, divided by method; a month with more returned than received is below zero."""
    methods = methods_shown(meses)
    parts = tuple(Part(f"f-{metodo.value}", METODO_NAMES[metodo]) for metodo in methods)
    months = months_of_cash(meses)
    columns = [(mes, tuple(values.get(metodo, 0) for metodo in methods)) for mes, values in months]
    tips = [
        f"{competencia(mes)}: {format_brl(sum(values))}"
        + "".join(f", {part.name} {format_brl(value)}" for part, value in zip(parts, values, strict=True) if value)
        for mes, values in columns
    ]
    desc = " ".join(tips[-1:]) or "Sem pagamentos no período."
    return _stacked("caixa", "Recebido em caixa por mês e método, 12 meses", desc, parts, columns, tips)


def ageing(faixas: Sequence[FaixaAtraso]) -> Markup:
    """A bar per number of overdue months, as long as the amount, with the number of militantes beside it."""
    left, row = 92, 42
    largest = max((faixa.valor for faixa in faixas), default=0)
    scale = Scale(0, max(largest, 1), 0, WIDTH - left - 118)
    out = []
    for index, faixa in enumerate(faixas):
        y = 10 + index * row
        name = FAIXA_NAMES[faixa.faixa]
        width = scale(faixa.valor)
        people = f"{integer(faixa.militantes)} militante" + ("" if faixa.militantes == 1 else "s")
        out.append(
            f"<g><title>{name}: {people}, {format_brl(faixa.valor)}</title>"
            f'<text class="end" x="{left - 10}" y="{y + 21}">{name}</text>'
            f'<rect class="bar f-open" x="{left}" y="{y}" width="{width:.1f}" height="32" rx="3"/>'
            f'<text class="val" x="{left + width + 8:.1f}" y="{y + 14}">{compact_brl(faixa.valor)}</text>'
            f'<text x="{left + width + 8:.1f}" y="{y + 29}">{people}</text></g>'
        )
    out.append(f'<line class="zero" x1="{left}" y1="4" x2="{left}" y2="{len(faixas) * row + 4}"/>')
    total = sum(faixa.valor for faixa in faixas)
    desc = f"{format_brl(total)} vencidos, de {integer(sum(f.militantes for f in faixas))} militantes."
    return _svg("atraso", "Cotas vencidas por número de meses", desc, out, height=len(faixas) * row + 10)


def members_by_month(meses: Sequence[MesMembros]) -> Markup:
    """A line of active militantes; below it, joins and leaves of each month, up and down from zero."""
    if not meses:
        return _svg("membros", "Militantes por mês", "Sem dados no período.", [], height=HEIGHT)
    ativos = [mes.ativos for mes in meses]
    ticks = nice_ticks(min(ativos), max(ativos), count=3)
    y = Scale(ticks[0], ticks[-1], 118, TOP)
    x = _columns(len(meses))
    out = [_grid(tick, y(tick), integer(tick)) for tick in ticks]
    points = [(x(i + 0.5), y(mes.ativos)) for i, mes in enumerate(meses)]
    path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
    out.append(f'<polygon class="area" points="{points[0][0]:.1f},118 {path} {points[-1][0]:.1f},118"/>')
    out.append(f'<polyline class="line" points="{path}"/>')
    last_x, last_y = points[-1]
    out.append(f'<circle class="dot" cx="{last_x:.1f}" cy="{last_y:.1f}" r="4.5"/>')
    out.append(_flows(meses, x))
    out.extend(_month_labels([mes.mes for mes in meses], x))
    last = meses[-1]
    desc = (
        f"{competencia(last.mes)}: {integer(last.ativos)} ativos, {integer(last.adesoes)} adesões, "
        f"{integer(last.desligamentos)} desligamentos."
    )
    return _svg("membros", "Militantes ativos, adesões e desligamentos por mês", desc, out, height=HEIGHT)


def _flows(meses: Sequence[MesMembros], x: Scale) -> str:
    """Joins and leaves between the line and the month's name, with a transparent strip for the tooltip."""
    up = max(1, *(mes.adesoes for mes in meses))
    down = max(1, *(mes.desligamentos for mes in meses))
    flow = Scale(-down, up, BOTTOM - 2, 136)
    zero = flow(0)
    width = (x(1) - x(0)) * 0.62
    out = []
    for i, mes in enumerate(meses):
        left = x(i + 0.5) - width / 2
        top, bottom = flow(mes.adesoes), flow(-mes.desligamentos)
        out.append(
            f"<g><title>{competencia(mes.mes)}: {integer(mes.ativos)} ativos, {integer(mes.adesoes)} adesões, "
            f"{integer(mes.desligamentos)} desligamentos</title>"
            f'<rect class="hit" x="{x(i):.1f}" y="{TOP}" width="{x(1) - x(0):.1f}" height="{BOTTOM - TOP}"/>'
            f'<rect class="f-joined" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{zero - top:.1f}"/>'
            f'<rect class="f-left" x="{left:.1f}" y="{zero:.1f}" width="{width:.1f}" height="{bottom - zero:.1f}"/></g>'
        )
    out.append(f'<line class="zero" x1="{LEFT}" y1="{zero:.1f}" x2="{WIDTH - RIGHT}" y2="{zero:.1f}"/>')
    return "".join(out)


def _stacked(
    name: str,
    title: str,
    desc: str,
    parts: Sequence[Part],
    columns: Sequence[tuple[dt.date, tuple[int, ...]]],
    tips: Sequence[str],
) -> Markup:
    """Columns of stacked parts over months, on a money axis that always shows zero."""
    high = max((sum(v for v in values if v > 0) for _, values in columns), default=0)
    low = min((sum(v for v in values if v < 0) for _, values in columns), default=0)
    ticks = nice_ticks(min(low, 0), max(high, 100))
    unit = money_unit(max(ticks[-1], -ticks[0]))
    y = Scale(ticks[0], ticks[-1], BOTTOM, TOP)
    x = _columns(max(len(columns), 1))
    out = [_grid(tick, y(tick), unit.label(tick)) for tick in ticks]
    out.append(_unit_label(unit))
    for i, ((_, values), tip) in enumerate(zip(columns, tips, strict=True)):
        out.append(f"<g><title>{escape(tip)}</title>{_column(x, y, i, parts, values)}</g>")
    out.append(f'<line class="zero" x1="{LEFT}" y1="{y(0):.1f}" x2="{WIDTH - RIGHT}" y2="{y(0):.1f}"/>')
    out.extend(_month_labels([mes for mes, _ in columns], x))
    return _svg(name, title, desc, out, height=HEIGHT)


def _column(x: Scale, y: Scale, index: int, parts: Sequence[Part], values: Sequence[int]) -> str:
    width = (x(1) - x(0)) * 0.72
    left = x(index + 0.5) - width / 2
    out = [f'<rect class="hit" x="{x(index):.1f}" y="{TOP}" width="{x(1) - x(0):.1f}" height="{BOTTOM - TOP}"/>']
    above = below = 0
    for part, value in zip(parts, values, strict=True):
        if not value:
            continue
        base = above if value > 0 else below
        top, bottom = y(max(base, base + value)), y(min(base, base + value))
        out.append(
            f'<rect class="bar {part.css}" x="{left:.1f}" y="{top:.1f}" '
            f'width="{width:.1f}" height="{bottom - top:.1f}"/>'
        )
        if value > 0:
            above += value
        else:
            below += value
    return "".join(out)


def _columns(count: int) -> Scale:
    return Scale(0, count, LEFT, WIDTH - RIGHT)


def _grid(tick: int, y: float, label: str) -> str:
    return (
        f'<line class="{"grid" if tick else "zero"}" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        f'<text class="end" x="{LEFT - 7}" y="{y + 4:.1f}">{label}</text>'
    )


def _unit_label(unit: MoneyUnit) -> str:
    return f'<text x="0" y="10">{unit.name}</text>'


def _month_labels(months: Sequence[dt.date], x: Scale) -> list[str]:
    """Every month's name; the year below the first one and below each January."""
    out = []
    for i, mes in enumerate(months):
        center = x(i + 0.5)
        out.append(f'<text class="mid" x="{center:.1f}" y="{BOTTOM + 17}">{MONTHS[mes.month - 1]}</text>')
        # Two adjacent years would overlap.
        crowded = i == 0 and len(months) > 1 and months[1].month == 1
        if (i == 0 and not crowded) or (i > 0 and mes.month == 1):
            out.append(f'<text class="mid" x="{center:.1f}" y="{BOTTOM + 34}">{mes.year}</text>')
    return out


def _svg(name: str, title: str, desc: str, body: Sequence[str], *, height: int) -> Markup:
    return Markup(  # noqa: S704 - text is escaped, the rest are numbers
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="g-{name}-t g-{name}-d">'
        f'<title id="g-{name}-t">{escape(title)}</title><desc id="g-{name}-d">{escape(desc)}</desc>'
        f"{''.join(body)}</svg>"
    )
