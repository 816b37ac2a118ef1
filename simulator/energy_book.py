"""What batteries went through: energy used and charged, the lowest level, and who was stranded."""

from dataclasses import dataclass, field

from dispatcher.domain.ids import ShuttleId
from simulator.chassis import SimulatedChassis


@dataclass(slots=True)
class EnergyBook:
    """Kept while a service is simulated; the counts of plugs are read off the yard."""

    lowest_pct: float = 100.0
    stranded: set[ShuttleId] = field(default_factory=set)
    plug_conflicts: int = 0
    dead_plugs: int = 0
    _charging_s: dict[ShuttleId, float] = field(default_factory=dict)
    _used_kwh: dict[ShuttleId, float] = field(default_factory=dict)
    _charged_kwh: dict[ShuttleId, float] = field(default_factory=dict)

    def note(self, shuttle_id: ShuttleId, chassis: SimulatedChassis, now: float) -> bool:
        """Read a shuttle's meters. True if it has just been stranded: empty while it drives."""
        level_pct = chassis.battery(now).charge_pct
        self.lowest_pct = min(self.lowest_pct, level_pct)
        meters = chassis.meters
        self._charging_s[shuttle_id] = meters.charging_s
        self._used_kwh[shuttle_id] = meters.used_kwh
        self._charged_kwh[shuttle_id] = meters.charged_kwh
        fresh = (
            level_pct <= 0.0
            and chassis.pose(now).speed_mps > 0.0
            and shuttle_id not in self.stranded
        )
        if fresh:
            self.stranded.add(shuttle_id)
        return fresh

    @property
    def charging_hours(self) -> float:
        return sum(self._charging_s.values()) / 3600.0

    @property
    def used_kwh(self) -> float:
        return sum(self._used_kwh.values())

    @property
    def charged_kwh(self) -> float:
        return sum(self._charged_kwh.values())
