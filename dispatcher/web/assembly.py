"""From the dispatcher's parts to its HTTP API, and its part in the dispatcher's life."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
from fastapi import FastAPI

from dispatcher.config import Settings
from dispatcher.engine import Site
from dispatcher.improving import ImproverLoop
from dispatcher.journal import JournalError, Trail
from dispatcher.leadership import Leadership
from dispatcher.operators import Explainer, OperatorDesk
from dispatcher.riders.desk import RiderDesk
from dispatcher.riders.status import StatusWriter
from dispatcher.service import Service
from dispatcher.streets.frame import LocalFrame
from dispatcher.telemetry.metrics import Metrics
from dispatcher.web.alerts import AlertBook
from dispatcher.web.api_keys import ApiKeys
from dispatcher.web.app import make_app, why_not_serving
from dispatcher.web.callers import Callers
from dispatcher.web.dev_issuer import DevIssuer
from dispatcher.web.figures_book import FiguresBook
from dispatcher.web.guest_links import GuestLinks
from dispatcher.web.issuer_login import IssuerClient, IssuerLogin
from dispatcher.web.key_sets import FetchedKeys, FixedKeys, Keys, KeySetError
from dispatcher.web.live import LiveHub
from dispatcher.web.live_feed import LiveFeed
from dispatcher.web.own_address import OwnAddress
from dispatcher.web.parts import WebParts
from dispatcher.web.rates import Rates
from dispatcher.web.server import HttpServer
from dispatcher.web.sessions import Sessions
from dispatcher.web.shuttle_view import FleetView
from dispatcher.web.stop_codes import StopCodes
from dispatcher.web.tokens import TokenRules, TokenVerifier
from dispatcher.web.zone_view import ZoneView
from vehicles.fleet import Fleet

log = structlog.get_logger(__name__)

_TRY_AGAIN_S = 5.0
_LOOK_EVERY_S = 0.5


@dataclass(slots=True, eq=False)
class WebApi:
    """The API of one dispatcher. It answers from `run` on, also while standing by."""

    parts: WebParts
    app: FastAPI
    server: HttpServer

    async def run(self) -> None:
        """Serve until cancelled. Raises OSError where the port is taken."""
        serving = self.server.start()
        tasks = [
            asyncio.create_task(self.parts.feed.run()),
            asyncio.create_task(self._learn_secret()),
            asyncio.create_task(self._end_streams_with_the_lease()),
        ]
        try:
            # Not cancelled with us: it has to close what it listens on, in order.
            await asyncio.shield(serving)
        finally:
            self.parts.hub.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.server.close()

    async def _learn_secret(self) -> None:
        """The zone's secret is in the store, which may have to be waited for."""
        while self.parts.links is None:
            try:
                self.parts.links = GuestLinks(await self.parts.trail.secret())
            except JournalError as error:
                log.info("link_secret_awaited", reason=str(error))
                await asyncio.sleep(_TRY_AGAIN_S)

    async def _end_streams_with_the_lease(self) -> None:
        """Who no longer speaks for the zone must not go on showing it as it was."""
        problem = why_not_serving(self.parts)
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if len(self.parts.hub) and problem() is not None:
                self.parts.hub.close_all()


def build_web(
    settings: Settings,
    site: Site,
    service: Service,
    leadership: Leadership,
    desk: RiderDesk,
    operators: OperatorDesk,
    explainer: Explainer,
    writer: StatusWriter,
    fleet: Fleet,
    improver: ImproverLoop | None,
    metrics: Metrics,
    trail: Trail,
    *,
    now: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> WebApi:
    """Put the API together and let it listen to the service; nothing is served yet.

    Raises
    ------
    OSError
        The file with the issuer's keys cannot be used.
    UnguardedRouteError
        A route has no row in the table of access.
    """
    zone_view = ZoneView(site.zone, service.clock, settings.clock.speed)

    def clock() -> bytes:
        return zone_view.clock().model_dump_json().encode()

    issuer = DevIssuer(settings.auth.audience, now=now) if settings.auth.development else None
    hub = LiveHub(settings.http.streams, now=now, clock=clock)
    callers, issuer_login = _callers(settings, issuer, now, hub.end_session)
    alerts = AlertBook(service.clock.now_s, lambda: service.core.state)
    figures = FiguresBook(lambda: service.core.state)
    fleet_view = FleetView(LocalFrame(site.zone.origin))
    feed = LiveFeed(hub, service, writer, fleet, fleet_view, alerts, clock)
    parts = WebParts(
        settings=settings,
        site=site,
        service=service,
        leadership=leadership,
        desk=desk,
        operators=operators,
        explainer=explainer,
        writer=writer,
        fleet=fleet,
        improver=improver,
        metrics=metrics,
        trail=trail,
        callers=callers,
        rates=Rates(settings.http, monotonic=monotonic),
        zone_view=zone_view,
        codes=StopCodes(settings.http.public_url, monotonic=monotonic),
        fleet_view=fleet_view,
        alerts=alerts,
        figures=figures,
        hub=hub,
        feed=feed,
        dev_issuer=issuer,
        issuer_login=issuer_login,
        now=now,
    )
    for listener in (alerts.on_applied, figures.on_applied, feed.on_applied):
        service.add_listener(listener)
    app = make_app(parts)
    return WebApi(parts, app, HttpServer(app, settings.http))


def _callers(
    settings: Settings,
    issuer: DevIssuer | None,
    now: Callable[[], float],
    on_end: Callable[[str], None],
) -> tuple[Callers, IssuerLogin | None]:
    auth = settings.auth
    verifiers: list[TokenVerifier] = [] if issuer is None else [issuer.verifier()]
    login: IssuerLogin | None = None
    if auth.issuer is not None and auth.keys is not None:
        rules = TokenRules(
            auth.issuer,
            auth.audience,
            auth.algorithms,
            auth.roles_claim,
            auth.rider_by_default,
            auth.leeway_s,
        )
        keys = _keys(auth.keys, auth.keys_for_s)
        verifiers.append(TokenVerifier(rules, keys, now=now))
        if auth.login_client is not None:
            # An ID token is made for who asked for it, and nobody else may show it here.
            client_id = auth.login_client
            of_client = replace(rules, audience=client_id, party=client_id)
            of_login = TokenVerifier(of_client, keys, now=now)
            secret = auth.login_secret.get_secret_value() if auth.login_secret else None
            client = IssuerClient(auth.issuer, client_id, secret, auth.login_scope)
            login = IssuerLogin(client, of_login, now=now)
    sessions = Sessions(auth.session_s, now=now, on_end=on_end)
    address = OwnAddress(settings.http.public_url)
    api_keys = ApiKeys(auth.api_keys)
    return Callers(tuple(verifiers), api_keys, sessions, auth.guests, address), login


def _keys(where: str, for_s: float) -> Keys:
    if "://" in where:
        return FetchedKeys(where, for_s=for_s)
    try:
        return FixedKeys.of_file(Path(where))
    except KeySetError as error:
        raise OSError(f"auth.keys: {error}") from error
