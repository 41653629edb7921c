"""What a text of SQL reads and writes, as far as can be told; the rest is said to be unknown, never left out."""

from frescor.sqlalchemy._statements.text import facts_of_text

__all__ = ["facts_of_text"]
