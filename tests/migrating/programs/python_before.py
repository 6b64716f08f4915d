# The program of `docs/migrating/python.md`, before the migration.

import asyncio
from contextvars import ContextVar, copy_context

user = ContextVar("user")
queries = ContextVar("queries", default=0)

async def query():
    queries.set(queries.get() + 1)

def show(place):
    print(f"{place}: {user.get('nobody')}, {queries.get()} queries")

async def handle():
    await query()
    token = user.set("bob")
    show("token")
    user.reset(token)
    await asyncio.create_task(query())
    await asyncio.to_thread(show, "thread")
    await asyncio.gather(query(), query())
    copy_context().run(user.set, "eve")
    show("request")

async def main():
    user.set("ann")
    await handle()

asyncio.run(main())
show("outside")
