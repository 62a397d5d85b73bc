"""Lazy decoding of the book rows of a frame: numbers at once, exact decimal text only on first access.

Used by the parsers of venues whose rows are [price, size]. The decoder itself checks the numbers, in C, which makes
this the cheapest place to refuse a price of 0, a negative size, `nan` or a row of three fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, overload

import msgspec

from engine.venues.checks import MAX_PRICE, Price, Size

_ROWS: Final = msgspec.json.Decoder(list[tuple[Price, Size]], strict=False)
_FLAT: Final = msgspec.json.Decoder(list[Size])
_TEXTS: Final = msgspec.json.Decoder(list[tuple[str, str]])
_FLAT_TEXTS: Final = msgspec.json.Decoder(list[str])
_ANY: Final = msgspec.json.Decoder(list[tuple[object, object]])
_DECIMALS: Final = b"0123456789."
_QUOTING: Final = b'"[]'
_ROW: Final = b'["",""]'
_PLAIN: dict[int, bytes] = {}
"""By length, what remains of plainly written rows once their digits are removed."""
_PLAIN_ROWS: Final = 2_000
"""Most rows for which the pattern is cached, 16 MB in all: the sender chooses the lengths."""


def numbers(raw: msgspec.Raw) -> list[float]:
    """Price and size of every row, flattened. Raises msgspec.ValidationError, which names the place, for anything else.

    Rows as venues write them, `[["1.5","20"],...]`, are recognized by what remains without the digits. Their quotes
    and brackets are then removed and one flat list of numbers is read, which takes half as long as reading rows.
    """
    text = bytes(raw)
    if _is_plain(text):
        if len(text) == len(b"[]"):
            return []
        try:
            flat = _FLAT.decode(b"[%b]" % text.translate(None, _QUOTING))
        except msgspec.DecodeError:
            flat = [0.0]
        if min(flat[::2]) > 0.0 and max(flat) < MAX_PRICE:
            return flat
    return [number for row in _ROWS.decode(text) for number in row]


def _is_plain(text: bytes) -> bool:
    """Whether the rows are written as venues write them: two quoted decimals each and no blanks."""
    shape = text.translate(None, _DECIMALS)
    plain = _PLAIN.get(len(shape))
    if plain is None:
        rows, rest = divmod(len(shape) - 1, len(_ROW) + 1)
        if rest:
            # Either no rows (a list of one bare number looks the same without its digits) or rows of another form.
            return text == b"[]"
        plain = b"[%b]" % b",".join([_ROW] * rows)
        if rows <= _PLAIN_ROWS:
            _PLAIN[len(shape)] = plain
    return shape == plain


class TextRows(Sequence[tuple[str, str]]):
    """The rows as the venue's own decimal text, decoded on first access."""

    __slots__ = ("_count", "_raw", "_rows")

    def __init__(self, raw: msgspec.Raw, count: int) -> None:
        """`raw` must have passed `numbers`, which found `count` rows."""
        self._raw = raw
        self._count = count
        self._rows: list[tuple[str, str]] | None = None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._decoded())

    @overload
    def __getitem__(self, index: int) -> tuple[str, str]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[str, str]]: ...
    def __getitem__(self, index: int | slice) -> tuple[str, str] | Sequence[tuple[str, str]]:
        return self._decoded()[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self._decoded()))

    def _decoded(self) -> list[tuple[str, str]]:
        if self._rows is None:
            text = bytes(self._raw)
            try:
                if _is_plain(text):
                    flat = iter(_FLAT_TEXTS.decode(b"[%b]" % text.translate(None, b"[]")))
                    self._rows = list(zip(flat, flat, strict=True))
                else:
                    self._rows = _TEXTS.decode(text)
            except msgspec.ValidationError:
                # The venue sent numbers although it documents strings: their shortest form is the only text available.
                self._rows = [(str(price), str(size)) for price, size in _ANY.decode(self._raw)]
        return self._rows
