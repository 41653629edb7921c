"""The invented money looks like a real organisation's: measured on the rows, without a database."""

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

import pytest

from controles.domain.cpf import CpfVault
from controles.seed import generation
from controles.seed.generation import batches, nucleo_rows
from controles.seed.profiles import PROFILES, Profile
from controles.seed.rows import COLUMNS, Batch, Row

# In the second half of a month: how many are in arrears depends on how many days ago the cotas fell due.
HOJE = dt.date(2025, 10, 20)
VAULT = CpfVault(b"a key for the tests, 32 bytes....")
PROFILE = Profile("test", militantes=6_000, nucleos=200)


@dataclass
class World:
    tables: dict[str, list[dict[str, object]]] = field(default_factory=dict)

    def __getitem__(self, table: str) -> list[dict[str, object]]:
        return self.tables[table]


def rows_of(profile: Profile, hoje: dt.date) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {name: [] for name in COLUMNS}
    rows["nucleo"] = nucleo_rows(profile)
    for batch in batches(profile, hoje=hoje, vault=VAULT):
        for name, part in batch.tables():
            rows[name] += part
    return rows


@pytest.fixture(scope="module")
def world() -> World:
    return World(
        {
            name: [dict(zip(COLUMNS[name], row, strict=True)) for row in rows]
            for name, rows in rows_of(PROFILE, HOJE).items()
        }
    )


@pytest.fixture(scope="module")
def overdue(world: World) -> Counter[object]:
    """How many cotas each militante has that are open and past due."""
    return Counter(
        cota["militante_id"]
        for cota in world["cota"]
        if cota["pago"] < cota["valor"] and cota["dispensada_em"] is None and cota["vencimento"] < HOJE.isoformat()  # type: ignore[operator]
    )


def test_the_same_seed_and_date_give_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    once = rows_of(PROFILES["demo"], HOJE)
    monkeypatch.setattr(generation, "MILITANTES_IN_BATCH", 7)
    assert rows_of(PROFILES["demo"], HOJE) == once


def test_another_seed_or_date_gives_others() -> None:
    demo = PROFILES["demo"]
    once = rows_of(demo, HOJE)
    assert rows_of(replace(demo, seed=2), HOJE)["militante"] != once["militante"]
    assert rows_of(demo, HOJE + dt.timedelta(days=1))["pagamento"] != once["pagamento"]


def test_a_batch_is_bounded() -> None:
    sizes = [len(batch.militante) for batch in batches(replace(PROFILE, militantes=2500), hoje=HOJE, vault=VAULT)]
    assert sizes == [1000, 1000, 500]
    assert Batch().tables() == tuple((name, []) for name in COLUMNS if name != "nucleo")


@pytest.mark.parametrize(
    "hoje", [dt.date(2024, 2, 29), dt.date(2025, 1, 1), dt.date(2025, 12, 31), dt.date(2030, 7, 8)]
)
def test_nothing_happens_after_today(hoje: dt.date) -> None:
    rows = rows_of(PROFILES["demo"], hoje)
    today = hoje.isoformat()
    for name, column in (
        ("pagamento", "data_credito"),
        ("militante", "data_filiacao"),
        ("situacao_historico", "desde"),
    ):
        position = COLUMNS[name].index(column)
        assert max(str(row[position]) for row in rows[name]) <= today
    months = {row[COLUMNS["cota"].index("competencia")] for row in rows["cota"]}
    assert max(str(month) for month in months) == hoje.replace(day=1).isoformat()
    assert len(months) == 67


@pytest.mark.parametrize(("months", "wanted", "tolerance"), [(1, 0.246, 0.025), (3, 0.055, 0.012), (12, 0.030, 0.008)])
def test_members_in_arrears(
    world: World, overdue: Counter[object], months: int, wanted: float, tolerance: float
) -> None:
    active = [militante["id"] for militante in world["militante"] if militante["situacao"] == "ativo"]
    assert sum(overdue[one] >= months for one in active) / len(active) == pytest.approx(wanted, abs=tolerance)


@pytest.mark.parametrize(("days", "wanted"), [(0, 0.62), (5, 0.76), (30, 0.85), (90, 0.94), (365, 0.955)])
def test_money_arrives_along_the_curve(world: World, days: int, wanted: float) -> None:
    until = HOJE.toordinal() - days
    dates = {pagamento["id"]: _ordinal(pagamento["data_credito"]) for pagamento in world["pagamento"]}
    due = {cota["id"]: _ordinal(cota["vencimento"]) for cota in world["cota"]}
    expected = sum(int(str(cota["valor"])) for cota in world["cota"] if due[cota["id"]] <= until)
    received = sum(
        int(str(part["centavos"]))
        for part in world["alocacao"]
        if due[part["cota_id"]] <= until and dates[part["pagamento_id"]] - due[part["cota_id"]] <= days
    )
    assert received / expected == pytest.approx(wanted, abs=0.02)


@pytest.mark.parametrize(("year", "wanted"), [("2021", 0.35), ("2025", 0.80)])
def test_pix_wins_over_the_years(world: World, year: str, wanted: float) -> None:
    methods = Counter(
        pagamento["metodo"] for pagamento in world["pagamento"] if str(pagamento["data_credito"]).startswith(year)
    )
    assert set(methods) == {"pix", "dinheiro", "transferencia", "boleto"}
    assert methods["pix"] / methods.total() == pytest.approx(wanted, abs=0.03)


def test_payments_go_wrong_as_often_as_they_do(world: World) -> None:
    pagamentos = world["pagamento"]
    total = len(pagamentos)
    allocated: dict[object, int] = defaultdict(int)
    cotas: dict[object, int] = defaultdict(int)
    for part in world["alocacao"]:
        allocated[part["pagamento_id"]] += int(str(part["centavos"]))
        cotas[part["pagamento_id"]] += 1
    identified = [one for one in pagamentos if one["militante_id"] is not None]

    def portion(chosen: list[dict[str, object]]) -> float:
        return len(chosen) / total

    assert portion([one for one in pagamentos if one["estorna_id"]]) == pytest.approx(0.004, abs=0.001)
    assert portion([one for one in pagamentos if one["militante_id"] is None]) == pytest.approx(0.003, abs=0.001)
    several = [one for one in identified if cotas[one["id"]] > 1 and not one["estorna_id"]]
    assert portion(several) == pytest.approx(0.08, abs=0.015)
    overpaid = [one for one in identified if not one["estorna_id"] and allocated[one["id"]] < int(str(one["valor"]))]
    assert portion(overpaid) == pytest.approx(0.005, abs=0.0015)
    by_others = [one for one in identified if str(one["observacao"]).startswith("Pago por")]
    assert portion(by_others) == pytest.approx(0.01, abs=0.003)


def test_three_payments_in_a_hundred_are_partial(world: World) -> None:
    due = {cota["id"]: cota["valor"] for cota in world["cota"]}
    parts = Counter(part["cota_id"] for part in world["alocacao"] if 0 < part["centavos"] < due[part["cota_id"]])  # type: ignore[operator]
    assert len(parts) / len(world["pagamento"]) == pytest.approx(0.03, abs=0.006)


def test_former_members_may_still_owe(world: World, overdue: Counter[object]) -> None:
    assert any(overdue[one["id"]] for one in world["militante"] if one["situacao"] == "desligado")


def test_bank_ids_are_thirty_two_characters_and_none_is_a_real_banks(world: World) -> None:
    identifiers = [str(one["e2eid"]) for one in world["pagamento"] if one["e2eid"]]
    assert len(identifiers) == len(set(identifiers)) > 0
    assert all(len(identifier) == 32 and identifier.startswith("E99999999") for identifier in identifiers)


def _ordinal(text: object) -> int:
    return dt.date.fromisoformat(str(text)).toordinal()
