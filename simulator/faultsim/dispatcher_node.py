"""One dispatcher process: the real one, on the simulated store and broker."""

from collections.abc import Callable
from typing import Final

from dispatcher.bootstrap import Dispatcher, build
from dispatcher.clock import WallClock
from dispatcher.config import (
    ImproverSettings,
    MetricsSettings,
    MqttSettings,
    RiderSettings,
    ServiceSection,
    Settings,
    ShuttleSettings,
)
from dispatcher.config_http import HttpSettings
from dispatcher.domain.ids import TripId
from dispatcher.engine import Site
from dispatcher.journal import UnsuitableSettings, connect_journal
from dispatcher.service import SteppedDownError
from simulator.faultsim.broker import SimBroker
from simulator.faultsim.client import SimNetwork
from simulator.faultsim.clock import SimClock
from simulator.faultsim.loop import Outside, SimLoop, SimProcess
from simulator.faultsim.solver import SimSearcher
from simulator.faultsim.store import SimStore

KEEPALIVE_LOST_S: Final = 22.5
PLACES_KEPT_S: Final = 300
"""After a trip; short, so that a history sees them erased."""
SETTINGS: Final = Settings(
    mqtt=MqttSettings(url="mqtt://sim:1883"),
    riders=RiderSettings(requests_per_s=2.0, burst=20, coordinates_kept_s=PLACES_KEPT_S),
    # More often than anybody may ask for: a history has some hundred events.
    service=ServiceSection().model_copy(update={"snapshot_every": 40}),
    shuttles=ShuttleSettings(),
    improver=ImproverSettings(enabled=True, every_s=45, time_limit_s=1.0),
    metrics=MetricsSettings(enabled=False),
    http=HttpSettings(enabled=False),
)


class DispatcherNode:
    """Started once. ``ended`` says how it ended; None while it runs or after it was killed.

    ``on_send`` hears its name and the topic of each publish that it asks for.
    """

    def __init__(
        self,
        loop: SimLoop,
        outside: Outside,
        store: SimStore,
        broker: SimBroker,
        site: Site,
        searcher: SimSearcher,
        number: int,
        on_end: Callable[["DispatcherNode"], None],
        on_send: Callable[[str, str], None],
    ) -> None:
        self.number = number
        self.name = f"D{number}"
        self.process = SimProcess(loop, self.name)
        self.clock = SimClock(loop)
        self.dispatcher: Dispatcher | None = None
        self.ended: str | None = None
        self.failure: BaseException | None = None
        self.pool = store.pool()
        self._loop = loop
        self._outside = outside
        self._broker = broker
        self._site = site
        self._searcher = searcher
        self._on_end = on_end
        self._network = SimNetwork(
            broker, self.process, on_send=lambda topic: on_send(self.name, topic)
        )
        self._trips = 0
        self.process.on_death = self._died
        self.process.spawn(self._run())

    @property
    def is_leading(self) -> bool:
        """Whether it believes that it serves the zone."""
        return (
            self.process.alive
            and self.dispatcher is not None
            and self.dispatcher.service.health.running
        )

    def pause(self, for_s: float) -> None:
        """SIGSTOP; its connections are ended by the broker when its pings stay away."""
        self.process.pause()
        self._outside.call_later(for_s, self.process.resume)
        if for_s > KEEPALIVE_LOST_S:
            self._outside.call_later(KEEPALIVE_LOST_S, self._network.keepalive_lost)

    def _died(self) -> None:
        self._network.process_died()
        self._on_end(self)

    async def _run(self) -> None:
        try:
            await self._serve()
        except SteppedDownError:
            self.ended = "stepped down"
        except UnsuitableSettings:
            self.ended = "unsuitable settings"
        except Exception as error:
            self.ended = f"failed: {error!r}"
            self.failure = error
        else:
            self.ended = "stopped"
        self.process.kill()

    async def _serve(self) -> None:
        journal = await connect_journal("redis://sim", self._site.zone.id, pool=self.pool)
        self.dispatcher = build(
            SETTINGS,
            self._site,
            journal,
            clock=WallClock(wall=self.clock.now_exact_s, steady=self._loop.time),
            new_trip_id=self._new_trip_id,
            run=self.name,
            monotonic=self._loop.time,
            # As on different machines: a lease of one that is gone has to run out.
            has_ended=lambda place: False,
            new_client=self._network.new_client,
            searcher=self._searcher,
            watches_loop=False,
        )
        self.dispatcher.service.slice_s = 0.0  # between any two events others get their turn
        await self.dispatcher.run()

    def _new_trip_id(self) -> TripId:
        self._trips += 1
        return TripId(f"{self.name}t{self._trips}")
