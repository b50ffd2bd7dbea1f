"""How cost grows with the graph: time and memory per op, eager and replayed, from 10³ ops on.

The graph is a random one of products, sums, differences and tanh, each op on the result before and on an input or
one of the last sixteen results (no blocks, and runs of few ops: the plain cost of a tape).  Each size runs in a
process of its own.  *eager*: building the graph and one backward pass; *record*: making the tape, the function's own
run included; *replay*: one forward and backward pass for one sample.  Bytes per op are the growth of the process's
peak memory: up to the end of the eager backward pass, and, when that graph is gone, of recording and replaying
(a tape keeps the recorded Values, so that their adjoints can be asked for).  Medians of three where a pass takes
less than a second.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from math import log10
from pathlib import Path
from typing import Any

from benchmarks.peers import report
from engine import Value, record
from engine.files import write_whole


def program(count: int) -> Callable[[Any], Any]:
    """A function of 16 numbers with `count` ops."""
    draw = random.Random(0)
    plan = bytes(draw.randrange(64) for _ in range(count))

    def function(x: Any) -> Any:
        recent = list(x)
        v = x[0]
        for i, step in enumerate(plan):
            place, kind = step & 15, step >> 4
            if kind == 0:
                v = v * x[place]
            elif kind == 1:
                v = v + recent[place]
            elif kind == 2:
                v = v - x[place]
            else:
                v = v.tanh()
            recent[i & 15] = v
        return v

    return function


def peak() -> int:
    """Bytes of this process's peak resident memory."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Median seconds of a call, and its last result."""
    times: list[float] = []
    while len(times) < 3 and sum(times) < 1.0:
        result = None
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def one_size(count: int, compiled: bool) -> dict[str, float | None]:
    """Nanoseconds and bytes per op at one size; run in a process of its own."""
    function = program(count)
    x = [0.05 * (i + 1) * (-1) ** i for i in range(16)]  # numbers that neither vanish nor grow without end
    warm = record(program(64), x, compiled=compiled)  # kernels are compiled before anything is measured
    warm.forward(x)
    warm.backward()
    gc.collect()
    gc.disable()
    start = peak()

    def eager() -> Any:
        root = function([Value(v) for v in x])
        root.backward()
        return root

    seconds, root = timed(eager)
    after_eager = peak()
    del root
    recording, tape = timed(lambda: record(function, x, compiled=compiled))

    def replay() -> None:
        tape.forward(x)
        tape.backward()

    replay()
    replaying, _ = timed(replay)
    after_replay = peak()
    reached = tape.ops  # ops on which the root does not depend are not recorded
    return {
        "ops": reached,
        "eager": seconds / count * 1e9,
        "record": recording / reached * 1e9,
        "replay": replaying / reached * 1e9,
        "eager bytes": (after_eager - start) / count if count >= 100_000 else None,
        "replay bytes": (after_replay - start) / reached if count >= 100_000 else None,
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--largest", type=int, default=6, help="the last size is 10 to this, at most 7 (%(default)s)")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--compiled", type=int, default=1, help=argparse.SUPPRESS)
    parser.set_defaults(run=main)


def main(arguments: argparse.Namespace) -> None:
    """Measure each size in a process, print the table, and write growth.md and growth.svg."""
    if arguments.one:
        print(json.dumps(one_size(arguments.one, bool(arguments.compiled))))
        return
    if not 3 <= arguments.largest <= 7:
        sys.exit(f"benchmarks growth: --largest: expected 3 to 7, got {arguments.largest}")
    try:
        import numba  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: F401

        kinds = {"replay": 1, "replay, plain Python": 0}
    except ImportError:
        kinds = {"replay, plain Python": 0}
    rows: list[list[Any]] = []
    for power in range(3, arguments.largest + 1):
        found = {}
        for name, compiled in kinds.items():
            if power == 7 and not compiled and len(kinds) > 1:
                continue
            command = [sys.executable, "-m", "benchmarks.growth", "--one", str(10**power), "--compiled", str(compiled)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found[name] = json.loads(done.stdout)
        some = next(iter(found.values()))
        replays = [found[name]["replay"] if name in found else None for name in kinds]
        rows.append([power, some["eager"], some["record"], *replays, some["eager bytes"], some["replay bytes"]])
    head = ["ops", "eager", "record", *kinds, "eager, bytes", "record and replay, bytes"]
    curves = {
        name: [(row[0], row[i]) for row in rows if row[i] is not None] for i, name in enumerate(head) if i > 0
    }
    rows = [[f"10^{power}", *figures] for power, *figures in rows]
    notes = (__doc__ or "").partition("\n\n")[2] + "\n![ns and bytes per op against ops](growth.svg)"
    command_line = f"python -m benchmarks growth --largest {arguments.largest}"
    report("growth", "Cost and size", command_line, [("ns per op; bytes per op", head, rows)], notes)
    write_whole(Path(__file__).with_name("growth.svg"), picture(curves))


def picture(curves: dict[str, list[tuple[int, float]]]) -> str:
    """ns per op, and below bytes per op, against ops, all axes logarithmic, as SVG."""
    times = {name: points for name, points in curves.items() if not name.endswith("bytes")}
    sizes = {name: points for name, points in curves.items() if name.endswith("bytes") and points}
    last = max(power for points in times.values() for power, _ in points)
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 660" font-family="sans-serif" font-size="12">',
        '<rect width="640" height="660" fill="white"/>',
        *panel("ns per op, forward and backward, against ops", times, last, 0),
        *(panel("bytes per op, peak memory, against ops", sizes, last, 330) if sizes else ()),
    ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def panel(title: str, curves: dict[str, list[tuple[int, float]]], last: int, top: int) -> list[str]:
    """Curves over 10³ … 10^last, from the height `top` on."""
    colours = ("#0072B2", "#8A6D00", "#009E73", "#CC79A7")
    values = [log10(value) for points in curves.values() for _, value in points]
    low, high = int(min(values)), int(max(values)) + 1

    def at(power: float, value: float) -> tuple[float, float]:
        x = 60 + 400 * (power - 3) / max(last - 3, 1)
        return round(x, 1), round(top + 280 - 240 * (value - low) / (high - low), 1)

    parts = [f'<text x="60" y="{top + 24}">{title}</text>']
    for value in range(low, high + 1):
        x, y = at(3, value)
        parts.append(f'<line x1="{x}" y1="{y}" x2="460" y2="{y}" stroke="#ddd"/>')
        parts.append(f'<text x="54" y="{y + 4}" text-anchor="end">{10**value:,}</text>')
    for power in range(3, last + 1):
        exponent = f'<tspan dy="-5" font-size="9">{power}</tspan>'
        parts.append(f'<text x="{at(power, low)[0]}" y="{top + 300}" text-anchor="middle">10{exponent}</text>')
    for (name, points), colour in zip(curves.items(), colours, strict=False):
        places = [at(power, log10(value)) for power, value in points]
        line = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x, y = places[-1]
        parts.append(f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">{name}</text>')
    return parts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    main(parser.parse_args())
