"""Health: whether requests are taken in now, and if not, why."""

from http import HTTPStatus

from pydantic import BaseModel, ConfigDict

from dispatcher.telemetry.probe_server import Answer


class Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class BrokerHealth(Part):
    riders_connected: bool
    shuttles_connected: bool


class LeaderHealth(Part):
    """Who leads the zone, as far as this dispatcher knows."""

    role: str  # leader, standby, or lapsed: cannot renew its lease and does nothing meanwhile
    leader: str
    epoch: int
    lease_age_s: float
    followed_to: int  # while standing by: the last event known


class JournalHealth(Part):
    reachable: bool
    position: int
    epoch: int
    last_snapshot: int
    set_aside: tuple[int, ...]
    replay_differs_at: tuple[int, int] | None  # first and last event, found at start


class ShuttleHealth(Part):
    heard: int
    silent: int


class ImproverReport(Part):
    enabled: bool
    asked: int
    improved: int
    last: str


class LoopHealth(Part):
    """How late the loop that does everything ran over the last minute."""

    lag_p99_ms: int
    lag_max_ms: int
    blocked: int  # since the start: stuck so long that its stack was logged


class QuoteHealth(Part):
    """A reliability diagram: for each level, percent that came by the time quoted at it."""

    outcomes: int
    came_by_pct: dict[str, float]
    recent_came_by_pct: dict[str, float]  # of the last thousand


class PromiseHealth(Part):
    """How what was quoted held, and what is quoted from now."""

    pickups: QuoteHealth
    dropoffs: QuoteHealth
    windows: int
    windows_kept_pct: float
    pace_pm: int  # drives take so many thousandths of the map's times
    leg_guard_s: int  # for a visit that one leg leads to


class DemandHealth(Part):
    """How well requests are foreseen, and which stops' riders are to wait longest."""

    forecast: dict[str, float]  # errors in percent of the requests that came
    median_stop_wait_s: int
    neglected_stops: tuple[str, ...]  # beyond the multiple of the rules


class HealthReport(Part):
    """``ok`` means: a rider who asks now is answered, and shuttles are told their plans."""

    ok: bool
    problems: tuple[str, ...]
    zone: str
    version: str
    inbox: int
    broker: BrokerHealth
    journal: JournalHealth
    leadership: LeaderHealth | None = None  # None until the store has answered
    shuttles: ShuttleHealth
    improver: ImproverReport
    loop: LoopHealth | None = None  # None until it runs
    promises: PromiseHealth | None = None  # None until the journal has been read
    demand: DemandHealth | None = None

    def answer(self) -> Answer:
        """200 when requests are taken in, else 503: a load balancer needs no more."""
        status = HTTPStatus.OK if self.ok else HTTPStatus.SERVICE_UNAVAILABLE
        return Answer(status, "application/json", self.model_dump_json(indent=2).encode() + b"\n")
