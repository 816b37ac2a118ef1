"""What a shuttle's battery holds, what driving and standing take from it, and how it is charged."""

from dataclasses import dataclass

from dispatcher.domain.ids import ShuttleId, StopId


@dataclass(frozen=True, slots=True)
class EnergyRule:
    """The battery of a zone's shuttles, in watts and watt-hours, and what is kept in it.

    The powers are what planning counts with, so they should be on the high side. What a shuttle
    really takes is learnt on top of them, shuttle by shuttle, as a percentage: a colder day, an
    older battery and another kind of shuttle all show there.
    """

    battery_wh: int = 33_000
    driving_w: int = 8_000  # 200 Wh/km at 35 km/h, and what standing takes
    standing_w: int = 1_000  # heating, cooling, computers
    floor_pct: int = 7  # riders who would take it below this are given to others
    call_off_pct: int = 40  # a charging shuttle may be given riders from here on
    least_charge_pct: int = 10  # but not before it has gained so much
    lookahead_s: int = 1800  # standing allowed for, beyond what is planned
    gap_s: int = 2700  # a pause before a timed pickup in which a shuttle can charge
    charge_slack_s: int = 300  # riders may make a planned charge so much later
    plug_retry_s: int = 1800  # a plug that gave nothing is tried again after this
    peak_keep_pct: int = 80  # of the fleet stays out when the most is asked for


@dataclass(frozen=True, slots=True)
class ChargeSession:
    """A plug reserved for one shuttle, from the drive there to its leaving.

    While it is only planned it stands in the shuttle's row as an errand, which may begin up to
    the slack later. ``call_pct`` is the level from which on the shuttle may be given riders
    again, and ``started_s`` when it was to plug in.
    """

    stop: int
    begin_s: int
    until_s: int
    to_pct: int
    call_pct: int = 0
    started_s: int | None = None


@dataclass(frozen=True, slots=True)
class PlugTrouble:
    """A shuttle was to charge here and got nothing: ``working`` plugs were giving at the time."""

    stop: int
    working: int
    until_s: int  # then one plug more is tried


@dataclass(frozen=True, slots=True)
class DrainMark:
    """Where the measuring of a shuttle's consumption began."""

    level_ws: int
    at_s: int
    driven_s: int


@dataclass(frozen=True, slots=True)
class PlannedCharge:
    """One proposed session: the plug is the shuttle's from ``begin_s`` to ``until_s``."""

    shuttle_id: ShuttleId
    stop_id: StopId
    begin_s: int
    until_s: int
    to_pct: int
