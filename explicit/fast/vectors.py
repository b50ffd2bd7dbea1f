"""Vectors of float64 in numba's language: what `explicit.fast.kernels` needs to keep sums in registers.

numba leaves it to the compiler whether a loop becomes vector instructions; here they are asked for.  No
instruction has a flag that would let the compiler fuse or reorder anything.  Indices are not checked.
"""

from typing import Any

from llvmlite import binding, ir  # type: ignore[import-not-found, import-untyped, unused-ignore]
from numba import types  # type: ignore[import-not-found, import-untyped, unused-ignore]
from numba.core import cgutils  # type: ignore[import-not-found, import-untyped, unused-ignore]
from numba.extending import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    intrinsic,
    models,
    register_model,
)

# How many numbers a vector has is the length of a tuple, which is part of its type. Five rows of WIDE totals
# fit the registers.
WIDE = (0.0,) * (16 if binding.get_host_cpu_features().get("avx512f") else 8)
NARROW, SINGLE = (0.0,) * 4, (0.0,)


class Vector(types.Type):  # type: ignore[misc, unused-ignore]
    """Neighbouring float64 numbers in registers."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(name=f"Vector({count})")


@register_model(Vector)
class _Model(models.PrimitiveModel):  # type: ignore[misc, unused-ignore]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.VectorType(ir.DoubleType(), kind.count))


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any, count: int = 0) -> Any:
    """The address of array[at], of a number, or of a vector of count numbers."""
    made = context.make_array(kind)(context, builder, array)
    place = cgutils.get_item_pointer(context, builder, kind, made, at, wraparound=False)
    return builder.bitcast(place, ir.VectorType(ir.DoubleType(), count).as_pointer()) if count else place


@intrinsic
def load(typing, array, i, k, like):  # type: ignore[no-untyped-def]
    """array[i, k : k + len(like)], whose numbers must be neighbours in memory."""

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.load(_place(context, builder, array, arguments[0], arguments[1:3], like.count), align=8)

    return Vector(like.count)(array, types.intp, types.intp, like), code


@intrinsic
def store(typing, array, i, k, vector):  # type: ignore[no-untyped-def]
    """array[i, k : k + len(vector)] = vector."""

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        place = _place(context, builder, array, arguments[0], arguments[1:3], vector.count)
        builder.store(arguments[3], place, align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, vector), code


@intrinsic
def plus(typing, total, row, c, i, k):  # type: ignore[no-untyped-def]
    """total + row × c[i, k]: a product, rounded, and a sum, rounded."""

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        number = builder.load(_place(context, builder, c, arguments[2], arguments[3:5]))
        kind, none = arguments[0].type, ir.Constant(arguments[0].type, ir.Undefined)
        first = builder.insert_element(none, number, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), None)
        return builder.fadd(arguments[0], builder.fmul(arguments[1], builder.shuffle_vector(first, none, zeros)))

    return total(total, row, c, types.intp, types.intp), code


def _rows(context: Any, builder: Any, kind: Any, array: Any, i: Any, k: Any) -> list[Any]:
    """The addresses of vectors of eight in eight rows of the array, from array[i, k] on."""
    return [_place(context, builder, kind, array, (builder.add(i, i.type(row)), k), 8) for row in range(8)]


@intrinsic
def turn_tile(typing, W, j, k, turned):  # type: ignore[no-untyped-def]
    """turned[k : k + 8, j : j + 8] = W[j : j + 8, k : k + 8]ᵀ."""

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        source, j, k, target = arguments
        rows = [builder.load(place, align=8) for place in _rows(context, builder, W, source, j, k)]
        halves = [[x for i in range(h, h + 4) for x in (i, i + 8)] for h in (0, 4)]
        masks = [ir.Constant(ir.VectorType(ir.IntType(32), 8), half) for half in halves]
        for _ in range(3):  # each time rows i and i + 4 are shuffled like the halves of a deck of cards
            rows = [builder.shuffle_vector(rows[i], rows[i + 4], mask) for i in range(4) for mask in masks]
        for row, place in zip(rows, _rows(context, builder, turned, target, k, j), strict=True):
            builder.store(row, place, align=8)
        return context.get_dummy_value()

    return types.void(W, types.intp, types.intp, turned), code
