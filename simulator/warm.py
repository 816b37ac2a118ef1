"""A first request before the first request: compiled kernels are loaded, indexes are built."""

from dispatcher.domain.events import RequestSubmitted, ShuttleJoined
from dispatcher.domain.ids import RequestId, RiderId, ShuttleId, TripId
from dispatcher.domain.shuttles import Capacity, DriveMode
from dispatcher.domain.trips import Party, RideRequest, TimeWish
from dispatcher.domain.zone import StopKind
from dispatcher.engine import Site, new_state, step


def warm_up(site: Site, now_s: int) -> None:
    """Answer one request in a state that is thrown away."""
    served = [stop for stop in site.zone.stops if stop.kind is not StopKind.DEPOT]
    state = new_state(site)
    here, there = served[0], served[-1]
    step(
        state,
        ShuttleJoined(
            at_s=now_s,
            shuttle_id=ShuttleId("warm:up"),
            capacity=Capacity(1, 0),
            x_m=here.x_m,
            y_m=here.y_m,
            battery_pct=100.0,
            mode=DriveMode.AUTOMATIC,
        ),
    )
    for number, seats in enumerate((1, 2)):  # one to be offered, one to be refused
        request = RideRequest(
            request_id=RequestId(f"{number}"),
            rider_id=RiderId("warm"),
            trip_id=TripId(f"warm-{number}"),
            origin=here.point,
            destination=there.point,
            wish=TimeWish.NOW,
            wish_s=now_s,
            party=Party(seats),
            walk_limit_m=400,
        )
        step(state, RequestSubmitted(now_s, request))
