"""Keys of other libraries, as Frescor's: any text, of any length."""

import hashlib
from urllib.parse import quote

# Beside letters and digits; `:` is not among them, since each prefix that it ends is one more tag to read.
_PLAIN = "!$&'()+,-./;=?@_|~#[]{}<> "
_LONGEST = 200
# Only a digest begins so.
_DIGEST = "~"


def key_below(prefix: str, key: object) -> str:
    """The key that stands for `key` below a prefix: readable where it is short text, else a digest. Two of them are
    never one."""
    text = key if isinstance(key, str) else f"{type(key).__qualname__} {key!r}"
    part = quote(text, safe=_PLAIN, errors="surrogatepass")
    if not part or len(part) > _LONGEST or part.startswith(_DIGEST) or text is not key:
        part = _DIGEST + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{prefix}:{part}"
