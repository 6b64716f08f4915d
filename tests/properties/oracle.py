"""Runs programs by CPython's own contextvars.

Reads programs from standard input, one program a line, as nested lists. Writes the events of each program, one line a
program, in the format of `Event` in program.rs. A task is a coroutine with a context, as in asyncio: each step of the
coroutine runs in that context.
"""

import contextvars
import json
import sys
import types

DEFAULTS = {2: 1002, 3: 1003}
PLAIN = {0, 3}  # in Rust, the tokens of these variables have another type than the tokens of the others
VARIABLES = [
    contextvars.ContextVar("var", **({"default": DEFAULTS[n]} if n in DEFAULTS else {}))
    for n in range(10)
]
NUMBERS = {variable: number for number, variable in enumerate(VARIABLES)}


class Thrown(Exception):
    pass


class Shelf:
    """Things in the order in which they were added. A thing that is taken out leaves a gap."""

    def __init__(self):
        self.things = []

    def add(self, thing):
        self.things.append(thing)

    def find(self, pick):
        there = [place for place, thing in enumerate(self.things) if thing is not None]
        return there[pick % len(there)] if there else None

    def take(self, pick):
        place = self.find(pick)
        if place is None:
            return None, None
        thing, self.things[place] = self.things[place], None
        return place, thing

    def look(self, pick):
        place = self.find(pick)
        return None if place is None else self.things[place]


@types.coroutine
def yield_once():
    yield


class Task:
    def __init__(self, coroutine, context):
        self.coroutine = coroutine
        self.context = context
        self.completed = False


class Machine:
    def __init__(self, fuel):
        self.fuel = fuel
        self.trace = []
        self.tokens = Shelf()
        self.contexts = Shelf()
        self.tasks = Shelf()
        self.closures = Shelf()

    def see(self, event, value=None):
        self.trace.append(event if value is None else "%s(%s)" % (event, value))

    def done(self, thing):
        self.see("Nothing" if thing is None else "Done")

    def see_state(self):
        state = []
        for number, variable in enumerate(VARIABLES):
            try:
                state.append((number, variable.get()))
            except LookupError:
                pass
        self.see("State", state)

    def see_contents(self, context):
        contents = sorted((NUMBERS[variable], value) for variable, value in context.items())
        assert len(context) == len(contents)
        for number, variable in enumerate(VARIABLES):
            held = dict(contents).get(number)
            assert (variable in context) == (held is not None)
            assert context.get(variable) == held
        self.see("Contents", contents)

    def caught(self, f, *arguments):
        try:
            f(*arguments)
        except Thrown:
            self.see("Caught")
        self.see_state()

    def block(self, block):
        for op in block:
            if self.fuel == 0:
                return
            self.fuel -= 1
            getattr(self, op[0])(*op[1:])

    # The operations.

    def get(self, var):
        try:
            self.see("Value", VARIABLES[var].get())
        except LookupError as error:
            assert error.args[0] is VARIABLES[var]
            self.see("Missing")

    try_get = get

    def get_or(self, var, value):
        self.see("Value", VARIABLES[var].get(value))

    def set(self, var, value):
        self.tokens.add(VARIABLES[var].set(value))

    def undo(self, pick):
        token = self.tokens.look(pick)
        self.reset(None if token is None else NUMBERS[token.var], pick)

    def reset(self, var, pick):
        place, token = self.tokens.take(pick)
        if token is None:
            return self.see("Nothing")
        if (var in PLAIN) != (NUMBERS[token.var] in PLAIN):
            event = "Untypable"
        else:
            try:
                VARIABLES[var].reset(token)
                return self.see("Done")
            except ValueError as error:
                wrong_variable = "different ContextVar" in str(error)
                event = "WrongVariable" if wrong_variable else "WrongContext"
        self.see(event)
        self.tokens.things[place] = token

    def old_value(self, pick):
        token = self.tokens.look(pick)
        if token is None:
            self.see("Nothing")
        elif token.old_value is contextvars.Token.MISSING:
            self.see("OldValue", "None")
        else:
            self.see("OldValue", "Some(%s)" % token.old_value)

    def drop_token(self, pick):
        self.done(self.tokens.take(pick)[1])

    def new(self):
        self.contexts.add(contextvars.Context())

    def current(self):
        self.contexts.add(contextvars.copy_context())

    def clone(self, pick):
        context = self.contexts.look(pick)
        if context is not None:
            self.contexts.add(context.copy())
        self.done(context)

    def drop_context(self, pick):
        self.done(self.contexts.take(pick)[1])

    def run(self, pick, block):
        place, context = self.contexts.take(pick)
        if context is None:
            return self.see("Nothing")
        try:
            context.run(self.block, block)
        finally:
            self.see_state()
            self.contexts.things[place] = context

    def look(self, pick):
        context = self.contexts.look(pick)
        if context is None:
            self.see("Nothing")
        else:
            self.see_contents(context)

    def panic(self):
        raise Thrown

    def catch(self, block):
        self.caught(self.block, block)

    # Tasks.
    async def steps(self, steps, end):
        try:
            for number, step in enumerate(steps):
                if number > 0:
                    await yield_once()
                self.block(step)
        finally:
            self.see("Finally")
            self.caught(self.block, end)

    def spawn(self, pick, steps, end):
        context = None if pick is None else self.contexts.take(pick)[1]
        if context is None:
            context = contextvars.copy_context()
        self.tasks.add(Task(self.steps(steps, end), context))

    def poll(self, pick):
        place, task = self.tasks.take(pick)
        if task is None:
            return self.see("Nothing")
        self.step(task)
        self.tasks.things[place] = task

    def step(self, task):
        try:
            task.context.run(task.coroutine.send, None)
            self.see("Pending")
        except StopIteration:
            task.completed = True
            self.see("Ready")
        except Thrown:
            self.see("Caught")
        except RuntimeError as error:
            assert "cannot reuse already awaited coroutine" in str(error), error
            return self.see("Over")
        self.see_state()

    def look_task(self, pick):
        task = self.tasks.look(pick)
        if task is not None:
            self.see_contents(task.context)
            self.see("Found", "false" if task.completed else "true")

    def cancel(self, pick):
        task = self.tasks.take(pick)[1]
        if task is not None:
            task.context.run(task.coroutine.close)
        self.done(task)

    # Closures.

    def propagate(self, block, again):
        context = contextvars.copy_context()
        self.closures.add((context, block, again))

    def call(self, pick):
        place, closure = self.closures.take(pick)
        if closure is None:
            self.see("Nothing")
            return self.see_state()
        context, block, again = closure
        try:
            if again:
                context.copy().run(self.block, block)
            else:
                context.run(self.block, block)
        finally:
            if again:
                self.closures.things[place] = closure
        self.see_state()

    def drop_closure(self, pick):
        self.done(self.closures.take(pick)[1])

    # The program.

    def program(self, block):
        self.caught(self.block, block)
        self.clear()

    def clear(self):
        """Drops everything that the program left. This may run blocks that add more, until the fuel is used up."""
        while True:
            task = self.tasks.take(0)[1]
            if task is not None:
                task.context.run(task.coroutine.close)
            rest = [shelf.take(0)[1] for shelf in (self.closures, self.tokens, self.contexts)]
            if task is None and rest == [None, None, None]:
                return self.see_state()


def main():
    sys.setrecursionlimit(10000)
    traces = []
    for line in sys.stdin.read().splitlines():
        fuel, program = json.loads(line)
        machine = Machine(fuel)
        contextvars.Context().run(machine.program, program)
        traces.append("; ".join(machine.trace))
    print("\n".join(traces))


main()
