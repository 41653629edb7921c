"""Telephone numbers and e-mail addresses in the form in which they are looked up by index."""

import unicodedata

# Without the area code, a number has eight digits, or nine for mobile phones.
SHORTEST_PHONE, LONGEST_PHONE = 8, 11
LONGEST_STORED = 20
_SUBSCRIBER = 8


def phone_form(written: str | None) -> str | None:
    """The digits of a number, reversed, without country code and leading zeros; None if there are none.

    Reversed, since people leave out the beginning: what they know is then a prefix, which an index finds.
    """
    digits = _national(written or "")
    return digits[::-1][:LONGEST_STORED] or None


def phone_forms_of_term(term: str) -> tuple[str, ...]:
    """The prefixes of `phone_form` that a search term means; none if it is no telephone number.

    With and without the ninth digit of mobile phones, and, for a number with an area code, without that.
    """
    if not _is_phone(term):
        return ()
    digits = _national(term)
    if not SHORTEST_PHONE <= len(digits) <= LONGEST_PHONE:
        return ()
    last = digits[-_SUBSCRIBER:]
    if len(digits) < 10:
        return (last[::-1],)
    area = digits[:2]
    return ((area + last)[::-1], (f"{area}9{last}")[::-1])


def phones_without_area(term: str) -> tuple[str, ...]:
    """The whole forms of the same number that were stored without an area code; none for a term without one."""
    forms = phone_forms_of_term(term)
    return tuple(form[:-2] for form in forms) if len(forms) > 1 else ()


def email_form(written: str | None) -> str | None:
    """An address as it is compared: composed, in lower case; None if it is empty."""
    return unicodedata.normalize("NFC", (written or "").strip()).lower()[:254] or None


def _is_phone(term: str) -> bool:
    return bool(term) and all(character.isdigit() or character in "+()-. /" for character in term)


def _national(written: str) -> str:
    digits = "".join(character for character in written if character.isascii() and character.isdigit()).lstrip("0")
    return digits[2:] if len(digits) in {12, 13} and digits.startswith("55") else digits
