"""The parts of tables that the cache tells apart are parts of tables that there are."""

import pytest

from controles.schema.tables import metadata
from controles.services.cache_slices import PEOPLE_IN_A_PIECE, PEOPLE_IN_A_RANGE, SLICES


@pytest.mark.parametrize("table", SLICES)
def test_each_declared_part_is_of_a_column_that_the_schema_has(table: str) -> None:
    columns = {column.name for column in metadata.tables[table].columns}
    assert set(SLICES[table]) <= columns


def test_the_pieces_of_militantes_are_whole_ranges_that_writes_tell_of() -> None:
    wanted = f"range({PEOPLE_IN_A_RANGE})"
    assert SLICES["militante"]["id"] == wanted
    assert wanted in SLICES["cota"]["militante_id"]
    assert PEOPLE_IN_A_PIECE % PEOPLE_IN_A_RANGE == 0
