"""The cost of receiving a frame in prism and in other WebSocket clients: `python -m bench.streams`.

A server in a child process sends frames of 200 B to 6 kB over loopback, as fast as they are read and at 5,000 per
second. Every client decodes each frame to text and passes it to a loop that counts it. The figure is the client's CPU
time, user and system, in microseconds per frame, the smaller of two runs, without the server's. `prism` is `LiveNet`:
picows with times of arrival, a bounded queue and one wake-up per read. Its peers are picows itself (a listener that
decodes and appends), picows.websockets, aiohttp and websockets. Each client and event loop has a process of its own,
one after the other. TLS uses a certificate made for the run by `openssl`. Deflate is permessage-deflate without context
takeover by the server, compressed before the run; `-` means that the client does not support it.

`prism` and picows leave TLS to the event loop. If aiofastnet is installed, picows would use it for TLS. That is
cheaper, but after reading was paused it stalls: data already decrypted stays there until more arrives (aiofastnet
1.2.0; `test_too_much_waiting_over_tls_loses_nothing`). picows.websockets uses it too and stalls in that way, so its TLS
columns are left out.

At 5,000 per second nearly all of the cost is the wake-up for each frame, not the frame itself. A loop that waits in a
task pays for the task as well, so `prism` is close to its peers there.

Bar: without deflate and TLS, at saturation, `prism` uses at most half the CPU time of websockets on the same loop. Exit
code 1 if it is missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.streams_server import serving

CLIENTS: Final = ("prism", "picows", "picows.websockets", "aiohttp", "websockets")
LOOPS: Final = ("asyncio", "uvloop")
RATES: Final = {"saturation": 0, "5,000/s": 5_000}
BAR: Final = 0.5
RUNS: Final = 2


def main() -> int:
    """Run every client on every loop and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__.splitlines()[0])
    parser.add_argument("--client", choices=CLIENTS, action="append", help="only this one; may be repeated")
    parser.add_argument("--frames", type=int, default=20_000, help="frames of one run at saturation")
    parser.add_argument("--paced", type=int, default=2_500, help="frames of one run at 5,000/s")
    chosen = parser.parse_args()
    clients = chosen.client or CLIENTS
    with tempfile.TemporaryDirectory() as folder:
        certificate = _certificate(Path(folder))
        cells = [
            {"tls": tls, "deflate": deflate, "rate": rate, "frames": chosen.paced if rate else chosen.frames}
            for tls in ((False, True) if certificate else (False,))
            for deflate in (False, True)
            for rate in RATES.values()
        ]
        with serving(certificate) as ports:
            found = {
                (client, loop): _measured(client, loop, cells, ports, certificate)
                for client in clients
                for loop in LOOPS
            }
    if not certificate:
        print("openssl is absent: TLS is not measured")
    print("client CPU in microseconds a frame; frames of 200 B to 6 kB, mean 0.9 kB")
    head = [_title(cell) for cell in cells]
    for line in range(3):
        print(f"{'':27}" + "".join(f"{title[line]:>12}" for title in head))
    for (client, loop), figures in found.items():
        row = "".join(f"{'-' if us is None else f'{us:.2f}':>12}" for us in figures)
        print(f"{client:<18} {loop:<8}{row}")
    return _verdict(found)


def _title(cell: dict[str, object]) -> tuple[str, str, str]:
    rate = next(name for name, rate in RATES.items() if rate == cell["rate"])
    return rate, "deflate" if cell["deflate"] else "plain", "TLS" if cell["tls"] else "TCP"


def _measured(
    client: str, loop: str, cells: list[dict[str, object]], ports: dict[str, int], certificate: Path | None
) -> list[float | None]:
    task = {"client": client, "loop": loop, "cells": cells, "ports": ports, "runs": RUNS, "ca": str(certificate or "")}
    done = subprocess.run(
        [sys.executable, "-m", "bench.streams_client", json.dumps(task)], check=True, capture_output=True, text=True
    )
    figures: list[float | None] = json.loads(done.stdout)
    return figures


def _certificate(folder: Path) -> Path | None:
    """A self-signed certificate for 127.0.0.1 and its key in one file; None if `openssl` is absent."""
    if shutil.which("openssl") is None:
        return None
    both = folder / "both.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=127.0.0.1"
    extension = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run([*command.split(), *extension, *files], check=True, capture_output=True)
    both.write_text((folder / "key.pem").read_text() + (folder / "certificate.pem").read_text())
    return both


def _verdict(found: dict[tuple[str, str], list[float | None]]) -> int:
    missed = 0
    for loop in LOOPS:
        if not {("prism", loop), ("websockets", loop)} <= found.keys():
            continue
        for column, rate in enumerate(RATES):
            ours, theirs = found["prism", loop][column], found["websockets", loop][column]
            assert ours is not None
            assert theirs is not None
            barred = RATES[rate] == 0
            missed += barred and ours > BAR * theirs
            bar = f", bar {BAR:.2f}" if barred else ""
            print(f"{loop}, {rate}: prism / websockets {ours / theirs:.2f}{bar}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
