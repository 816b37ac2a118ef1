"""Work that is done again and again beside the service, until that takes no more events."""

from collections.abc import Awaitable, Callable

import structlog

from dispatcher.intake import NotTakenError
from dispatcher.service import Service

log = structlog.get_logger(__name__)


async def repeat(
    service: Service, every_s: int, what: str, once: Callable[[], Awaitable[None]]
) -> None:
    """Do it every so many seconds of the zone's clock, or later if it takes longer.

    Ends when cancelled or when the service has stopped; ``what`` names it in the log.
    """
    clock = service.clock
    await service.started.wait()
    while True:
        next_s = clock.now_s() + every_s
        try:
            await once()
        except NotTakenError as error:
            log.info(f"{what}_stopped", reason=str(error))
            return
        await clock.sleep_until(next_s)
