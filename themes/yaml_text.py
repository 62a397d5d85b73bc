"""Reads theme files that need a YAML parser: those that use more of YAML than `themes.plain` knows, or are wrong.

Called by `themes.files`. It refuses aliases and repeated keys.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from themes.errors import ThemeError

_CANNOT_BE: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What the parser's conversions raise for a text that is not of its type: a 13th month, an empty `!!int`."""


class _PlainLoader(yaml.SafeLoader):
    """Safe YAML without aliases and without repeated keys, which would be lost silently."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise ThemeError(f"line {mark.line + 1}: aliases (*name) are not allowed")
        return super().compose_node(parent, index)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except _CANNOT_BE as error:
            kind = str(node.tag).rpartition(":")[2]
            raise ThemeError(f"line {node.start_mark.line + 1}: a value that is no valid {kind}") from error

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _value in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                raise ThemeError(f"line {key.start_mark.line + 1}: expected a name before the colon, not a list or map")
            if key.value in seen:
                raise ThemeError(f"line {key.start_mark.line + 1}: {key.value!r} is given twice")
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def read(text: str) -> dict[str, Any]:
    """The contents of a theme file. Raises ThemeError if it is not valid."""
    try:
        # The loader is a SafeLoader that refuses more.
        document = yaml.load(text, Loader=_PlainLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise ThemeError(f"{where}{getattr(error, 'problem', None) or 'is not YAML'}") from error
    if not isinstance(document, dict):
        raise ThemeError("expected the keys name, dark, colors and variables")
    return document
