"""Static instances of the literature: one reader a format, one shape for all of them."""

from dispatcher.planning.instances.instance import Instance, InstanceError
from dispatcher.planning.instances.reading import read_instance

__all__ = ["Instance", "InstanceError", "read_instance"]
