"""Translates other libraries' keys, which can be any text of any length, to Frescor's."""

import hashlib
from urllib.parse import quote

# Allowed in addition to letters and digits. ':' is not, because each prefix that it ends is one more tag to read.
_PLAIN = "!$&'()+,-./;=?@_|~#[]{}<> "
_LONGEST = 200
# No readable key begins with this.
_DIGEST = "~"


def key_below(prefix: str, key: object) -> str:
    """The key for `key` below a prefix: readable if it is short text, else a digest. Different keys never get the same
    one."""
    text = key if isinstance(key, str) else f"{type(key).__qualname__} {key!r}"
    part = quote(text, safe=_PLAIN, errors="surrogatepass")
    if not part or len(part) > _LONGEST or part.startswith(_DIGEST) or text is not key:
        part = _DIGEST + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{prefix}:{part}"
