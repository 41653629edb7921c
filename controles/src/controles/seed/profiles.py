"""The sizes of invented organisations, and the frequencies that make their data realistic."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Profile:
    nome: str
    militantes: int
    nucleos: int
    # Another seed gives another organisation of the same size.
    seed: int = 1


PROFILES = {
    profile.nome: profile
    for profile in (
        Profile("demo", militantes=300, nucleos=12),
        Profile("small", militantes=5_000, nucleos=300),
        Profile("medium", militantes=20_000, nucleos=1_200),
        Profile("large", militantes=200_000, nucleos=1_200),
    )
}

# Joining and leaving.
MONTHS_OF_JOINS = 120
JOINS_GROWTH = 1.012
JOINS_IN_SUMMER = 0.6  # December and January
JOINS_IN_CAMPAIGNS = 2.8  # March and April of even years
STILL_MEMBERS = 0.76
ON_LEAVE = 0.03
EXEMPT = 0.06
PAST_LEAVE = 0.03
NUCLEO_ZIPF = 0.75
WITHOUT_NUCLEO = 0.05
WITHOUT_CPF = 0.02
WITHOUT_EMAIL = 0.02
WITHOUT_TELEFONE = 0.06

# Cotas: for how many months back, of how much (centavos), due when.
MONTHS_OF_COTAS = 67
COTA_VALUES = (
    (1000, 16.0),
    (1500, 10.0),
    (2000, 24.0),
    (3000, 20.0),
    (5000, 15.0),
    (8000, 7.0),
    (12000, 4.5),
    (20000, 2.5),
    (40000, 1.0),
)
DUE_DAYS = ((5, 30.0), (10, 50.0), (15, 12.0), (20, 8.0))
WAIVED = 0.002
WAIVED_ON_LEAVING = 0.5


class Payer(StrEnum):
    """How somebody pays, throughout their membership."""

    PUNCTUAL = "punctual"
    IRREGULAR = "irregular"
    QUARTERLY = "quarterly"
    FADING = "fading"
    NEVER = "never"


PAYERS = (
    (Payer.PUNCTUAL, 58.0),
    (Payer.IRREGULAR, 23.0),
    (Payer.QUARTERLY, 8.0),
    (Payer.FADING, 8.0),
    (Payer.NEVER, 3.0),
)


@dataclass(frozen=True, slots=True)
class Delay:
    """Up to this share of payments arrive between `first` and `last` days after the due date."""

    until_share: float
    first: int
    last: int


ON_TIME = (Delay(0.50, -4, 0), Delay(0.86, -9, 0), Delay(0.98, 1, 5), Delay(1.0, 6, 25))
LATE = (
    Delay(0.23, -6, 0),
    Delay(0.54, 1, 5),
    Delay(0.70, 6, 30),
    Delay(0.85, 31, 80),
    Delay(1.0, 81, 400),
)
# The share of late payers' payments that pay everything that is due.
CATCHES_UP = 0.35
# Members who fade away: the share that has stopped by now, and how long ago (months, on average).
FADED = 0.40
FADED_MONTHS = 11.0

# Payments.
PIX_BY_YEAR = {2020: 0.05, 2021: 0.35, 2022: 0.50, 2023: 0.63, 2024: 0.73, 2025: 0.80}
PIX_LATER = 0.82
OTHER_METHODS = (("dinheiro", 45.0), ("transferencia", 30.0), ("boleto", 25.0))
SAME_METHOD_AGAIN = 0.85
PARTIAL = 0.03
ESTORNO = 0.004
ESTORNO_REGISTERED_AGAIN = 0.6
OVERPAID = 0.005
UNIDENTIFIED = 0.003
OTHER_PAYER = 0.01
# The banks' ids are kept only for the last months, as earlier payments would have been typed from statements.
MONTHS_OF_BANK_IDS = 12
