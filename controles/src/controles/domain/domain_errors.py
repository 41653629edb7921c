"""What a service refuses to do. Each message is pt-BR and fit to be shown to the person who asked."""


class DomainError(Exception):
    """Nothing was written; `message` says why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(DomainError):
    """No such row, or not one that this author may see: the two look the same on purpose."""


class Conflict(DomainError):
    """Somebody else changed it in between: show what is there now and ask again."""


class Invalid(DomainError):
    """A value that cannot be accepted; `field` is the name of the form's field ("" for the form as a whole)."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
