"""Replay of recorded graphs: what `engine.record` is made of.

tape            record, and Tape, what the user holds
recording       guards: the comparisons made while the function ran
flat_graph      the recorded graph as numbers
schedule        which ops are taken together, and in which order
program         the instructions, on slots
plain           a replay in plain Python; python_kernels: its two loops, made from the op table
compiled        a replay by numba; numba_kernels: its source, numba_text: the fixed part of it,
                kernel_store: compiled once, kept on disk, checked before use
last_pass       data and adjoints of the recorded nodes after a replay
numbers_given   reading of the numbers that callers give
"""
