"""What the engine knows beforehand: the zone, its streets and its rules."""

from dataclasses import dataclass

from dispatcher.domain.rules import ServiceRules
from dispatcher.domain.zone import Zone
from dispatcher.streets import Streets


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """Fixed for the life of a state. ``streets`` has nothing closed."""

    zone: Zone
    streets: Streets
    rules: ServiceRules
