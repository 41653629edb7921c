"""An oracle beside Frescor's look at each statement: what the database itself says that it read and wrote.

`database` asks SQLite and PostgreSQL, `checks` compares that with what Frescor named, `plugin` does so for the tests of
a run of pytest, `suite` for those of SQLAlchemy.
"""
