"""From a recorded graph to instructions: runs, blocks, and an order of the same contributions.

Three things make a replay fast, and none of them may change a bit.

*Runs.*  A multiply directly followed, in the pass's order, by the add that uses it (and nothing
else does) is a pair; pairs that go on adding to one sum are a run: sum ← sum + x·y.  Product and sum
are still rounded one after the other.  Multiplies that stand elsewhere are left alone: fusing them
would change the order in which contributions arrive.  Adds that go on adding to one sum, without
products, are a run of their own kind (SUM).

*Blocks.*  Runs that read the same nodes a₁ … a_K, with neighbouring parameters as factors, are a
block: zᵤ = startᵤ + Σₖ w(u, k)·aₖ, a row of parameters for each run u.  Nobody told the compiler, but
this is the matrix form z = W a + b; and the block's backward pass, aₖ ← aₖ + Σᵤ w(u, k)·adjoint(zᵤ)
and w(u, k) ← Σ adjoint(zᵤ)·aₖ over the samples, is (Wˡ⁺¹)ᵀ δˡ⁺¹ of BP2, and BP4.  The textbook's matrices are
what a graph of scalars looks like when its scalars are taken together.

*Levels.*  Runs of one block stand apart in the pass's order: the first unit of a layer asks for the
whole layer before.  So instructions are ordered by level instead (one above the highest that they
read, and not below an earlier reader of the same), and then checked: if any node would get its
contributions in another order than in the eager pass, the order of the pass is kept, without blocks
of several runs.

Units of a block count down in the backward pass, as the eager pass visits them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engine.replay.flat_graph import FlatGraph

RUN, BLOCK, SUM = -1, -2, -3


class Fused:
    """Ops that are one instruction, on ids: a RUN, a SUM, or a BLOCK of runs.

    outs, starts : one per run
    pairs : of each run the (mul, x, y) in forward order; of a sum its (add, x, −1)
    weights, read : of a block, each run's first parameter, and the a ids that all runs read
    """

    __slots__ = ("kind", "level", "outs", "pairs", "read", "starts", "weights")

    def __init__(self, kind: int, out: int, start: int, pairs: list[tuple[int, int, int]]) -> None:
        self.kind, self.level = kind, 0
        self.outs, self.starts, self.pairs = [out], [start], [pairs]
        self.weights: list[int] = []
        self.read: tuple[int, ...] = ()


def schedule(graph: FlatGraph, blocks: bool = True) -> tuple[list[Fused | int], set[int]]:
    """(instructions, leaves that get a contribution in the backward pass); an op is its node's id, no `Fused`.

    blocks: False leaves runs apart, so that no block has more than one.
    """
    mul, add = (_place_of(graph, *texts) for texts in (("x * y", "y", "x"), ("x + y", "1", "1")))
    uses = _uses(graph)
    if blocks and uses[graph.inputs : graph.inputs + graph.parameters].count(1) > 1:  # else there are none
        steps = _blocks(graph, uses, _by_level(graph, _steps(graph, uses, mul, add, apart=True)))
        if any(isinstance(step, Fused) and len(step.outs) > 1 for step in steps):
            touched = contributions(graph, steps)
            if touched is not None:
                return steps, touched
        del steps  # before as many are made again
    steps = _steps(graph, uses, mul, add, apart=False)
    steps = _blocks(graph, uses, steps, together=False)
    touched = contributions(graph, steps)
    if touched is None:
        raise AssertionError("the order of the pass is the order of the pass")
    return steps, touched


def _uses(graph: FlatGraph) -> list[int]:
    uses = [0] * (graph.leaves + len(graph.rows))
    for x, y in zip(graph.xs, graph.ys, strict=True):
        uses[x] += 1
        if y >= 0:
            uses[y] += 1
    for node in graph.kept:
        uses[node] += 2  # never an intermediate
    return uses


def _steps(graph: FlatGraph, uses: list[int], mul: int, add: int, apart: bool) -> list[Fused | int]:
    """Ops and runs in tape order, a run at its last pair; `apart`: other nodes may stand between pairs."""
    rows, xs, ys, leaves = graph.rows, graph.xs, graph.ys, graph.leaves
    steps: list[Fused | int | None] = []  # None: taken up by a later one
    ends: dict[int, int] = {}  # the id of an add → the place of the step that ends with it

    def taken(total: int, before: int, kind: int) -> Fused | None:
        """The step that ends with total, if it can go on as a RUN or SUM: only the next add reads it."""
        place = ends.get(total, -1)
        if place < 0 or uses[total] != 1 or not (apart or total == before):
            return None
        step = steps[place]
        if isinstance(step, int):
            start, other = xs[total - leaves], ys[total - leaves]
            # If they are one, its contributions as start and as summand would change places.
            step = Fused(SUM, total, start, [(total, other, -1)]) if start != other else None
        if step is None or step.kind != kind:
            return None
        steps[place] = None
        del ends[total]
        return step

    for i, row in enumerate(rows):
        node = leaves + i
        if row != add:
            steps.append(node)
            continue
        x, y, product, step = xs[i], ys[i], node - 1, None
        if x != y:
            if i > 0 and rows[i - 1] == mul and uses[product] == 1 and product in (x, y):
                total, pair = x if y == product else y, (product, xs[i - 1], ys[i - 1])
                if total not in pair:  # its contributions as start and as factor would change places
                    steps[-1] = None  # the multiply
                    step = taken(total, product - 1, RUN) or Fused(RUN, node, total, [])
                    step.pairs[0].append(pair)
            if step is None:
                for total, other in ((x, y), (y, x)):
                    step = taken(total, node - 1, SUM)
                    if step is not None:
                        step.pairs[0].append((node, other, -1))
                        break
        ends[node] = len(steps)
        if step is None:
            steps.append(node)
        else:
            step.outs[0] = node
            steps.append(step)
    return [step for step in steps if step is not None]


def _by_level(graph: FlatGraph, steps: list[Fused | int]) -> list[Fused | int]:
    xs, ys, leaves = graph.xs, graph.ys, graph.leaves
    level = [0] * (leaves + len(graph.rows))
    latest = level[:]  # of each node: the level of the last step so far that reads it
    for step in steps:
        read: Iterable[int]
        if isinstance(step, int):
            x, y = xs[step - leaves], ys[step - leaves]
            read = (x,) if y < 0 else (x, y)
        else:
            read = {node for _, x, y in step.pairs[0] for node in (x, y)}.union(step.starts) - {-1}
        # Not below an earlier reader: readers contribute in the order of the pass, from the last on.
        mine = 0
        for node in read:
            mine = max(mine, 1 + level[node], latest[node])
        for node in read:
            latest[node] = mine
        if isinstance(step, int):
            level[step] = mine
        else:
            level[step.outs[0]] = step.level = mine
    # Stable: tape order within a level.
    return sorted(steps, key=lambda step: level[step] if isinstance(step, int) else step.level)


def _blocks(graph: FlatGraph, uses: list[int], steps: list[Fused | int], together: bool = True) -> list[Fused | int]:
    """The steps, with runs over neighbouring parameters as blocks; `together`: several runs in one."""
    result: list[Fused | int] = []
    open_blocks: dict[tuple[bool, tuple[int, ...]], Fused] = {}
    level = 0
    for step in steps:
        found = None if isinstance(step, int) or step.kind != RUN else _row_of_parameters(graph, uses, step)
        if isinstance(step, int) or found is None:
            result.append(step)
            continue
        if step.level != level:
            level, open_blocks = step.level, {}
        weight, read = found
        key = (is_reached(graph, step), read)
        block = open_blocks.get(key) if together else None
        if block is None or not _fits(block, weight):
            step.kind, step.weights, step.read = BLOCK, [weight], read
            open_blocks[key] = step
            result.append(step)
        else:
            block.weights.append(weight)
            block.outs += step.outs
            block.starts += step.starts
            block.pairs += step.pairs
    return result


def _fits(block: Fused, weight: int) -> bool:
    return len(block.weights) < 2 or weight - block.weights[-1] == block.weights[1] - block.weights[0]


def _row_of_parameters(graph: FlatGraph, uses: list[int], run: Fused) -> tuple[int, tuple[int, ...]] | None:
    """(first parameter's id, the other factors) if one factor of each pair is the next parameter."""
    first, read = -1, []
    for k, (_, x, y) in enumerate(run.pairs[0]):
        if graph.is_parameter(x) and uses[x] == 1:
            weight, a = x, y
        elif graph.is_parameter(y) and uses[y] == 1:
            weight, a = y, x
        else:
            return None
        if k == 0:
            first = weight
        if weight != first + k or (graph.is_parameter(a) and uses[a] == 1):
            return None
        read.append(a)
    return (first, tuple(read)) if len(set(read)) == len(read) else None


def contributions(graph: FlatGraph, steps: list[Fused | int]) -> set[int] | None:
    """The leaves that get contributions if the steps run backward; None if any node gets them in an order
    other than the eager pass's, which visits inner nodes from the last to the first, x before y.
    """
    xs, ys, leaves, end = graph.xs, graph.ys, graph.leaves, graph.leaves + graph.reached
    last = [-1] * (leaves + len(graph.rows))  # of each id: the visit that contributed last
    for step in reversed(steps):
        if not is_reached(graph, step):
            continue
        if isinstance(step, int):
            x, y, visit = xs[step - leaves], ys[step - leaves], 2 * (end - step)
            if visit <= last[x]:
                return None
            last[x] = visit
            if y >= 0:
                if visit < last[y]:
                    return None
                last[y] = visit + 1
            continue
        for node, operand, target in _edges(graph, step):
            visit = 2 * (end - node) + operand
            if visit <= last[target]:
                return None
            last[target] = visit
    return {leaf for leaf in range(leaves) if last[leaf] >= 0}


def _edges(graph: FlatGraph, step: Fused) -> Iterator[tuple[int, int, int]]:
    """(node, 0 for x or 1 for y, parent) in the order in which the replay's kernels contribute."""
    ys, leaves = graph.ys, graph.leaves
    for pairs in reversed(step.pairs):
        for node, x, y in reversed(pairs):
            if step.kind == SUM:
                yield node, int(ys[node - leaves] == x), x
            else:
                yield node, 0, x
                yield node, 1, y
    for start, pairs in zip(reversed(step.starts), reversed(step.pairs), strict=True):
        first_add = pairs[0][0] + (step.kind != SUM)
        yield first_add, int(ys[first_add - leaves] == start), start


def is_reached(graph: FlatGraph, step: Fused | int) -> bool:
    """Whether the backward pass visits the step."""
    return (step if isinstance(step, int) else step.outs[0]) < graph.leaves + graph.reached


def _place_of(graph: FlatGraph, *texts: str) -> int:
    """The place of the op with these formulas, −1 where there is none."""
    return next((i for i, op in enumerate(graph.ops) if (op.forward, op.dx, op.dy) == texts), -1)
