"""What a text of SQL reads and writes, as far as it can be determined; anything else is reported as unknown."""

from frescor.sqlalchemy._statements.text import facts_of_text

__all__ = ["facts_of_text"]
