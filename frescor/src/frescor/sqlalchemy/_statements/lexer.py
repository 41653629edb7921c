"""The tokens of SQL text, as far as they are needed to find names, parameters and the ends of statements.

Nothing inside a string, a comment or a quoted name counts as SQL. Text that is not SQL at all also yields tokens.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Sort = Literal["word", "name", "string", "parameter", "number", "sign"]


@dataclass(frozen=True, slots=True)
class Token:
    """sort: `word` is an unquoted name or a keyword, `name` a quoted name, without its quotes. start, end: its
    position."""

    sort: Sort
    text: str
    start: int
    end: int

    @property
    def keyword(self) -> str:
        """An unquoted word in capitals, or a sign unchanged; empty for other tokens, which are never keywords."""
        return self.text.upper() if self.sort == "word" else self.text if self.sort == "sign" else ""

    @property
    def is_name(self) -> bool:
        """Whether it can be a name."""
        return self.sort in ("word", "name")


Tokens = Sequence[Token]

_PARAMETER = r"(?P<parameter>__\[POSTCOMPILE_[^\]]*\]|%\([^)]*\)s|%s|\$\d+|(?<![:\w]):[^\W\d]\w*(?!\w*\()|\?(?![|&?]))"
_WORD = r"(?P<word>[^\W\d][\w$]*)"
_NUMBER = r"(?P<number>\d[\w.]*|\.\d[\w]*)"
_SIGN = r"(?P<sign>::|:=|[^\s])"
_LINE = r"(?P<skipped>\s+|--[^\n]*"


def _pattern(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.DOTALL)


# PostgreSQL's comments can be nested, so the pattern matches only their beginning.
_POSTGRESQL = _pattern(
    _LINE + ")",
    r"(?P<nested>/\*)",
    r"(?P<dollar>\$(?P<tag>[^\W\d]\w*|)\$.*?(?:\$(?P=tag)\$|\Z))",
    r"(?P<unicode>[uU]&\"(?:[^\"]|\"\")*(?:\"|\Z))",
    r"(?P<escaped>[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z))",
    r"(?P<string>(?:[uU]&|[bBxXnN])?'(?:[^']|'')*(?:'|\Z))",
    r"(?P<name>\"(?:[^\"]|\"\")*(?:\"|\Z))",
    _PARAMETER,
    _WORD,
    _NUMBER,
    _SIGN,
)
_MYSQL = _pattern(
    _LINE + r"|\#[^\n]*|/\*(?!!).*?(?:\*/|\Z)|/\*!\d*|\*/)",
    r"(?P<string>[bBxXnN]?'(?:[^'\\]|\\.|'')*(?:'|\Z)|\"(?:[^\"\\]|\\.|\"\")*(?:\"|\Z))",
    r"(?P<name>`(?:[^`]|``)*(?:`|\Z))",
    _PARAMETER,
    _WORD,
    _NUMBER,
    _SIGN,
)
_OTHERS = _pattern(
    _LINE + r"|/\*.*?(?:\*/|\Z))",
    r"(?P<string>[xXnN]?'(?:[^']|'')*(?:'|\Z))",
    r"(?P<name>\"(?:[^\"]|\"\")*(?:\"|\Z)|`(?:[^`]|``)*(?:`|\Z)|\[[^\]]*\])",
    _PARAMETER,
    _WORD,
    _NUMBER,
    _SIGN,
)
_PATTERNS = {"postgresql": _POSTGRESQL, "mysql": _MYSQL, "mariadb": _MYSQL}
_COMMENT_SIGNS = re.compile(r"/\*|\*/")
_ESCAPE = re.compile(r"\\(?:\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4})|\\)")


@functools.lru_cache(maxsize=256)
def tokens_of(sql: str, dialect: str) -> tuple[Token, ...]:
    """The tokens of a text, for a database of this SQLAlchemy dialect."""
    return tuple(_tokens(sql, _PATTERNS.get(dialect, _OTHERS)))


def _tokens(sql: str, pattern: re.Pattern[str]) -> Iterator[Token]:
    place = 0
    while place < len(sql):
        found = pattern.match(sql, place)
        assert found is not None, "a sign or a space is any character"
        sort, text, end = found.lastgroup or "", found.group(), found.end()
        if sort == "tag":
            sort = "dollar"
        if sort == "nested":
            end = _end_of_comment(sql, found.end())
        elif sort == "name":
            closing = "]" if text[0] == "[" else text[0]
            yield Token("name", text[1:-1].replace(closing * 2, closing), place, end)
        elif sort == "unicode":
            yield Token("name", _ESCAPE.sub(_letter, text[3:-1].replace('""', '"')), place, end)
        elif sort in ("dollar", "escaped", "string"):
            yield Token("string", text, place, end)
        elif sort != "skipped":
            yield Token(sort, text, place, end)  # type: ignore[arg-type]  # the other groups are named as sorts
        place = end


def _letter(escape: re.Match[str]) -> str:
    digits = escape.group(1) or escape.group(2)
    return "\\" if digits is None else chr(min(int(digits, 16), 0x10FFFF))


def _end_of_comment(sql: str, place: int) -> int:
    depth = 1
    for sign in _COMMENT_SIGNS.finditer(sql, place):
        depth += 1 if sign.group() == "/*" else -1
        if depth == 0:
            return sign.end()
    return len(sql)


def content_of(string: str) -> str:
    """The content of a string literal, `'…'` or `$tag$…$tag$`."""
    if string.startswith("$"):
        tag = string[: string.index("$", 1) + 1]
        return string[len(tag) :].removesuffix(tag)
    inside = string[string.index(string[-1]) + 1 : -1] if len(string) > 1 else ""
    return inside.replace("''", "'")


def statements_of(tokens: Tokens) -> list[Tokens]:
    """The statements in a text, without the `;` between them. A `;` in a routine's body or in brackets ends no
    statement."""
    found: list[Tokens] = []
    start = depth = blocks = 0
    for place, token in enumerate(tokens):
        word = token.keyword
        if word in ("(", ")"):
            depth += 1 if word == "(" else -1
        elif word in ("BEGIN", "CASE", "END", "ATOMIC") and _makes_routine(tokens[start:place]):
            if word == "END":
                follows = tokens[place + 1].keyword if place + 1 < len(tokens) else ""
                # These END a block of MySQL that was not counted when it began.
                blocks -= 0 if follows in ("IF", "LOOP", "WHILE", "REPEAT") else 1
            elif word != "ATOMIC":
                blocks += 1
        elif word == ";" and depth <= 0 and blocks <= 0:
            found.append(tokens[start:place])
            start, depth, blocks = place + 1, 0, 0
    found.append(tokens[start:])
    return [statement for statement in found if statement]


def _makes_routine(tokens: Tokens) -> bool:
    return (
        bool(tokens)
        and tokens[0].keyword == "CREATE"
        and any(token.keyword in ("TRIGGER", "FUNCTION", "PROCEDURE", "EVENT") for token in tokens[1:8])
    )


def text_of(tokens: Tokens, sql: str) -> str:
    """The part of the text that these tokens cover."""
    return sql[tokens[0].start : tokens[-1].end] if tokens else ""
