"""`diagnose_graph`: what is wrong with the gradients in somebody's graph of scalars.

*Steps first, then the pass.* Where nodes have a `_backward`, a few of each *kind* (op, constant, code of the step,
both operands one node or not) are run on numbers of our own. A step does grad ← grad + loose + partial · out.grad;
four runs with exact random grads separate the three, so that `=` for `+=`, a missing factor out.grad and the partial
are read off and not searched for, also several at once. The partial is compared at random data with the op table and
with the records' wrong rules: over rationals (both signs, both orders of the operands, the kink), else over GF(2⁶¹ −
1). What the pass left is then judged with what the steps do, right or wrong: a second pass or a wrong order shows
beside a wrong partial.

*Kept floats.* A step may use floats of the forward pass. If what it does varies with the data that is put in, and
fits a rule, that is a proof; if it stays constant, or fits nothing, while closure or attributes hold numbers (or what
may hold some: a strange object), the step is judged at the graph's own data, in float64, with exact grads. The same
where a step raises on exact numbers. Steps that do something else than the form above are left to the grads.

*Mistake or note.* `mistakes` lists what makes this graph's gradients wrong for some data of its leaves:

- a partial that is wrong at general points is a mistake, also if the numbers of this graph do not show it;
- one that is wrong at a kink only (relu′(0) = 1) is a mistake where an operand is at the kink and a gradient comes to
  it, else a note; a convention of its own at |x|, maximum or leaky_relu is a note everywhere;
- `=` for `+=` is a mistake where a node loses a share by it, and a missing out.grad where one is not 1: that depends
  on the shape of the graph and not on data; else they are notes.

*No false names.* Nothing is said of the partial where the operands are not certain: a set has lost their order and
one of two that are the same (then data or a right step must decide), and a constant operand may be no node. Nodes
whose data their op does not give (the label is wrong, or an update changed the leaves) are not judged, nor their
neighbours at those leaves. Steps that the grads contradict are taken for steps that the pass never called. Without
steps, the simplest explanations of the grads are searched for, all that are as simple and fit are named, and two
mistakes at once in graphs of up to 2,000 nodes; there several can give the grads of a simpler one: the report says
float64. Shares that are missing are put down to an op only where all its nodes lose one.

*Left over.* Where only leaves are wrong, the steps of their uses are proved right, and for one leaf no number of
visits of its uses gives its grad, it must have come from elsewhere: an earlier pass, as named, unless one leaf only
is off, by no whole factor. Grads that look scaled, clipped or decayed are named `changed-later` beside it.

*Another root.* Where the first node with a grad, walking backward, is not the root, has 1, and fits all below it,
while all other grads are 0, backward() was called there: that is named, and the graph below it is judged.

*Nothing is changed.* Data and grad of node and parents go back after each run, and those of the whole graph at the
end, as the same objects, whatever a step raises or touches. What else a step writes (a log, a counter) is not undone.
"""
