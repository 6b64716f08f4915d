# The program of `docs/migrating/structlog.md`, before the migration.

import asyncio
import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars, clear_contextvars, merge_contextvars

structlog.configure(processors=[
    merge_contextvars,
    structlog.processors.TimeStamper(fmt="iso", key="ts"),
    structlog.processors.add_log_level,
    structlog.processors.EventRenamer("msg"),
    structlog.processors.JSONRenderer(sort_keys=True),
])
log = structlog.get_logger()

async def pay():
    log.info("paid", sum=3)

async def handle(request_id):
    clear_contextvars()
    bind_contextvars(request_id=request_id)
    log.info("started")
    with bound_contextvars(order=7):
        await asyncio.create_task(pay())
    log.warning("done", request_id="its own")

async def main():
    await asyncio.gather(handle("r-1"))

asyncio.run(main())
