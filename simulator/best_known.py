"""Best known values of static instances, as published tables give them."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class BestKnownError(ValueError):
    """The table cannot be read; the text says where."""


@dataclass(frozen=True, slots=True)
class BestKnown:
    """The best published solution of an instance."""

    cost: float
    proven: bool
    """Whether nothing better can exist."""
    rounded: float
    """Half a unit of the last digit published: what is this close may be equal."""
    vehicles: int | None = None
    """Where the fewest vehicles come first."""

    def reached_by(self, cost: float, vehicles: int) -> bool:
        """Whether a solution is as good, as far as the published digits tell."""
        if self.vehicles is not None and vehicles != self.vehicles:
            return vehicles < self.vehicles
        return cost <= self.cost + self.rounded

    def beaten_by(self, cost: float, vehicles: int) -> bool:
        """Whether a solution is better, beyond the digits published."""
        if self.vehicles is not None and vehicles != self.vehicles:
            return vehicles < self.vehicles
        return cost < self.cost - self.rounded

    def gap_pct(self, cost: float) -> float:
        """How much dearer a solution is, in per cent; negative: cheaper."""
        excess = cost - self.cost
        return 0.0 if abs(excess) <= self.rounded else 100.0 * excess / self.cost


BestKnownTable = Mapping[tuple[str, float | None], BestKnown]
"""By instance and, for electric fleets, the share of the battery left at the end."""


def read_best_known(path: Path) -> BestKnownTable:
    """The table in a ``bks.csv``.

    Columns ``instance, best_known_cost, proven_optimal`` and, where they apply,
    ``best_known_vehicles`` and ``gamma_min_end_battery``.

    Raises
    ------
    BestKnownError
        Unreadable, or a line has no numbers where they belong.
    """
    table = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), 2):
                try:
                    text = row["best_known_cost"]
                    digits = len(text.partition(".")[2])
                    vehicles = row.get("best_known_vehicles")
                    gamma = row.get("gamma_min_end_battery")
                    table[row["instance"], float(gamma) if gamma else None] = BestKnown(
                        cost=float(text),
                        proven=row["proven_optimal"].startswith("yes"),
                        rounded=0.5 * 10.0**-digits + 1e-9,
                        vehicles=int(vehicles) if vehicles else None,
                    )
                except (KeyError, ValueError, AttributeError, TypeError) as error:
                    raise BestKnownError(f"{path}, line {line}: {error!r}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BestKnownError(f"{path}: {error}") from error
    return table
