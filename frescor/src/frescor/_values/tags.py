"""Tags: which ones an entry depends on, and which one stands for a pattern of keys.

A tag is a key of the store that holds the stamp of its last invalidation. Beside the tags that its policy declares, an
entry depends on one tag for every `:`-separated prefix of its key, and on one for the whole namespace. So invalidating
`dashboard:*`, or everything, is a single write, however many keys there are.
"""

from collections.abc import Iterable

from frescor.errors import PolicyError

# Each level is one more tag to read. A limit keeps the cost of a read flat.
DEEPEST_KEY = 8

# The kinds of tag cannot collide, because their first characters differ. '+' is that of `_values.shapes.call_tag`.
NAMESPACE_TAG = "*"
# After a table's tag: `#@` and a column make the column's blind tag, which is raised by a write of unknown slices; with
# `=` and a group behind, it is the tag of one slice. `#@!` and columns stand for the blind tags of all the table's
# other registered columns (`Store.register_slices`), which the store finds in the same step. Every entry with slices
# also depends on `SLICED`, which is raised when the registrations are lost.
SLICES, BUT, SLICED = "#@", "#@!", "sql:#@"


def declared_tag(tag: str) -> str:
    """The store's tag for a tag that a policy or a caller names."""
    return f"={tag}"


def declared_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """As `declared_tag`, for several."""
    return tuple([f"={tag}" for tag in tags])


def declared_in(tags: tuple[str, ...]) -> tuple[str, ...]:
    """The declared ones among the store's tags, as they were declared."""
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
    """As `key_tags`, for a key of any depth."""
    parts = key.split(":")
    return (NAMESPACE_TAG, *(prefix_tag(":".join(parts[:end])) for end in range(1, len(parts))))


def entry_tags(key: str, declared: tuple[str, ...]) -> tuple[str, ...]:
    """All tags of an entry, without repetition, always in the same order."""
    return tuple(dict.fromkeys((*key_tags(key), *declared_tags(declared))))


def pattern_tag(pattern: str) -> str | None:
    """The tag that a pattern of keys stands for; None for a pattern without `*`, which is a key.

    `*` means everything, `dashboard:*` everything below `dashboard`. Raises PolicyError for any other use of `*`, since
    only whole prefixes can be invalidated by one write.
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


def tag_pattern(tag: str) -> str | None:
    """The pattern of keys that one of the store's tags stands for; None for a tag of another kind."""
    if tag == NAMESPACE_TAG:
        return "*"
    return f"{tag[1:]}:*" if tag.startswith("/") else None


def with_blind_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Declared tags, and for each SQL table without slices among them, the tag that stands for all its slices.

    For invalidations made without knowledge of slices: by hand, by a trigger, or by an earlier release.
    """
    given = tuple(tags)
    tables = [tag for tag in given if tag.startswith(("sql:", "sql[")) and "#" not in tag]
    return given + tuple(f"{one}{BUT}" for one in tables if not any(tag.startswith(one + SLICES) for tag in given))


def blind_tags_of(tag: str, tags: Iterable[str]) -> list[str]:
    """Those of `tags` that a tag with `#@!` stands for."""
    table, _, known = tag.partition(BUT)
    start, but = table + SLICES, known.split(",")
    columns = [(one, one[len(start) :]) for one in tags if one.startswith(start)]
    return [one for one, column in columns if "=" not in column and column not in but]
