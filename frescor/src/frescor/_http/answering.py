"""What is sent for a stored response: its age, how long it may be kept, and 304 to a client that has it."""

import re
from collections.abc import Iterable
from email.utils import parsedate_to_datetime

from frescor._http.options import ViewOptions
from frescor._http.storing import Headers, StoredResponse, values_of

_TAG = re.compile(r'(?:W/)?("[^"]*")')
# Headers of the response that a 304 leaves out (RFC 9110, 15.4.5): those that describe the body.
_OF_THE_BODY = ("content-length", "content-type", "content-encoding", "content-language", "content-range")
_WRITTEN_HERE = frozenset({"age", "cache-control", "content-length", "etag", "expires", "vary"})


def headers_to_send(
    stored: StoredResponse, options: ViewOptions, *, hit: bool, now: float, personal: bool, varies: Iterable[str] = ()
) -> list[tuple[str, str]]:
    """A stored response's headers as they are sent at this time. personal: it is for one visitor. varies: the names of
    request headers that it depends on, in addition to those of the options."""
    kept = stored.headers
    headers = [(name, value) for name, value in kept if name.lower() not in _WRITTEN_HERE]
    headers.append(("Cache-Control", _cache_control(stored, options, now, personal=personal)))
    headers.append(("ETag", stored.etag))
    names = [*values_of(kept, "vary"), *(("Cookie", "Authorization") if personal else ()), *varies]
    names += [one for one in options.vary if isinstance(one, str)]
    if names:
        headers.append(("Vary", ", ".join({name.lower(): name for name in names}.values())))
    if hit:
        headers.append(("Age", str(max(0, int(now - stored.made_at)))))
    return headers


def _cache_control(stored: StoredResponse, options: ViewOptions, now: float, *, personal: bool) -> str:
    """Never longer than the entry is kept. An invalidation ends it earlier, but a client that has a copy learns of that
    only when it asks."""
    said: dict[str, str] = {}
    for part in values_of(stored.headers, "cache-control"):
        name, _, value = part.partition("=")
        said.setdefault(name.lower(), value)
    rest = max(0, int(stored.ends_at - now))
    said["max-age"] = str(min(_seconds(said.get("max-age")) if "max-age" in said else int(options.max_age), rest))
    if "s-maxage" in said:
        said["s-maxage"] = str(min(_seconds(said["s-maxage"]), rest))
    said["must-revalidate"] = ""
    if personal:
        said["private"] = ""
        said.pop("public", None)
    return ", ".join(f"{name}={value}" if value else name for name, value in said.items())


def _seconds(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() else 0


def conditional_status(stored: StoredResponse, asked: Iterable[tuple[str, str]]) -> int:
    """304 if a request with these headers has the response already, 412 if it requires another one, else the response's
    own status (RFC 9110, 13.2.2)."""
    given = {name.lower(): value for name, value in asked}
    if "if-match" in given:
        # A strong comparison: weak tags do not count.
        listed = {match[0] for match in _TAG.finditer(given["if-match"])}
        if given["if-match"].strip() != "*" and (stored.etag.startswith("W/") or stored.etag not in listed):
            return 412
    if "if-none-match" in given:
        wanted = given["if-none-match"]
        bare = stored.etag.removeprefix("W/")
        has_it = wanted.strip() == "*" or bare in {match[1] for match in _TAG.finditer(wanted)}
    else:
        has_it = _is_older(stored.headers, given.get("if-modified-since"))
    return 304 if has_it and stored.status == 200 else stored.status


def _is_older(headers: Headers, since: str | None) -> bool:
    changed = next((value for name, value in headers if name.lower() == "last-modified"), None)
    if changed is None or since is None:
        return False
    try:
        return parsedate_to_datetime(changed) <= parsedate_to_datetime(since)
    except (TypeError, ValueError):
        return False  # no date, or one without and one with a time zone: the whole response is right, too


def answer(
    stored: StoredResponse,
    options: ViewOptions,
    *,
    method: str,
    asked: Iterable[tuple[str, str]],
    hit: bool,
    now: float,
    personal: bool,
    varies: Iterable[str] = (),
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body for a request with this method and these headers."""
    status = conditional_status(stored, asked)
    headers = headers_to_send(stored, options, hit=hit, now=now, personal=personal, varies=varies)
    if status in (304, 412):
        return status, without_body(headers), b""
    length = str(len(stored.body))
    if method == "HEAD":
        # A view that answers HEAD without a body declares the length itself.
        length = next((value for name, value in stored.headers if name.lower() == "content-length"), length)
        if not stored.body and not any(name.lower() == "etag" for name, _ in stored.headers):
            headers = [(name, value) for name, value in headers if name != "ETag"]
    headers.append(("Content-Length", length))
    return status, headers, b"" if method == "HEAD" else stored.body


def without_body(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers of a 304 or 412."""
    return [(name, value) for name, value in headers if name.lower() not in _OF_THE_BODY]
