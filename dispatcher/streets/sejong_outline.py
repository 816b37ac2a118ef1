"""The outline of Sejong's 5-1 living area: published size and place, assumed shape."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Self

from dispatcher.domain.zone import Point

# Published facts (as read on the pages named):
# whole district 2.741 km2 (ajunews.com/view/20240327082359696, 2024-03-27);
# centroid of the legal dong Hapgang-dong 36.5243, 127.3320, and its bounding box
# 36.5166-36.5336, 127.3197-127.3463, about 2,380 m x 1,890 m (measured from its polygon).
DISTRICT_AREA_M2 = 2_741_000.0
CENTROID = Point(36.5243, 127.3320)
_WIDTH_OVER_HEIGHT = 2380.0 / 1890.0


@dataclass(frozen=True, slots=True)
class District:
    """The outline: an ellipse with slow waves, scaled to the published area."""

    half_width_m: float
    half_height_m: float
    waves: tuple[tuple[int, float, float], ...]  # cycles, share of the radius, phase in radians

    @classmethod
    def of(cls, rng: random.Random) -> Self:
        waves = tuple(
            (cycles, share, rng.uniform(0.0, 2.0 * math.pi))
            for cycles, share in ((2, 0.03), (3, 0.035), (5, 0.015))
        )
        unit = cls(_WIDTH_OVER_HEIGHT, 1.0, waves)
        corners = [unit.at(math.radians(angle), 1.0) for angle in range(360)]
        unit_area = 0.5 * abs(
            sum(
                corners[i - 1][0] * corners[i][1] - corners[i][0] * corners[i - 1][1]
                for i in range(360)
            )
        )
        scale = math.sqrt(DISTRICT_AREA_M2 / unit_area)
        return cls(_WIDTH_OVER_HEIGHT * scale, scale, waves)

    def at(self, angle_rad: float, scale: float) -> tuple[float, float]:
        """``(x_m, y_m)`` in the direction of the angle; ``scale`` 1 is the boundary."""
        wave = 1.0 + sum(
            share * math.sin(cycles * angle_rad + phase) for cycles, share, phase in self.waves
        )
        return (
            self.half_width_m * scale * wave * math.cos(angle_rad),
            self.half_height_m * scale * wave * math.sin(angle_rad),
        )

    def angle_rad(self, x_m: float, y_m: float) -> float:
        return math.atan2(y_m / self.half_height_m, x_m / self.half_width_m) % (2.0 * math.pi)

    def scale_of(self, x_m: float, y_m: float) -> float:
        """How far out a place is: 0 in the middle, 1 on the boundary."""
        return math.hypot(x_m, y_m) / math.hypot(*self.at(self.angle_rad(x_m, y_m), 1.0))
