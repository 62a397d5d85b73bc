"""Who may see the console in a browser: token, Host and Origin, and the file that a user keeps a token in."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigError
from tui.web.access import Access, hosts_of, is_loopback, new_token, token_of


def test_tokens_are_long_and_never_the_same() -> None:
    made = {new_token() for _ in range(100)}
    assert len(made) == 100
    assert all(len(one) >= 32 for one in made)


@pytest.mark.parametrize("wrong", ["", "a", "Ä" * 32, "t" * 31, "t" * 33])
def test_only_the_token_itself_is_known(wrong: str) -> None:
    access = Access("t" * 32, frozenset())
    assert access.knows("t" * 32)
    assert not access.knows(wrong)


@pytest.mark.parametrize(
    ("address", "own"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("::", False), ("192.168.1.5", False), ("example.org", False), ("127.0.0.1.example.org", False)],
)  # fmt: skip
def test_what_is_reached_from_this_machine_only(address: str, own: bool) -> None:
    assert is_loopback(address) is own


def test_hosts_of_the_loopback() -> None:
    access = Access("", hosts_of("127.0.0.1", 7447))
    for host in ("127.0.0.1:7447", "localhost:7447", "LOCALHOST:7447", "[::1]:7447"):
        assert access.serves(host)
    assert not access.serves(None)
    for host in ("", "127.0.0.1", "localhost:80", "evil.example:7447", "127.0.0.1:7447.evil.example"):
        assert not access.serves(host)


def test_hosts_of_an_address_and_of_names() -> None:
    assert hosts_of("192.168.1.5", 80) == {"192.168.1.5:80", "192.168.1.5"}
    assert hosts_of("0.0.0.0", 7447, ("Desk.example", "desk.example:443")) == {
        "desk.example",
        "desk.example:7447",
        "desk.example:443",
    }
    with pytest.raises(ConfigError, match="--name"):
        hosts_of("::", 7447)
    for name in ("", "a/b", "a b", "http://a", "a:", "a\x1b[31m", "."):
        with pytest.raises(ConfigError, match="expected a host name"):
            hosts_of("127.0.0.1", 7447, (name,))


@pytest.mark.parametrize(
    ("origin", "own"),
    [("http://localhost:7447", True), ("https://localhost:7447", True), (None, False), ("null", False),
     ("http://localhost:7448", False), ("http://127.0.0.1:7447", False), ("http://evil.example", False),
     ("http://localhost:7447.evil.example", False), ("file://", False)],
)  # fmt: skip
def test_only_pages_of_the_address_asked_are_own(origin: str | None, own: bool) -> None:
    access = Access("", hosts_of("127.0.0.1", 7447))
    assert access.is_own_page(origin, "localhost:7447") is own
    assert not access.is_own_page("http://evil.example", "evil.example")


def test_a_token_of_the_users_own(tmp_path: Path) -> None:
    file = tmp_path / "token"
    with pytest.raises(ConfigError, match="No such file"):
        token_of(file)
    file.write_text("0123456789abcdef0123456789abcdef\n")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        token_of(file)
    file.chmod(0o600)
    assert token_of(file) == "0123456789abcdef0123456789abcdef"
    for wrong in ("short", "with space " * 4, "../" * 20, "a" * 201, ""):
        file.write_text(wrong)
        with pytest.raises(ConfigError, match="expected 22 to 200"):
            token_of(file)
