"""The bands of arrears by number of overdue cotas."""

# Bands of overdue cotas: name, lowest number, highest number (None: no limit). FiltroMilitantes takes the same numbers.
FAIXAS: tuple[tuple[str, int, int | None], ...] = (
    ("1", 1, 1),
    ("2", 2, 2),
    ("3-5", 3, 5),
    ("6-11", 6, 11),
    ("12+", 12, None),
)
