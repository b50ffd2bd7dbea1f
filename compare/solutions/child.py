"""The child process of `compare.solutions.parent`: imports a solution file, diagnoses it, writes down what it found."""

import copy
import dataclasses
import faulthandler
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from compare.candidates.conventions import is_step
from compare.candidates.gradients import NotGradients
from compare.diagnosing.diagnose import diagnose
from compare.diagnosing.diagnosis import Diagnosis
from compare.diagnosing.shapes import ROWS
from compare.solutions.file import Undiagnosable, chosen, is_theirs, load, maker, outcome_of
from compare.solutions.limits import lift_limits, set_limits
from compare.solutions.request import Outcome, Request, problem
from engine.files import write_whole


def main(folder: str) -> None:
    """Do what folder/request.json says, write folder/result.json, and end the process.

    folder/trace.txt gets the stack, from faulthandler, when the time is up or the process crashes.
    """
    at = Path(folder)
    request = Request(**json.loads((at / "request.json").read_text(encoding="utf-8")))
    with (at / "trace.txt").open("wb") as trace:
        faulthandler.enable(trace)
        faulthandler.dump_traceback_later(request.timeout, exit=True, file=trace)
        notes = set_limits(request)
        (at / "started").touch()
        outcome = _attempt(request, notes)
        faulthandler.cancel_dump_traceback_later()
        write_whole(at / "result.json", json.dumps(dataclasses.asdict(outcome), allow_nan=False))
        # Not through the interpreter's end: threads and exit handlers of the solution could hang there.
        os._exit(0)


def _attempt(request: Request, notes: list[str]) -> Outcome:
    checked, step = "", False
    try:
        random.seed(request.seed)
        np.random.seed(request.seed)
        module = load(request.path)
        name, remarks = chosen(module, request.function)
        notes += remarks
        make, checked = maker(getattr(module, name), name, request.sizes)
        step = is_step(getattr(module, name))
        outcome = _outcome(make, request)
    except Undiagnosable as error:
        outcome = error.outcome
    except BaseException as error:
        lift_limits()
        outcome = outcome_of(error, request.path)
    lift_limits()
    return dataclasses.replace(outcome, notes=notes, checked=checked, step=step)


def _outcome(make: Callable[[], Any], request: Request) -> Outcome:
    best: Diagnosis | None = None
    refused: Exception | None = None
    for rows in ROWS[request.conventions.get("layout")]:
        try:
            found = _diagnosis(make(), request, rows)
        except (TypeError, ValueError, NotGradients) as error:
            if is_theirs(error, request.path):
                raise
            refused = refused or error
            continue
        if best is None or found.right or (best.failure and not found.failure):
            best = found
        if found.right:
            break
    if best is None or not (best.right or best.mistakes) or best.failure:
        try:
            _rehearse(make, request)
        except BaseException as error:
            lift_limits()
            outcome = outcome_of(error, request.path)
            return dataclasses.replace(outcome, diagnosis=_plain(best) if best and best.mistakes else None)
    if best is None:
        assert refused is not None
        raise refused
    if best.failure:
        return Outcome("interface", best.failure, diagnosis=_plain(best) if best.mistakes else None)
    return Outcome("ran", diagnosis=_plain(best))


def _diagnosis(candidate: Any, request: Request, rows: bool) -> Diagnosis:
    _, x, y = problem(request)
    said: dict[str, Any] = {**request.conventions, "layout": "rows" if rows else "columns", "seed": request.seed}
    if not hasattr(candidate, "backprop"):
        said["sizes"] = request.sizes
    x, y = (x.T, y.T) if rows else (x, y)
    return diagnose(candidate, x, y, activation=request.activation, cost=request.cost, **said)


def _plain(found: Diagnosis) -> dict[str, Any]:
    try:
        forms: dict[str, Any] = {"text": str(found), "html": found._repr_html_(), "data": found.to_dict()}
        json.dumps(forms, allow_nan=False)
    except Exception as error:
        raise RuntimeError("the diagnosis cannot be written down") from error
    return {"right": found.right, "equations": forms["data"]["equations"], "apart": found.apart, **forms}


def _rehearse(make: Callable[[], Any], request: Request) -> None:
    """Call the candidate in plain floats, in the layouts that people use; raise its error if all of them fail.

    It tells code that does not run from code that computes something else.  Only after the diagnosis: a call
    could change what the candidate remembers.
    """
    network, x, y = problem(request)
    weights, biases = network.weights, network.biases
    turned = ([w.T for w in weights], [b.ravel() for b in biases])
    columns = [((weights, biases), (x[:, :1], y[:, :1])), ((weights, biases), (x, y))]
    rows = [((weights, biases), (x.T, y.T)), (turned, (x.T, y.T)), (turned, (x[:, 0], y[:, 0]))]
    ways = [way for in_rows in ROWS[request.conventions.get("layout")] for way in (rows if in_rows else columns)]
    first: Exception | None = None
    for parameters, sample in ways:
        candidate = make()
        try:
            with np.errstate(all="ignore"):
                if hasattr(candidate, "backprop"):
                    candidate.backprop(*copy.deepcopy(sample))
                else:
                    candidate(*copy.deepcopy((*parameters, *sample)), *([0.5] if is_step(candidate) else []))
            return
        except Exception as error:
            first = first or error
    if first is not None:
        raise first
