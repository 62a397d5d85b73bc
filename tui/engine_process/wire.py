"""The protocol between the console and the engine's process: frames on the pipes between them.

A frame is one byte for its kind, eight bytes for the length of the body (big-endian), and the body. Bodies are pickled,
because a snapshot consists of arrays and dataclasses and both ends are this program: the pipes are inherited, and
nothing from outside may ever be read with this. Used only by this package. It must load next to nothing, so that the
console can paint before it has loaded numpy and the snapshot's types.
"""

from __future__ import annotations

import argparse
import io
import pickle
import struct
from dataclasses import dataclass
from enum import IntEnum
from pickle import UnpicklingError as UnpicklingError
from typing import Any, BinaryIO, Final

from engine.config.schema import Config

HEAD: Final = struct.Struct(">BQ")
PROTOCOL: Final = 5
OURS: Final = ("engine.", "tui.engine_process.")
OTHERS: Final = frozenset({
    ("argparse", "Namespace"), ("builtins", "dict"), ("builtins", "frozenset"), ("msgspec._utils", "rebuild"),
    ("numpy", "dtype"), ("numpy", "ndarray"), ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"), ("numpy._core.numeric", "_frombuffer"),
})  # fmt: skip
"""Types that snapshots and orders may contain, besides those of the packages in `OURS`."""
MISMADE: Final = (AttributeError, EOFError, ImportError, IndexError, KeyError, TypeError, ValueError)
"""What pickle may also raise, for example for a type that a newer version of prism, installed meanwhile, lacks."""


class Kind(IntEnum):
    """What a frame contains."""

    ORDERS = 0
    """To the engine, once and first: `Orders`."""
    WISH = 1
    """To the engine: a request, as the name of a method of `Source` and its arguments."""
    PART = 2
    """To the console: a part that stays the same over many snapshots, sent before the first that has it."""
    PICTURE = 3
    """To the console: a `Snapshot` without those parts."""
    FAILURE = 4
    """To the console: in words, why the engine ended. UTF-8, not pickled."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What an engine is built from."""

    config: Config
    args: argparse.Namespace
    """The command line's: `mode`, and the settings of the simulator and the recorder."""

    @property
    def is_demo(self) -> bool:
        """Whether to use the simulator."""
        return self.args.mode == "demo" or getattr(self.args, "demo", False)

    @property
    def is_recorded(self) -> bool:
        """Whether to record what the venues send."""
        return hasattr(self.args, "folder")


def write_frame(pipe: BinaryIO, kind: Kind, body: bytes) -> None:
    """Write one frame. Raises OSError or ValueError if either end is closed."""
    pipe.write(HEAD.pack(kind, len(body)))
    pipe.write(body)
    pipe.flush()


def read_frame(pipe: BinaryIO) -> tuple[Kind, bytes] | None:
    """The next frame; None at the end of the stream, also in the middle of a frame. Raises UnpicklingError if its first
    byte is no `Kind`."""
    head = pipe.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    number, length = HEAD.unpack(head)
    try:
        kind = Kind(number)
    except ValueError:
        raise UnpicklingError(f"no frame begins with {head!r}") from None
    body = pipe.read(length)
    return (kind, body) if len(body) == length else None


def packed(thing: object) -> bytes:
    """The body of a frame with `thing`."""
    return pickle.dumps(thing, PROTOCOL)


def unpacked(body: bytes) -> Any:
    """What the other end packed. Raises UnpicklingError for any type that snapshots and orders do not contain."""
    try:
        return _Unpickler(io.BytesIO(body)).load()
    except MISMADE as error:
        raise UnpicklingError(f"{type(error).__name__}: {error}") from None


class _Unpickler(pickle.Unpickler):
    """Restores only data: the engine's own types, arrays and the command line's arguments."""

    def find_class(self, module: str, name: str) -> Any:
        if (module.startswith(OURS) and "." not in name) or (module, name) in OTHERS:
            return super().find_class(module, name)
        raise UnpicklingError(f"{module}.{name} is no part of a picture")
