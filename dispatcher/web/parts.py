"""What the routes work with: the dispatcher's parts, as far as the API needs them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request

from dispatcher.config import Settings
from dispatcher.engine import ServiceState, Site
from dispatcher.improving import ImproverLoop
from dispatcher.journal import Trail
from dispatcher.operators import Explainer, OperatorDesk
from dispatcher.riders.desk import RiderDesk
from dispatcher.riders.status import StatusWriter
from dispatcher.service import Service
from dispatcher.telemetry.metrics import Metrics
from dispatcher.web.alerts import AlertBook
from dispatcher.web.callers import Callers
from dispatcher.web.dev_issuer import DevIssuer
from dispatcher.web.figures_book import FiguresBook
from dispatcher.web.guest_links import GuestLinks
from dispatcher.web.issuer_login import IssuerLogin
from dispatcher.web.live import LiveHub
from dispatcher.web.live_feed import LiveFeed
from dispatcher.web.rates import Rates
from dispatcher.web.shuttle_view import FleetView
from dispatcher.web.stop_codes import StopCodes
from dispatcher.web.zone_view import ZoneView
from vehicles.fleet import Fleet

if TYPE_CHECKING:
    from dispatcher.leadership import Leadership


@dataclass(slots=True, eq=False)
class WebParts:
    """``links`` is None until the zone's secret is known. ``now`` is the machine's UTC seconds."""

    settings: Settings
    site: Site
    service: Service
    leadership: "Leadership"
    desk: RiderDesk
    operators: OperatorDesk
    explainer: Explainer
    writer: StatusWriter
    fleet: Fleet
    improver: ImproverLoop | None
    metrics: Metrics
    trail: Trail
    callers: Callers
    rates: Rates
    zone_view: ZoneView
    codes: StopCodes
    fleet_view: FleetView
    alerts: AlertBook
    figures: FiguresBook
    hub: LiveHub
    feed: LiveFeed
    dev_issuer: DevIssuer | None
    issuer_login: IssuerLogin | None
    now: Callable[[], float]
    links: GuestLinks | None = None

    @property
    def state(self) -> ServiceState:
        """As it is now; never to be changed from here."""
        return self.service.core.state


def parts_of(request: Request) -> WebParts:
    parts: WebParts = request.app.state.parts
    return parts
