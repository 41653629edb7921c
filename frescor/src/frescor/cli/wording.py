"""Numbers as a person reads them, and names that are safe to print on a terminal."""


def plain(text: str) -> str:
    """The text with unprintable characters escaped: whoever writes to the server could otherwise control a terminal."""
    return (
        text
        if text.isprintable()
        else "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text)
    )


def size(count: int | None) -> str:
    """Bytes in the unit that keeps one to four digits before the point."""
    if count is None:
        return "no limit"
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def share(part: float | None) -> str:
    """A part of one as a percentage; a dash where there is nothing to divide."""
    return "–" if part is None else f"{part:.1%}"


def duration(milliseconds: int | None) -> str:
    """A time to live in its two largest units."""
    if milliseconds is None:
        return "no end"
    seconds = milliseconds // 1000
    if seconds < 1:
        return f"{milliseconds} ms"
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [
        f"{value} {unit}" for value, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")) if value
    ]
    return " ".join(parts[:2])


def latency(microseconds: int) -> str:
    return f"{microseconds} µs" if microseconds < 1000 else f"{microseconds / 1000:.1f} ms"
