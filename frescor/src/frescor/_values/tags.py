"""Tags: which ones an entry depends on, and what a pattern of keys means.

A tag is a key of the store that holds the stamp of its last invalidation. Beside the tags that a policy declares, an
entry depends on one tag for every `:`-separated prefix of its key and on the namespace itself, so that invalidating
`dashboard:*` or everything is one write, however many keys there are.
"""

from collections.abc import Iterable

from frescor.errors import PolicyError

# One tag more to read for every level: a limit keeps the cost of a read flat.
DEEPEST_KEY = 8

# The kinds of tag cannot collide: their first characters differ. '+' is that of `_values.shapes.call_tag`.
NAMESPACE_TAG = "*"
# A table's tag, `#@`, a column: its blind tag, raised by a write that cannot say which slices of it are touched. With
# `=` and a slice behind: that slice's. `#@!` and columns behind a table's tag: the blind tags of all its others that
# are registered (`Store.register_slices`), which the store itself finds in the same step.
# Every entry with slices depends on `SLICED` as well, which is raised when the registrations are lost.
SLICES, BUT, SLICED = "#@", "#@!", "sql:#@"


def declared_tag(tag: str) -> str:
    """The store's tag for one that a policy or a caller names."""
    return f"={tag}"


def declared_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """As `declared_tag`, of several."""
    return tuple([f"={tag}" for tag in tags])


def declared_in(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the store's tags that stand for declared ones, as they were declared."""
    return tuple(tag[1:] for tag in tags if tag.startswith("="))


def prefix_tag(prefix: str) -> str:
    """The store's tag for all keys that begin with `prefix` and a `:`."""
    return f"/{prefix}"


def key_tags(key: str) -> tuple[str, ...]:
    """The tags that every entry under this key depends on: the namespace, and each prefix of the key."""
    parts = key.split(":")
    if len(parts) > DEEPEST_KEY:
        raise PolicyError(
            f"a key has at most {DEEPEST_KEY} parts separated by ':', since each prefix can be invalidated and costs "
            f"a look at every read; this one has {len(parts)}. Join the last parts by another sign."
        )
    return implied_tags(key)


def implied_tags(key: str) -> tuple[str, ...]:
    """As `key_tags`, of a key of any depth."""
    parts = key.split(":")
    return (NAMESPACE_TAG, *(prefix_tag(":".join(parts[:end])) for end in range(1, len(parts))))


def entry_tags(key: str, declared: tuple[str, ...]) -> tuple[str, ...]:
    """All tags of an entry, without repetition, in an order that is the same for the same entry."""
    return tuple(dict.fromkeys((*key_tags(key), *declared_tags(declared))))


def pattern_tag(pattern: str) -> str | None:
    """The tag that a pattern of keys stands for; None for a pattern without `*`, which is one key.

    `*` is everything, `dashboard:*` everything below `dashboard`. Raises PolicyError for any other use of `*`: only
    whole prefixes can be invalidated by one write.
    """
    if not pattern:
        raise PolicyError(f"a pattern is text such as 'dashboard:*'; got {pattern!r}.")
    if pattern == "*":
        return NAMESPACE_TAG
    if "*" not in pattern:
        return None
    prefix = pattern.removesuffix(":*")
    if prefix == pattern or "*" in prefix or not all(prefix.split(":")):
        raise PolicyError(
            f"the pattern {pattern!r} cannot be invalidated by one write: '*' stands alone or after a ':' at the end, "
            "as in 'dashboard:*'. For other groups of keys declare a tag and invalidate that."
        )
    return prefix_tag(prefix)


def with_blind_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags as they are declared, and for each table of SQL of which they name no slice: that any may be touched.

    Of what somebody invalidates who knows of no slices: by hand, a trigger, an earlier release.
    """
    given = tuple(tags)
    tables = [tag for tag in given if tag.startswith(("sql:", "sql[")) and "#" not in tag]
    return given + tuple(f"{one}{BUT}" for one in tables if not any(tag.startswith(one + SLICES) for tag in given))


def blind_tags_of(tag: str, tags: Iterable[str]) -> list[str]:
    """Those among `tags` that a tag with `#@!` stands for."""
    table, _, known = tag.partition(BUT)
    start, but = table + SLICES, known.split(",")
    columns = [(one, one[len(start) :]) for one in tags if one.startswith(start)]
    return [one for one, column in columns if "=" not in column and column not in but]
