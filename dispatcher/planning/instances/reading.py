"""Which format a file has is told by what is in it, not by its name."""

from pathlib import Path

from dispatcher.planning.instances.cordeau import cordeau, looks_like_cordeau
from dispatcher.planning.instances.eadarp import eadarp, looks_like_eadarp
from dispatcher.planning.instances.instance import Instance, InstanceError
from dispatcher.planning.instances.li_lim import li_lim, looks_like_li_lim
from dispatcher.planning.instances.lines import read_lines
from dispatcher.planning.instances.malheiros import looks_like_malheiros, malheiros

_READERS = (
    (looks_like_cordeau, cordeau),
    (looks_like_li_lim, li_lim),
    (looks_like_malheiros, malheiros),
    (looks_like_eadarp, eadarp),
)


def read_instance(path: Path) -> Instance:
    """The instance in a file, whichever of the known formats it has.

    Raises
    ------
    InstanceError
        The file cannot be read, is of no known format, or contradicts itself.
    """
    lines = read_lines(path)
    for looks_like, build in _READERS:
        if looks_like(lines):
            try:
                instance = build(path.stem, lines)
            except InstanceError as error:
                raise InstanceError(f"{path}: {error}") from error
            _check(path, instance)
            return instance
    raise InstanceError(
        f"{path}: neither a Cordeau, Li and Lim, Malheiros nor E-ADARP instance (its first"
        f" lines have {len(lines[0])} and {len(lines[1]) if len(lines) > 1 else 0} numbers)"
    )


def _check(path: Path, instance: Instance) -> None:
    """What every format asks: somebody to drive, and times that are times."""
    if not instance.vehicles:
        raise InstanceError(f"{path}: no vehicles")
    if instance.travel.min() < 0:
        raise InstanceError(f"{path}: negative travel times")
    for node in instance.nodes:
        if node.service < 0 or node.earliest > node.latest:
            raise InstanceError(f"{path}: node {node.number} has no window or negative service")
