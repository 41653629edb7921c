"""`{% cache policy, … %}`: cached parts of templates, identified by the values that the tag names and by their text."""

import hashlib
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, TemplateNotFound, TemplateSyntaxError, meta, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from markupsafe import Markup

from frescor._calls.policy import Policy
from frescor.errors import PolicyError

Render = Callable[[Policy, str, tuple[object, ...], Callable[[], str]], str]


@dataclass(slots=True)
class _TemplateSource:
    """The template being compiled: its text, which Jinja gives to extensions separately from its tokens, and the number
    of parts found in it so far."""

    text: str = ""
    parts: int = 0


_SOURCE: ContextVar[_TemplateSource] = ContextVar("frescor_template", default=_TemplateSource())  # noqa: B039 - set before use


class Fragments(Extension):
    """Jinja's tag `cache`: a policy, then every value that the part shows.

    `{% cache CARD, user.id, locale %}…{% endcache %}`

    The same policy, values and text are one entry in all templates and processes. When the template changes, or one
    that it includes by name, it gets new entries. One caller renders the part while others wait. Changes to what it
    reads from a tracked database invalidate it.
    """

    tags = {"cache"}  # noqa: RUF012 - Jinja's own way to say it

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Keep the template's text until it is parsed."""
        del name, filename
        _SOURCE.set(_TemplateSource(source))
        return source

    def parse(self, parser: Parser) -> nodes.Node:
        """Turn the part into a call of `_render`."""
        reading = _SOURCE.get()
        reading.parts += 1
        own = f"{reading.parts}\0{reading.text}"
        line = next(parser.stream).lineno
        arguments = [parser.parse_expression()]
        while parser.stream.skip_if("comma"):
            arguments.append(parser.parse_expression())
        body = parser.parse_statements(("name:endcache",), drop_needle=True)
        if not body:
            raise TemplateSyntaxError("nothing stands between {% cache %} and {% endcache %}", line, parser.name)
        digest = _digest_of(self.environment, own)
        call = self.call_method(
            "_render", [arguments[0], nodes.Const(digest), nodes.Tuple(arguments[1:], "load")], lineno=line
        )
        return nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _render(self, policy: Any, digest: str, values: tuple[object, ...], caller: Callable[[], str]) -> str:
        if not isinstance(policy, Policy):
            raise PolicyError(
                f"{{% cache %}} takes a policy first; got {policy!r}. Give the template one, as a global say: "
                "app.jinja_env.globals['CARD'] = Policy(name='card', expire=300)."
            )
        render: Render = self.environment.frescor_render  # type: ignore[attr-defined]  # set where it is added
        return Markup(render(policy, digest, values, caller))  # noqa: S704 - rendered by Jinja, which escaped it


def add_fragments(environment: Environment, render: Render) -> None:
    """Add the tag to an environment, and the function that renders its parts."""
    environment.add_extension(Fragments)
    environment.extend(frescor_render=render)


def _digest_of(environment: Environment, source: str) -> str:
    """A digest of a template's text, and of the templates that it names."""
    digest = hashlib.blake2b(digest_size=16)
    seen: set[str] = set()
    left = [source]
    while left:
        text = left.pop()
        digest.update(b"\0" + text.encode())
        for name in sorted(_named_in(environment, text) - seen):
            seen.add(name)
            try:
                left.append(environment.loader.get_source(environment, name)[0] if environment.loader else "")
            except TemplateNotFound:
                # `include … ignore missing`: the template may appear later, and then changes this digest.
                left.append(f"missing {name}")
    return digest.hexdigest()


# True while a digest is computed, since parsing a template asks for the digests of its parts.
_LOOKING: ContextVar[bool] = ContextVar("frescor_template_looking", default=False)


def _named_in(environment: Environment, text: str) -> set[str]:
    if _LOOKING.get() or not any(word in text for word in ("include", "import", "extends")):
        return set()
    token, reading = _LOOKING.set(True), _SOURCE.get()
    try:
        return {name for name in meta.find_referenced_templates(environment.parse(text)) if name is not None}
    finally:
        _LOOKING.reset(token)
        _SOURCE.set(reading)
