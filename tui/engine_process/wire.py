"""What the console and the engine's process say to each other: frames on the pipes between them.

A frame is one byte that says what it is, the length of what follows, and that. Pickled, since what is said is the
engine's own picture of arrays and dataclasses, and both ends are this program: the pipes are inherited, and nothing
from outside is ever read with this. Used by this room alone; it loads next to nothing, so that the engine's process can
be started before the console has loaded its own.
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
"""What pictures and orders are made of, besides types of these modules."""


class Kind(IntEnum):
    """What a frame holds."""

    ORDERS = 0
    """To the engine, once and first: `Orders`."""
    WISH = 1
    """To the engine: the name of a method of `Source`, and its arguments."""
    PART = 2
    """To the console: a part that stays the same over many pictures, before the first picture that has it."""
    PICTURE = 3
    """To the console: a `Snapshot` without those parts."""
    FAILURE = 4
    """To the console: in words why the engine ended."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What an engine is made from."""

    config: Config
    args: argparse.Namespace
    """Of the command line: `mode`, and what the simulator and the recorder are made from."""

    @property
    def is_demo(self) -> bool:
        """Whether the markets are invented."""
        return self.args.mode == "demo" or getattr(self.args, "demo", False)

    @property
    def is_recorded(self) -> bool:
        """Whether what comes in is recorded too."""
        return hasattr(self.args, "folder")


def write_frame(pipe: BinaryIO, kind: Kind, body: bytes) -> None:
    """One frame, whole. Raises OSError or ValueError where the other end, or this one, is closed."""
    pipe.write(HEAD.pack(kind, len(body)))
    pipe.write(body)
    pipe.flush()


def read_frame(pipe: BinaryIO) -> tuple[Kind, bytes] | None:
    """The next frame; None at the end, also where that comes in the middle of one."""
    head = pipe.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    kind, length = HEAD.unpack(head)
    body = pipe.read(length)
    return (Kind(kind), body) if len(body) == length else None


def packed(thing: object) -> bytes:
    """As it is sent."""
    return pickle.dumps(thing, PROTOCOL)


def unpacked(body: bytes) -> Any:
    """What the other end packed. Raises UnpicklingError for anything that a picture or an order is not made of."""
    return _Unpickler(io.BytesIO(body)).load()


class _Unpickler(pickle.Unpickler):
    """Makes data alone: the engine's own types, arrays and what the command line holds."""

    def find_class(self, module: str, name: str) -> Any:
        if (module.startswith(OURS) and "." not in name) or (module, name) in OTHERS:
            return super().find_class(module, name)
        raise UnpicklingError(f"{module}.{name} is no part of a picture")
