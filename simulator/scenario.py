"""Small named days of service, as TOML in ``scenarios/``, and the plan that one comes to."""

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dispatcher.domain.events import Event, StreetsClosed, StreetsOpened
from dispatcher.domain.ids import EdgeId, OperatorId, StopId
from dispatcher.domain.zone import Zone
from dispatcher.streets.zones import load_zone
from simulator.day import DayPlan, a_weekday, local_time_s
from simulator.demand import Demand
from simulator.faults import BAD_WIRE, Mishap, MishapKind, WireFaults, draw_mishaps
from simulator.noise import NOISES
from simulator.plugs import ChargerFault
from simulator.vehicle import FleetPlan

_OPERATOR = OperatorId("scenario")
_IDLE_STATE_S = 30.0  # the standard's longest; a third of the messages of the usual 10


class ScenarioError(Exception):
    """There is no such scenario, or its file is not sound."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MishapLine(_Part):
    """Times in minutes from the scenario's start."""

    kind: Literal["silence", "breakdown", "reboot"]
    shuttle: int = Field(ge=0)
    at_min: float = Field(ge=0)
    lasts_min: float = Field(gt=0)


class ClosureLine(_Part):
    """Stops out of use, and the streets past others closed in both directions."""

    at_min: float = Field(ge=0)
    lasts_min: float = Field(gt=0)
    stops: tuple[str, ...] = ()
    streets_at: tuple[str, ...] = Field(default=(), description="stops on those streets")


class ChargerLine(_Part):
    """So many plugs of a charger out of order."""

    at_min: float = Field(ge=0)
    lasts_min: float = Field(gt=0)
    stop: str
    plugs: int = Field(ge=1)


class WireLine(_Part):
    lost: float = Field(default=0.0, ge=0, lt=1)
    late: float = Field(default=0.0, ge=0, lt=1)
    repeated: float = Field(default=0.0, ge=0, lt=1)


class Scenario(_Part):
    about: str
    zone: str = "sejong-5-1"
    shuttles: int = Field(ge=1)
    hours: tuple[float, float]  # local hours between which riders ask
    drain_min: float = Field(default=60.0, ge=0)
    riders_per_hour: float | None = None
    requests_per_day: int | None = None
    at_depots: bool = False  # shuttles begin at the depots; else anywhere
    wire: WireLine = WireLine()
    mishaps: tuple[MishapLine, ...] = ()
    closures: tuple[ClosureLine, ...] = ()
    battery_pct: tuple[float, float] = (90.0, 100.0)  # at the start, drawn between these
    charger_faults: tuple[ChargerLine, ...] = ()
    noise: str = Field(default="calm", description="a level of `simulator.noise`")

    @field_validator("noise")
    @classmethod
    def _known_noise(cls, name: str) -> str:
        if name not in NOISES:
            raise ValueError(f"no noise {name!r}; there are {', '.join(NOISES)}")
        return name


@dataclass(frozen=True, slots=True)
class DayChoices:
    """What goes over a scenario; None leaves it as it is."""

    zone: str | None = None
    shuttles: int | None = None
    requests_per_day: int | None = None
    riders_per_hour: float | None = None
    hours: tuple[float, float] | None = None
    faults: bool = False
    noise: str | None = None


def list_scenarios() -> dict[str, str]:
    """What each built-in scenario is about, by name."""
    files = resources.files("simulator.scenarios").iterdir()
    names = sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))
    return {name: read_scenario(name).about for name in names}


def read_scenario(name: str) -> Scenario:
    """A built-in scenario. Raises ScenarioError."""
    file = resources.files("simulator.scenarios").joinpath(f"{name}.toml")
    if not name.isidentifier() or not file.is_file():
        raise ScenarioError(f"no scenario {name!r}; there are {', '.join(list_scenarios())}")
    try:
        return Scenario(**tomllib.loads(file.read_text("utf-8")))
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(f"scenario {name}: {error}") from error


def day_plan(name: str, choices: DayChoices, *, seed: int) -> DayPlan:
    """What is to be simulated.

    Raises
    ------
    ScenarioError, ZoneFileError, ValueError
        There is no such scenario or zone, or the choices contradict each other.
    """
    scenario = read_scenario(name)
    zone = load_zone(choices.zone or scenario.zone)
    first, last = choices.hours or scenario.hours
    if not 0.0 <= first < last <= 48.0:
        raise ScenarioError("the hours must be two, from 0 to 48, the later one last")
    noise = NOISES.get(choices.noise or scenario.noise)
    if noise is None:
        raise ScenarioError(f"no noise {choices.noise!r}; there are {', '.join(NOISES)}")
    start_s, end_s = (local_time_s(zone, a_weekday(), hour) for hour in (first, last))
    shuttles = choices.shuttles or scenario.shuttles
    mishaps = [_mishap(line, start_s) for line in scenario.mishaps]
    wire = WireFaults(**scenario.wire.model_dump())
    if choices.faults:
        mishaps += draw_mishaps(seed, shuttles, start_s, end_s)
        wire = BAD_WIRE
    return DayPlan(
        demand=_demand(zone, scenario, choices, seed),
        fleet=FleetPlan(
            shuttles,
            battery_pct=scenario.battery_pct,
            spread=not scenario.at_depots,
            state_interval_s=_IDLE_STATE_S,
            noise=noise,
        ),
        start_s=start_s,
        end_s=end_s,
        drain_s=scenario.drain_min * 60.0,
        seed=seed,
        wire=wire,
        mishaps=[mishap for mishap in mishaps if mishap.shuttle < shuttles],
        charger_faults=[_charger_fault(zone, line, start_s) for line in scenario.charger_faults],
        orders=[order for line in scenario.closures for order in _orders(zone, line, start_s)],
    )


def _demand(zone: Zone, scenario: Scenario, choices: DayChoices, seed: int) -> Demand:
    per_hour, per_day = choices.riders_per_hour, choices.requests_per_day
    if per_hour is None and per_day is None:
        per_hour, per_day = scenario.riders_per_hour, scenario.requests_per_day
    return Demand.of(zone, seed, riders_per_hour=per_hour, requests_per_day=per_day)


def _mishap(line: MishapLine, start_s: float) -> Mishap:
    at_s = start_s + 60.0 * line.at_min
    return Mishap(MishapKind(line.kind), line.shuttle, at_s, 60.0 * line.lasts_min)


def _charger_fault(zone: Zone, line: ChargerLine, start_s: float) -> ChargerFault:
    if line.stop not in [stop.id for stop in zone.stops if stop.chargers > 0]:
        raise ScenarioError(f"zone {zone.id} has no charger at {line.stop}")
    at_s = start_s + 60.0 * line.at_min
    return ChargerFault(StopId(line.stop), line.plugs, at_s, 60.0 * line.lasts_min)


def _orders(zone: Zone, line: ClosureLine, start_s: float) -> list[tuple[float, Event]]:
    stops = {stop.id: stop for stop in zone.stops}
    unknown = sorted({*line.stops, *line.streets_at} - stops.keys())
    if unknown:
        raise ScenarioError(f"zone {zone.id} has no stop {', '.join(unknown)}")
    reverse = {edge.id: edge.reverse for edge in zone.edges}
    edges: dict[EdgeId, None] = {}
    for stop_id in line.streets_at:
        edge_id = stops[StopId(stop_id)].edge_id
        edges[edge_id] = None
        back = reverse[edge_id]
        if back is not None:
            edges[back] = None
    closed = StreetsClosed(
        0, _OPERATOR, tuple(edges), tuple(StopId(stop) for stop in line.stops), "works"
    )
    opened = StreetsOpened(0, _OPERATOR, closed.edges, closed.stops)
    close_s = start_s + 60.0 * line.at_min
    return [(close_s, closed), (close_s + 60.0 * line.lasts_min, opened)]
