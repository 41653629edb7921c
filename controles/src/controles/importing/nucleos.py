"""Finds núcleos by the names in a spreadsheet."""

from difflib import get_close_matches

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.domain.text import search_form
from controles.militantes.models import Nucleo

# Finding a similar name takes time: only the first unknown names get a suggestion.
_SUGGESTIONS = 200


class NucleoNames:
    """All núcleos, read once."""

    def __init__(self, session: Session) -> None:
        self._by_name: dict[str, int] = {}
        self._by_form: dict[str, list[int]] = {}
        self._names: dict[int, str] = {}
        self._active: set[int] = set()
        self._unknown: dict[str, str] = {}
        for identity, nome, ativo in session.execute(select(Nucleo.id, Nucleo.nome, Nucleo.ativo)):
            self._by_name[nome] = identity
            self._by_form.setdefault(search_form(nome), []).append(identity)
            self._names[identity] = nome
            if ativo:
                self._active.add(identity)

    def id_of(self, text: str) -> int:
        """The núcleo with this name, ignoring accents and case; ValueError says what to do about any other name."""
        exact = self._by_name.get(text)
        if exact is not None:
            return exact
        form = search_form(text)
        found = self._by_form.get(form, [])
        if len(found) == 1:
            return found[0]
        if found:
            names = " e ".join(f"“{self._names[identity]}”" for identity in found)
            raise ValueError(f"“{text}” pode ser {names}; escreva o nome exato.")
        raise ValueError(self._unknown_name(text, form))

    def name_of(self, identity: int | None) -> str | None:
        return None if identity is None else self._names.get(identity)

    def is_active(self, identity: int | None) -> bool:
        return identity in self._active

    def _unknown_name(self, text: str, form: str) -> str:
        if form not in self._unknown:
            hint = ""
            if len(self._unknown) < _SUGGESTIONS:
                close = get_close_matches(form, self._by_form, n=1, cutoff=0.7)
                hint = f" Seria “{self._names[self._by_form[close[0]][0]]}”?" if close else ""
            self._unknown[form] = (
                f"O núcleo “{text}” não existe; confira o nome, ou cadastre-o antes em “Núcleos”, no menu da "
                f"administração.{hint}"
            )
        return self._unknown[form]
