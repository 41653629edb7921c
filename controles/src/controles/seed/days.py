"""Days as ordinals and months as numbers, for millions of calculations; and the text of each."""

import datetime as dt


class DayText(dict[int, str]):
    """The ISO text of a day's ordinal, computed once."""

    def __missing__(self, ordinal: int) -> str:
        text = self[ordinal] = dt.date.fromordinal(ordinal).isoformat()
        return text


class MonthOfDay(dict[int, int]):
    """The month (year × 12 + month − 1) of a day's ordinal, computed once."""

    def __missing__(self, ordinal: int) -> int:
        day = dt.date.fromordinal(ordinal)
        month = self[ordinal] = day.year * 12 + day.month - 1
        return month


class FirstDay(dict[int, int]):
    """The ordinal of a month's first day, computed once."""

    def __missing__(self, month: int) -> int:
        ordinal = self[month] = dt.date(month // 12, month % 12 + 1, 1).toordinal()
        return ordinal


class Calendar:
    def __init__(self, hoje: dt.date) -> None:
        self.hoje = hoje.toordinal()
        self.iso = DayText()
        self.month_of = MonthOfDay()
        self.first_day = FirstDay()
        self.month = self.month_of[self.hoje]
