"""Measures the same operations in CPython, and prints its version, then a line for each operation.

A line holds the operation, the number of variables and the nanoseconds, separated by tabs.

Run by `table`. Each figure is the median of several rounds, less that of an empty statement.
"""

import statistics
import sys
import timeit
from contextvars import ContextVar, copy_context

print("CPython {}.{}.{}".format(*sys.version_info))
ROUNDS, NUMBER = 7, 20_000


def median(statement, names):
    rounds = timeit.repeat(statement, globals=names, repeat=ROUNDS, number=NUMBER)
    return statistics.median(rounds) / NUMBER * 1e9


IDLE = median("pass", {})
STATEMENTS = {
    "get": "var.get()",
    "set + undo": "var.reset(var.set(7))",
    "copy + drop": "copy_context()",
    "first set": "copy_context().run(var.set, 7)",
}


def measure(count):
    variables = [ContextVar(f"v{number}") for number in range(count)]
    for var in variables:
        var.set(0)
    names = {"var": variables[count // 2], "copy_context": copy_context}
    for operation, statement in STATEMENTS.items():
        print(operation, count, f"{median(statement, names) - IDLE:.2f}", sep="\t")


for count in (1, 8, 32, 1000):
    copy_context().run(measure, count)
