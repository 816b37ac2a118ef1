"""The service area: is a point inside the zone's boundary?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import shapely

from dispatcher.domain.zone import Point
from dispatcher.streets.frame import LocalFrame


@dataclass(frozen=True, slots=True, eq=False)
class ServiceArea:
    """The boundary as a prepared polygon in local metres.

    The polygon is prepared once at construction; a later question takes some microseconds.
    """

    frame: LocalFrame
    polygon: shapely.Polygon

    @classmethod
    def of(cls, boundary: Sequence[Point], frame: LocalFrame) -> Self:
        """From a closed ring of WGS84 points. Raises ValueError where the ring encloses no area."""
        polygon = shapely.Polygon([frame.to_metres(point) for point in boundary])
        if not polygon.is_valid or polygon.is_empty or polygon.area == 0.0:
            raise ValueError("the boundary crosses itself or encloses no area")
        shapely.prepare(polygon)
        return cls(frame, polygon)

    @property
    def area_m2(self) -> float:
        return float(self.polygon.area)

    def contains(self, point: Point) -> bool:
        """True inside the boundary and on its line."""
        x_m, y_m = self.frame.to_metres(point)
        return bool(shapely.intersects_xy(self.polygon, x_m, y_m))
