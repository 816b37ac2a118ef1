"""All simulated riders of a zone behind one connection: who asks next, whose message is whose."""

from collections.abc import Iterator

from dispatcher.domain.ids import RiderId, StopId
from dispatcher.domain.zone import Stop
from dispatcher.riders.topics import ROOT, RiderTopics
from dispatcher.streets import LocalFrame
from simulator.concourse import Concourse
from simulator.demand import Demand, Wisher
from simulator.rider import Said, SimulatedRider, TripLog
from simulator.wire import Send, WireMessage
from simulator.world import Alarm, World


class Crowd:
    """Riders come as the demand has them, until ``stop_asking``; each is woken when due."""

    def __init__(self, world: World, demand: Demand, concourse: Concourse, send: Send) -> None:
        self.logs: list[TripLog] = []
        self._world = world
        self._demand = demand
        self._concourse = concourse
        self._send = send
        self._frame = LocalFrame(demand.zone.origin)
        self._stops: dict[StopId, Stop] = {stop.id: stop for stop in demand.zone.stops}
        self._topics = RiderTopics(demand.zone.id)
        self._prefix = f"{ROOT}/{demand.zone.id}/rider/"
        self._riders: dict[RiderId, tuple[SimulatedRider, Alarm]] = {}
        self._asking = True
        self._coming: Iterator[Wisher] = iter(())

    def start(self, most: int | None = None) -> None:
        """Let riders come from now on, at most so many."""
        self._coming = self._demand.riders(self._world.now)
        self._next_rider(most)

    def stop_asking(self) -> None:
        """Nobody new asks; those who have asked go on."""
        self._asking = False

    @property
    def riders(self) -> list[SimulatedRider]:
        """Those whose trip is not over."""
        return [rider for rider, _ in self._riders.values()]

    def filters(self) -> tuple[str, ...]:
        """What to subscribe to."""
        return (f"{self._prefix}+/trip/+", f"{self._prefix}+/error")

    def on_message(self, message: WireMessage) -> None:
        """A status or a problem; of a rider who is not ours, or is gone, it is ignored."""
        body = message.body
        rider_id, _, kind = message.topic.removeprefix(self._prefix).partition("/")
        found = self._riders.get(RiderId(rider_id))
        if found is None or not body:
            return
        rider, _ = found
        if kind == "error":
            self._say(rider, rider.on_problem(body, self._world.now))
        else:
            self._say(rider, rider.on_document(body, self._world.now))

    def _next_rider(self, left: int | None) -> None:
        wisher = next(self._coming, None) if left != 0 else None
        if wisher is not None:
            after = None if left is None else left - 1
            self._world.at(wisher.ask_s, lambda: self._come(wisher, after))

    def _come(self, wisher: Wisher, left: int | None) -> None:
        if not self._asking:
            return
        rider = SimulatedRider(wisher, self._concourse, self._frame, self._stops)
        rider.moved = lambda: self._set_alarm(rider)
        self._riders[wisher.rider_id] = (rider, Alarm(self._world, lambda: self._wake(rider)))
        self.logs.append(rider.log)
        self._wake(rider)
        self._next_rider(left)

    def _wake(self, rider: SimulatedRider) -> None:
        self._say(rider, rider.advance(self._world.now))

    def _say(self, rider: SimulatedRider, said: list[Said]) -> None:
        rider_id = rider.log.wisher.rider_id
        for kind, body in said:
            self._send(WireMessage(self._topics.incoming(rider_id, kind), body, qos=1))
        self._set_alarm(rider)

    def _set_alarm(self, rider: SimulatedRider) -> None:
        found = self._riders.get(rider.log.wisher.rider_id)
        if found is None:
            return
        if rider.is_done:
            found[1].set(None)
            del self._riders[rider.log.wisher.rider_id]
        else:
            found[1].set(rider.next_due())
