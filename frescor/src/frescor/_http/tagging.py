"""Tags of a policy that name arguments of a view: `price:{number}`."""

from collections.abc import Mapping

from frescor._calls.policy import Policy, tag_fields
from frescor.errors import PolicyError


def without_templates(policy: Policy) -> Policy:
    """The policy without the tags that are filled from a view's arguments."""
    return policy.replace(tags=tuple(tag for tag in policy.tags if not tag_fields(tag)))


def filled_tags(policy: Policy, arguments: Mapping[str, object]) -> tuple[str, ...]:
    """The tags that are filled from a view's arguments. Raises PolicyError for one that they do not have, and for a
    value that cannot stand in a tag."""
    templates = tuple(tag for tag in policy.tags if tag_fields(tag))
    for tag in templates:
        missing = [name for name in tag_fields(tag) if name not in arguments]
        if missing:
            raise PolicyError(
                f"the tag {tag!r} names {missing[0]!r}, which the view does not get: it gets "
                f"{', '.join(sorted(arguments)) or 'nothing'}.",
                policy=policy.name,
            )
    return policy.replace(tags=templates).tags_for(arguments) if templates else ()
