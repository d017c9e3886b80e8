"""What every kernel package may raise."""


class ImplementationUnavailableError(RuntimeError):
    """The implementation asked for cannot run here."""
