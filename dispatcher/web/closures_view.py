"""Which streets and stops are closed just now."""

from dispatcher.engine.state import ServiceState
from dispatcher.riders.status import Document


class ClosuresDocument(Document):
    """Edges are directions of streets; see `streets` of the zone."""

    edges: tuple[str, ...]
    stops: tuple[str, ...]


def closures_document(state: ServiceState) -> ClosuresDocument:
    return ClosuresDocument(edges=state.closed_edges, stops=state.closed_stops)
