"""The zone's local frame: metres east and north of an origin, and back to WGS84."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from dispatcher.domain.zone import Point

# WGS84 ellipsoid: half axis and first eccentricity squared (NIMA TR8350.2).
_HALF_AXIS_M = 6_378_137.0
_ECCENTRICITY_SQUARED = 6.694379990141e-3

# Mean earth radius for great circles (IUGG).
_MEAN_RADIUS_M = 6_371_008.8


@dataclass(frozen=True, slots=True)
class LocalFrame:
    """A flat map about ``origin``: x metres east, y metres north.

    Each axis is scaled by the ellipsoid's radius of curvature at the origin. Within 5 km of the
    origin and below 65 degrees latitude, distances are right to about 0.2 %, and going to metres
    and back gives the same degrees to rounding. No distance in a zone is longer than that.
    """

    origin: Point
    metres_per_lat_degree: float = field(init=False)
    metres_per_lon_degree: float = field(init=False)

    def __post_init__(self) -> None:
        latitude = math.radians(self.origin.lat)
        flattening = 1.0 - _ECCENTRICITY_SQUARED * math.sin(latitude) ** 2
        meridian_m = _HALF_AXIS_M * (1.0 - _ECCENTRICITY_SQUARED) / flattening**1.5
        parallel_m = _HALF_AXIS_M / math.sqrt(flattening) * math.cos(latitude)
        object.__setattr__(self, "metres_per_lat_degree", math.radians(meridian_m))
        object.__setattr__(self, "metres_per_lon_degree", math.radians(parallel_m))

    def to_metres(self, point: Point) -> tuple[float, float]:
        """``(x_m, y_m)`` of a WGS84 point."""
        return (
            (point.lon - self.origin.lon) * self.metres_per_lon_degree,
            (point.lat - self.origin.lat) * self.metres_per_lat_degree,
        )

    def to_point(self, x_m: float, y_m: float) -> Point:
        """The WGS84 point at ``x_m`` east and ``y_m`` north of the origin."""
        return Point(
            lat=self.origin.lat + y_m / self.metres_per_lat_degree,
            lon=self.origin.lon + x_m / self.metres_per_lon_degree,
        )


def great_circle_m(a: Point, b: Point) -> float:
    """Distance over the earth by the haversine formula, in metres; within 0.5 % of the truth."""
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half = (
        math.sin((lat_b - lat_a) / 2) ** 2
        + math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b.lon - a.lon) / 2) ** 2
    )
    return 2.0 * _MEAN_RADIUS_M * math.asin(math.sqrt(min(1.0, half)))
