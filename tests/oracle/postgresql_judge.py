"""What PostgreSQL's own parser says of the statements in files: written as JSON, for `oracle.postgresql_text`.

Runs where pglast is installed, apart from Frescor: pglast is under the GPL.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from pglast import parse_sql, split  # type: ignore[import-not-found]
from pglast.visitors import Visitor  # type: ignore[import-not-found]

_QUERIES = {
    "SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CopyStmt", "ExplainStmt", "DeclareCursorStmt",
    "CreateTableAsStmt", "RefreshMatViewStmt", "TruncateStmt",
}  # fmt: skip
_OF_TABLES = {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"}
# The data behind COPY … FROM stdin, and what is psql's own.
_DATA = re.compile(r"(?ims)^(\s*copy\b[^;]*?from\s+stdin[^;]*;)\s*\n.*?^\\\.\s*$")
_PSQL_AT_END, _PSQL = re.compile(r"(?m)\\(?:g|crosstabview).*$"), re.compile(r"(?m)^\s*\\.*$")


class _Tables(Visitor):  # type: ignore[misc]  # of a package without types
    def __init__(self) -> None:
        self.reads: set[tuple[str | None, str]] = set()
        self.writes: set[tuple[str | None, str]] = set()
        self.queries: set[str] = set()

    def visit_CommonTableExpr(self, _above: Any, node: Any) -> None:  # noqa: N802  # the node's name
        self.queries.add(node.ctename.lower())

    def visit_RangeVar(self, _above: Any, node: Any) -> None:  # noqa: N802
        self.reads.add((node.schemaname, node.relname))

    def write(self, *tables: Any) -> None:
        self.writes |= {(table.schemaname, table.relname) for table in tables if table is not None}

    def _target(self, _above: Any, node: Any) -> None:
        self.write(node.relation)

    visit_InsertStmt = visit_UpdateStmt = visit_DeleteStmt = _target  # noqa: N815
    visit_MergeStmt = visit_RefreshMatViewStmt = _target  # noqa: N815

    def visit_CopyStmt(self, _above: Any, node: Any) -> None:  # noqa: N802
        self.write(node.relation if node.is_from else None)

    def visit_TruncateStmt(self, _above: Any, node: Any) -> None:  # noqa: N802
        self.write(*node.relations)

    def visit_IntoClause(self, _above: Any, node: Any) -> None:  # noqa: N802
        self.write(node.rel)


def _judged(statement: Any) -> dict[str, Any]:
    kind, tables = type(statement).__name__, _Tables()
    if kind in _QUERIES:
        tables(statement)
    elif kind in ("AlterTableStmt", "RenameStmt", "AlterObjectSchemaStmt"):
        about = {"AlterTableStmt": "objtype", "RenameStmt": "renameType", "AlterObjectSchemaStmt": "objectType"}[kind]
        name = getattr(statement, about).name
        if name in ("OBJECT_COLUMN", "OBJECT_ATTRIBUTE"):
            name = statement.relationType.name
        tables.write(statement.relation if name in _OF_TABLES else None)
    elif kind == "DropStmt" and statement.removeType.name in _OF_TABLES:
        for named in statement.objects:
            parts = [part.sval for part in named]
            tables.writes.add((parts[-2] if len(parts) > 1 else None, parts[-1]))
    reads = [name for name in tables.reads if name[0] is not None or name[1].lower() not in tables.queries]
    return {"kind": kind, "reads": reads, "writes": [*tables.writes]}


def _split(text: str) -> list[str]:
    try:
        return list(split(text, with_parser=False))
    except Exception:  # noqa: BLE001  # a file with unfinished strings, on purpose
        return re.split(r";\s*\n", text)


def main() -> None:
    """The files are the arguments."""
    for file in sys.argv[1:]:
        text = _DATA.sub(r"\1", Path(file).read_text(errors="replace"))
        text = _PSQL.sub("", _PSQL_AT_END.sub(";", text)).replace("\\;", ";")
        for sql in _split(text):
            try:
                parsed = parse_sql(sql)
            except Exception:  # noqa: BLE001  # what is no SQL, on purpose: the files test errors too
                continue
            if len(parsed) == 1:
                print(json.dumps({"sql": sql, **_judged(parsed[0].stmt)}))


if __name__ == "__main__":
    main()
