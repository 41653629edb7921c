"""What Frescor needs of SQLAlchemy's private parts is looked for, and refused in a sentence where it is not there."""

import pytest
import sqlalchemy as sa

from frescor.errors import CacheError
from frescor.sqlalchemy import _private as sqlalchemy_private


def test_a_part_that_sqlalchemy_lost_is_refused_in_a_sentence() -> None:
    with pytest.raises(
        CacheError, match=r"works with SQLAlchemy>=2\.0\.44,<2\.2; in SQLAlchemy .* Session has no _gone"
    ):
        sqlalchemy_private.require(sa.orm.Session, "_is_clean", "_gone")


def test_a_method_that_overrides_nothing_is_refused() -> None:
    with pytest.raises(CacheError, match="SQLCompiler has no visit_gone"):

        @sqlalchemy_private.overrides("own")
        class Noting(sa.sql.compiler.SQLCompiler):
            def own(self) -> None: ...

            def visit_gone(self) -> None: ...
