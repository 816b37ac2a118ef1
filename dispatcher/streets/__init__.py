"""Streets of a zone: graph, closures, travel times and paths behind ``Streets``."""

from dispatcher.streets.drive import DriveModel
from dispatcher.streets.frame import LocalFrame, great_circle_m
from dispatcher.streets.path import EdgePoint, NoPathError, Path, PathStep
from dispatcher.streets.streets import Drawing, Streets
from dispatcher.streets.times import MAPS_OWN_PM, UNREACHABLE_S
from dispatcher.streets.walking import walk_m, walk_s

__all__ = [
    "MAPS_OWN_PM",
    "UNREACHABLE_S",
    "Drawing",
    "DriveModel",
    "EdgePoint",
    "LocalFrame",
    "NoPathError",
    "Path",
    "PathStep",
    "Streets",
    "great_circle_m",
    "walk_m",
    "walk_s",
]
