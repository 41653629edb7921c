"""The database's clock, measured by one process."""

from frescor.sqlalchemy._outbox.database_clock import STEP, DatabaseClock

SECOND = 1_000_000


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def clock_after(database: float, process: float) -> tuple[DatabaseClock, Hands]:
    """A clock that was read twice: so many seconds passed by the database's clock, and by the process's."""
    hands = Hands()
    clock = DatabaseClock(hands)
    assert clock.read(5 * SECOND) == 5 * SECOND
    hands.now += process
    clock.read(round((5 + database) * SECOND))
    return clock, hands


def test_a_clock_that_goes_on_has_not_gone_back() -> None:
    for database, process in ((10.0, 10.0), (60.0, 10.0), (10.0, 10.0 + STEP)):
        assert not clock_after(database, process)[0].went_back_within(600)


def test_a_clock_that_stands_or_steps_back_by_more_than_the_step_has_gone_back() -> None:
    for database, process in ((0.0, STEP + 0.1), (-2.0, 0.0), (10.0, 10.1 + STEP)):
        assert clock_after(database, process)[0].went_back_within(600)


def test_a_step_back_is_forgotten_after_the_time_that_is_asked_for() -> None:
    clock, hands = clock_after(-5.0, 1.0)
    hands.now += 59
    assert clock.went_back_within(60)
    hands.now += 2
    assert not clock.went_back_within(60)
