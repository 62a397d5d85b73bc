"""The error of a theme file that cannot be used."""


class ThemeError(ValueError):
    """A theme file cannot be used; the message says why."""
