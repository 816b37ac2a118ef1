"""The pages' addresses: the front page, the rider's page, stops' codes, and the files of all."""

from html import escape
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response

from dispatcher.web.answers import problems
from dispatcher.web.guarded_route import GuardedRoute, Parts
from dispatcher.web.page import Page, page_answer
from dispatcher.web.problems import not_found
from dispatcher.web.static_files import static_files
from dispatcher.web.stop_codes import CodesUnder
from dispatcher.web.words import COOKIE, chosen_language
from dispatcher.web.zone_view import StopView

router = APIRouter(route_class=GuardedRoute)

FRONT: Final = Page("front.title", "front/page.html", ("front/front.css",))
RIDE: Final = Page(
    "ride.title", "ride/page.html", ("ride/ride.css",), "ride/ride.js", with_map=True
)
CONSOLE: Final = Page("ops.title", "ops/page.html", ("ops/ops.css",), "ops/ops.js", with_map=True)
STOPS: Final = Page("stops.title", "ride/stops.html", ("ride/stops.css",))
WAITING: Final = Page(
    "waiting.title", "waiting/page.html", ("front/front.css",), "waiting/waiting.js"
)

Language = Annotated[str | None, Query(alias="lang", max_length=8)]
StopPath = Annotated[str, Path(min_length=1, max_length=64)]
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@router.get("/", operation_id="frontPage", include_in_schema=False)
async def front_page(request: Request, lang: Language = None) -> Response:
    return page_answer(request, FRONT, lang)


@router.get("/ops", operation_id="consolePage", include_in_schema=False)
async def console_page(request: Request, lang: Language = None) -> Response:
    return page_answer(request, CONSOLE, lang)


@router.get("/ride", operation_id="ridePage", include_in_schema=False)
async def ride_page(request: Request, lang: Language = None) -> Response:
    return page_answer(request, RIDE, lang)


@router.get("/ride/stop/{stop}", operation_id="ridePageFromStop", include_in_schema=False)
async def ride_page_from_stop(stop: StopPath, request: Request, lang: Language = None) -> Response:
    # The page itself reads the stop from its address, and says so where there is none.
    return page_answer(request, RIDE, lang)


@router.get("/ride/trips", operation_id="ownTripsPage", include_in_schema=False)
async def own_trips_page(request: Request, lang: Language = None) -> Response:
    return page_answer(request, RIDE, lang)


@router.get("/ride/trip/{trip}", operation_id="ownTripPage", include_in_schema=False)
async def own_trip_page(
    trip: Annotated[str, Path(min_length=1, max_length=64)],
    request: Request,
    lang: Language = None,
) -> Response:
    # Whose trip it is is the API's affair; the page asks for a login where there is none.
    return page_answer(request, RIDE, lang)


@router.get("/t/{link}", operation_id="tripPage", include_in_schema=False)
async def trip_page(
    link: Annotated[str, Path(min_length=1, max_length=200)],
    request: Request,
    lang: Language = None,
) -> Response:
    # Whether the link leads anywhere is said by the API, to the page.
    return page_answer(request, RIDE, lang)


@router.get("/ride/stops", operation_id="stopsPage", include_in_schema=False)
async def stops_page(request: Request, parts: Parts, lang: Language = None) -> Response:
    language = chosen_language(
        lang, request.cookies.get(COOKIE), request.headers.get("accept-language", "")
    )
    codes = parts.codes.under(_asked_at(request))
    signs = [await _sign(stop, codes, language) for stop in _boardable(parts.zone_view.stops)]
    return page_answer(request, STOPS, lang, more="\n".join(signs))


@router.get(
    "/v1/stops/{stop}/qr.svg",
    operation_id="getStopCode",
    summary="A QR code that leads to ordering from this stop",
    tags=["zone"],
    response_class=Response,
    responses={
        200: {"description": "The code.", "content": {"image/svg+xml": {}}},
        **problems(404),
    },
)
async def get_stop_code(stop: StopPath, request: Request, parts: Parts) -> Response:
    if not any(known.id == stop for known in _boardable(parts.zone_view.stops)):
        raise not_found("stop")
    svg = await parts.codes.under(_asked_at(request)).svg(stop)
    svg = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": "no-cache"})


@router.get("/static/{digest}/{path:path}", operation_id="staticFile", include_in_schema=False)
async def static_file(
    digest: str, path: str, request: Request, v: Annotated[str | None, Query()] = None
) -> Response:
    """``v`` is what the map adds to the address of its worker."""
    files = static_files()
    found = files.find(path)
    if found is None:
        raise not_found("file")
    # A page from before an update may still ask for its own files; it gets what there is now.
    keep = _FOR_EVER if digest == files.digest else "no-cache"
    headers = {"Cache-Control": keep, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.packed, media_type=found.media_type, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


def _asked_at(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _boardable(stops: tuple[StopView, ...]) -> list[StopView]:
    return [stop for stop in stops if stop.kind != "depot"]


async def _sign(stop: StopView, codes: CodesUnder, language: str) -> str:
    """To be printed: code, name in all languages, id."""
    name = stop.names.get(language) or stop.id
    others = [text for kept, text in stop.names.items() if kept != language]
    return (
        f'<li class="sign"><a href="{escape(codes.address(stop.id))}">{await codes.svg(stop.id)}'
        f'<span class="name">{escape(name)}</span></a>'
        f'<span class="other">{escape(" / ".join(others))}</span>'
        f'<span class="id">{escape(stop.id)}</span></li>'
    )
