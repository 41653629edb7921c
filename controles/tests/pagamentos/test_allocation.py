"""The plan of an allocation, without a database."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from controles.cotas.records import CotaAberta
from controles.domain.periods import add_months
from controles.pagamentos.services import plan_allocation


def cota(number: int, valor: int, pago: int) -> CotaAberta:
    competencia = add_months(dt.date(2020, 1, 1), number)
    return CotaAberta(
        id=1000 - number,
        competencia=competencia,
        valor=valor,
        pago=pago,
        em_aberto=valor - pago,
        vencimento=competencia,
        vencida=True,
    )


some_cotas = st.lists(
    st.tuples(st.integers(1, 10_000), st.integers(0, 10_000)).filter(lambda pair: pair[1] <= pair[0]), max_size=8
).map(lambda pairs: tuple(cota(number, valor, pago) for number, (valor, pago) in enumerate(pairs)))


@given(some_cotas, st.integers(1, 60_000))
def test_the_oldest_are_paid_in_full_before_the_next_gets_anything(cotas: tuple[CotaAberta, ...], valor: int) -> None:
    partes = plan_allocation(cotas, valor)
    open_sum = sum(each.em_aberto for each in cotas)
    assert sum(parte.centavos for parte in partes) == min(valor, open_sum)
    assert [parte.competencia for parte in partes] == sorted(parte.competencia for parte in partes)
    rest = {each.id: each.em_aberto for each in cotas}
    assert all(0 < parte.centavos <= rest[parte.cota_id] for parte in partes)
    # Only the last one may be paid in part, and no open cota before it was passed over.
    assert all(parte.centavos == rest[parte.cota_id] for parte in partes[:-1])
    wanted = [each.id for each in cotas if each.em_aberto]
    assert [parte.cota_id for parte in partes] == wanted[: len(partes)]


@given(some_cotas, st.integers(1, 60_000), st.data())
def test_the_order_in_which_the_cotas_are_given_does_not_matter(
    cotas: tuple[CotaAberta, ...], valor: int, data: st.DataObject
) -> None:
    shuffled = tuple(data.draw(st.permutations(cotas)))
    assert plan_allocation(shuffled, valor) == plan_allocation(cotas, valor)


def test_a_payment_of_nothing_open_is_all_credit() -> None:
    assert plan_allocation((), 5000) == ()
    assert plan_allocation((cota(0, 100, 100),), 5000) == ()
