"""The one way in which keylease measures speed and size: `make bench`, or `make bench NAME=policy_sizes`.

Each measurement is a file of its own with a function `measure`, and a line in the table of `__main__.py`. It is
run beside something, in the same run: a floor below which nothing can be, or a limit that somebody else has set.
What counts is the ratio; the figures themselves are those of the machine, and of what else ran on it just then.
docs/bench.md says how to read them.

Nothing here asserts a speed, and no test does.
"""
