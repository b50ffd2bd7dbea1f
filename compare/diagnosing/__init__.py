"""`diagnose`: which mistakes of the catalogue explain a candidate's gradients.

A mistake of the catalogue says which *slot* of the equations it fills and with what (`compare.mistakes.slots`). One
definition is used twice: `diagnose` evaluates it on the candidate's numbers, `mistaken` computes with it.

*The walk* goes from the output down, at all points together. In each layer it tries no mistake, then one, two, and so
on (up to three in one quantity, four in a layer), always on the candidate's own δ of the layer above; the ways with
the fewest mistakes that hold at every point stay. So a mistake is named where it is made and not again below,
mistakes in different layers are separated without trying sets of them, and a chance meeting at one point (σ′ of relu
is 0 or 1) does not last. δ itself is never returned: it is what BP3 and BP4 are checked with, and a wrong ∂C/∂b
beside a right ∂C/∂w is a mistake in BP3. Where nothing fits, δ is taken from ∂C/∂b, or solved from the rank-one ∂C/∂w
= δ aᵀ, and the walk goes on from there.

*A match is exact where it can be*: at a random point of GF(2⁶¹ − 1) two formulas that agree are the same one, but for
a small chance; relu and its kin are run on rationals at 12 points, and at two for each layer with every other z of it
at the kink. Code that runs on floats only, and code that uses identities the field lacks, is run on floats, beside a
running error bound (`compare.numbers.bounded`) times 64: that room is for other orders of sums and other makers' exp.
There a match means "not to be told apart in float64"; among dyadic numbers z is exactly 0, so that the kinks are seen
too. An exact match is asked for at two points in floats as well, and every match at the caller's own samples: code can
do otherwise there. What σ′(0) the candidate takes is measured: gradients are linear in a unit's slope. What fits no
better than u = 2⁻²⁴ is float32 inside if what is left looks like rounding, and if all that is not right in float64
stays as it is when something that goes in changes by some 2⁻⁴⁰ of it (`compare.diagnosing.precision`). Finite
differences, an ε in a denominator and rounded decimals are none: they get no name, only how near they are.

*Classes.* Formulas that are the same in a network (σ′ left out in BP1, and a − y, with the quadratic cost) are all
named: those that may stand in the place of a mistake with all others as they are. Other sets of as many mistakes with
the same numbers are a note. A mistake made of others (σ′ left out everywhere) is named for them.

*What differs from call to call* is found first, and is not judged; all else is.

*Conventions* are undone before the walk: rows, W as (inputs, units), folded biases, a step's (W − W′)/η. A batch is
compared with the candidate's own results for its samples, not with ours, so a mistake in BP4 is not taken for one of
averaging; ∂C/∂b and ∂C/∂w may each be reduced in a way of their own. There are batches of 4 and of 3, so that a
division by some other 4 is no mean; what was asked with one sample is said of one sample. Of several readings of the
shapes the one that needs the fewest mistakes counts. Code that raises is run on layers of equal size, where every
product has a shape: that names a W that is not transposed. Mistakes that would cancel are not believed: where ∂C/∂b or
∂C/∂w is right as it is, so is δ.

*Numbers alone* cannot be called again: sum, mean, the last sample, the mean sample and divisions by m and m², of
∂C/∂b and ∂C/∂w apart, are tried in turn with few mistakes first, and what leaves the fewest counts. ∂C/∂b that was
not summed is δ.
"""
