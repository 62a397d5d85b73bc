"""What a browser page sends as one packet is one key, whenever the next one comes."""

from __future__ import annotations

import pytest
from textual import constants, events

from tui.web.driver import PageDriver, Typed
from tui.web.page import _environment


@pytest.mark.parametrize(
    ("packets", "keys"),
    [
        ([b"\x1b", b"?"], ["escape", "question_mark"]),
        ([b"\x1b", b"f"], ["escape", "f"]),
        ([b"\x1b", b"\x1a"], ["escape", "ctrl+z"]),
        ([b"\x1b", b"\x1b"], ["escape", "escape"]),
        ([b"\x1bf"], ["alt+f"]),
        ([b"\x1b[A", b"\x1bOP"], ["up", "f1"]),
        (["\u20ac".encode()[:2], "\u20ac".encode()[2:]], ["euro_sign"]),
    ],
)
def test_a_packet_is_a_key(monkeypatch: pytest.MonkeyPatch, packets: list[bytes], keys: list[str]) -> None:
    monkeypatch.setattr(constants, "ESCAPE_DELAY", constants.ESCAPE_DELAY)
    typed = Typed()
    found = [message for packet in packets for message in typed.messages(packet)]
    assert [message.key for message in found if isinstance(message, events.Key)] == keys


def test_a_pasted_text_is_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ESCAPE_DELAY", constants.ESCAPE_DELAY)
    (pasted,) = Typed().messages(b"\x1b[200~score > \x1b70\x1b[201~")
    assert isinstance(pasted, events.Paste)
    assert pasted.text == "score > 70"


def test_a_page_runs_this_driver_and_knows_no_multiplexer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX", "/tmp/tmux-1000/default,1,0")
    environment = _environment(80, 24)
    assert environment["TEXTUAL_DRIVER"] == f"{PageDriver.__module__}:{PageDriver.__name__}"
    assert "TMUX" not in environment
