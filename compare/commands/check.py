"""``python -m compare check``: a solution file diagnosed, with points, for learners and for graders.

The file runs in a child process with a time-out and a memory limit, so that an endless loop or a crash is a
finding and the command goes on.  That protects against mistakes, not against malice: it is no sandbox, and
hostile code can do whatever its user can.  Run other people's code where it can do no harm (a container).

Exit codes: 0 the solution is right, 1 it is not (mistakes, with or without a name), 2 bad usage or input,
3 it did not run (an exception, a hang, a crash, too much memory, nothing comparable), 4 the diagnosis itself
failed, or could not judge, which says nothing about the solution.
"""

import argparse
import html
import json
import math
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

from compare.commands.arguments import activation_of, add_functions, sizes
from compare.solutions.parent import diagnose_file
from compare.solutions.points import Marks, asked, judged, marks, reasons, scheme, unmarked
from compare.solutions.request import Outcome, Request, problem
from engine.files import write_json, write_whole

FORMAT = "compare.check 1"
_CODES = (
    "Exit codes: 0 right; 1 not right; 2 bad usage or input; 3 the solution did not run (exception, hang, crash, "
    "memory, nothing comparable); 4 the diagnosis itself failed."
)
_POINTS = (
    "points: one for each equation that holds, layer by layer, and for what is beside the equations: batch (sum, mean; "
    "with several samples or --reduction), C (with --regularisation), update (of a training step), code (always: "
    "repeated calls, precision)"
)
_NO_SANDBOX = (
    "The file runs in a child process with limits of time and memory. This is no sandbox: hostile code can do "
    "whatever you can. Run code that you do not trust where it can do no harm."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.set_defaults(run=run)
    parser.description = (
        "Say whether the backpropagation in a Python file is right, and what is wrong with it. The file defines "
        "backprop(weights, biases, x, y), or a class Network(sizes) with weights, biases and backprop(x, y), both "
        f"returning (nabla_b, nabla_w), or a training step step(weights, biases, x, y, eta). {_NO_SANDBOX}"
    )
    parser.epilog = _CODES
    parser.add_argument("solution", metavar="SOLUTION.py", help="the file")
    parser.add_argument(
        "--function", default="", metavar="NAME", help="the function or class (backprop, Network, step)"
    )
    network = parser.add_argument_group("the network, and the data, which are random")
    network.add_argument("--sizes", type=sizes, default=[3, 4, 2], help="units per layer (3,4,2)")
    add_functions(network)
    network.add_argument("--seed", type=_whole(0), default=0, help="(%(default)s)")
    network.add_argument("--samples", type=_whole(1), default=3, help="(%(default)s)")
    declared = parser.add_argument_group("conventions that the solution is to keep (any that is recognised)")
    declared.add_argument("--reduction", choices=["sum", "mean"], help="over the samples")
    declared.add_argument("--layout", choices=["columns", "rows"], help="what a sample is")
    declared.add_argument("--dtype", choices=["float32", "float64"], help="of the numbers inside")
    declared.add_argument("--regularisation", type=_number(0.0), metavar="LAMBDA", help="λ of the weights' squares")
    limits = parser.add_argument_group("limits")
    limits.add_argument("--timeout", type=_number(0.001, 1e6), default=20.0, metavar="SECONDS", help="(20)")
    limits.add_argument("--memory", type=_whole(1, 1 << 20), default=1024, metavar="MIB", help="(%(default)s)")
    forms = parser.add_argument_group("output")
    forms.add_argument("--points", action="store_true", help=_POINTS)
    forms.add_argument("--scheme", type=_scheme, metavar="BP1=2,batch=3,…", help="points per row (1); implies --points")
    forms.add_argument("--json", metavar="FILE", help="write the result there as well; - prints it and nothing else")
    forms.add_argument("--html", metavar="FILE", help="write a page there as well")


def run(options: argparse.Namespace) -> int:
    """Diagnose the file, say what was found; the exit code is one of those above.

    What the solution printed goes to stderr.

    Raises
    ------
    OSError, ValueError
        There is no such file; the network has no value at the data; an output cannot be written.
    """
    if not Path(options.solution).is_file():
        raise FileNotFoundError(f"{options.solution}: no such file; expected a Python file with a backpropagation")
    request = _request(options)
    outcome = diagnose_file(request)
    points = _marks(request, outcome, options.scheme or {})
    code = exit_code(outcome)
    shows = bool(options.points or options.scheme)
    if options.html:
        write_whole(options.html, page(request, outcome, points if shows else None))
    if options.json == "-":
        print(json.dumps(to_dict(request, outcome, points, code), indent=1, allow_nan=False))
    elif options.json:
        write_json(options.json, to_dict(request, outcome, points, code))
    if outcome.output:
        print(f"{request.path} printed, in all the calls that were made:\n{outcome.output.rstrip()}\n", file=sys.stderr)
    if options.json != "-":
        said = [outcome.diagnosis["text"]] if outcome.diagnosis else []
        print("\n\n".join([*_paragraphs(request, outcome), *said]))
        if shows:
            why = "".join(f"\n{said}" for said in points.why)
            print(f"\n{points.table()}\n{why and why + chr(10)}\n{points.in_words}")
    return code


def _marks(request: Request, outcome: Outcome, worth: dict[str, Fraction]) -> Marks:
    """The points; of a solution that did not run, all rows as not judged."""
    beside = asked(request.samples, request.conventions, outcome.step)
    if not (outcome.ran and outcome.diagnosis):
        return marks(unmarked(request.sizes, beside), worth)
    data = outcome.diagnosis["data"]
    return marks(judged(data, beside), worth, reasons(data, outcome.diagnosis["apart"]))


def exit_code(outcome: Outcome) -> int:
    """The exit code that says what became of a solution."""
    if not outcome.ran or outcome.diagnosis is None:
        return 4 if outcome.kind == "internal" else 3
    return {True: 0, False: 1, None: 4}[outcome.diagnosis["right"]]


def to_dict(request: Request, outcome: Outcome, points: Marks, code: int) -> dict[str, Any]:
    """The result as plain data, for graders."""
    return {
        "format": FORMAT,
        "file": request.path,
        "checked": outcome.checked,
        "verdict": ("right", "not right", "", "did not run", "not diagnosed")[code],
        "exit_code": code,
        "finding": None
        if outcome.ran
        else {"kind": outcome.kind, "text": outcome.text, "traceback": outcome.traceback},
        "points": points.to_dict(),
        "diagnosis": None if outcome.diagnosis is None else outcome.diagnosis["data"],
        "notes": outcome.notes,
        "output": outcome.output,
        "network": {
            "sizes": request.sizes, "activation": request.activation, "cost": request.cost, "seed": request.seed,
            "samples": request.samples, **request.conventions,
        },
    }  # fmt: skip


def page(request: Request, outcome: Outcome, points: Marks | None) -> str:
    """The result as an HTML page that needs nothing else."""
    title = html.escape(Path(request.path).name)
    body = [f"<h1>{title}</h1>", *(f"<pre>{html.escape(part)}</pre>" for part in _paragraphs(request, outcome))]
    if outcome.diagnosis is not None:
        body.append(outcome.diagnosis["html"])
    if points is not None:
        body += [points.table("html"), *(f"<p>{html.escape(said)}</p>" for said in (*points.why, points.in_words))]
    if outcome.output:
        body.append(f"<h2>It printed</h2>\n<pre>{html.escape(outcome.output)}</pre>")
    lines = "\n".join(body)
    return f'<!DOCTYPE html>\n<html lang="en">\n{_HEAD}\n<title>{title}</title>\n{lines}\n</html>\n'


_HEAD = """<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem }
pre { font: 0.9rem/1.5 ui-monospace, Menlo, Consolas, monospace; white-space: pre-wrap }
th, td { padding: 0.1rem 0.8rem; text-align: left }
</style>"""


_HEADS = {
    "ran": "",
    "syntax": "did not run",
    "interface": "nothing to compare",
    "exception": "raised",
    "exit": "ended the process",
    "memory": "ran out of memory",
    "hang": "hung",
    "crash": "crashed",
    "internal": "the diagnosis failed, which says nothing about the solution",
}


def _paragraphs(request: Request, outcome: Outcome) -> list[str]:
    """What was checked, why it did not run, remarks; the diagnosis comes after."""
    names_ = request.activation if isinstance(request.activation, str) else "/".join(request.activation)
    net = f"{'-'.join(map(str, request.sizes))}, {names_}, {request.cost} cost, {request.samples} samples"
    head = f"{request.path}: {outcome.checked + ', ' if outcome.checked else ''}{net}"
    failed = "" if outcome.ran else f"{_HEADS[outcome.kind].upper()}: {outcome.text}"
    notes = "\n".join(f"note: {note}" for note in outcome.notes)
    return [part for part in (head, failed, outcome.traceback, notes) if part]


def _request(options: argparse.Namespace) -> Request:
    """The request; refused with a ValueError where our own network has no cost at its data."""
    declared = {name: getattr(options, name) for name in ("reduction", "layout", "dtype", "regularisation")}
    request = Request(
        path=options.solution,
        function=options.function,
        sizes=options.sizes,
        activation=activation_of(options),
        cost=options.cost,
        seed=options.seed,
        samples=options.samples,
        conventions={name: value for name, value in declared.items() if value is not None},
        timeout=options.timeout,
        memory=options.memory,
    )
    try:
        network, x, y = problem(request)
        network.backprop(x, y)
    except MemoryError as error:
        raise ValueError(f"--sizes, --samples: more than fits into memory ({error})") from error
    return request


def _whole(least: int, most: int = 2**32 - 1) -> Any:
    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
        if number < least:
            raise argparse.ArgumentTypeError(f"expected at least {least}, got {number}")
        if number > most:
            raise argparse.ArgumentTypeError(f"expected at most {most}, got {number}")
        return number

    return parse


def _number(least: float, most: float = math.inf) -> Any:
    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
        if not (math.isfinite(number) and number >= least):
            raise argparse.ArgumentTypeError(f"expected a number from {least:g} on, got {text}")
        if number > most:
            raise argparse.ArgumentTypeError(f"expected at most {most:g}, got {text}")
        return number

    return parse


def _scheme(text: str) -> dict[str, Fraction]:
    try:
        return scheme(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
