"""What services refuse. Each message is in Portuguese and can be shown to the user."""


class DomainError(Exception):
    """Nothing was written; `message` says why, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(DomainError):
    """There is no such row, or the author may not see it: the two look the same on purpose."""


class Conflict(DomainError):
    """Somebody else changed it meanwhile: show the present state and ask again."""


class Invalid(DomainError):
    """A value that cannot be accepted; `field` is the name of the form's field ("" for the form as a whole)."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
