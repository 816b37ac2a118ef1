"""What everybody may see."""

from typing import Any

from fastapi import APIRouter, Request, Response

from dispatcher.web.answers import document, json_answer, problems
from dispatcher.web.guarded_route import GuardedRoute, Parts
from dispatcher.web.schemas import StopList
from dispatcher.web.zone_view import ZoneDocument

router = APIRouter(route_class=GuardedRoute)


@router.get(
    "/v1/openapi.json",
    operation_id="getOpenapi",
    summary="This API, for machines",
    tags=["zone"],
    responses=problems(),
)
async def get_openapi(request: Request) -> dict[str, Any]:
    described: dict[str, Any] = request.app.openapi()
    return described


@router.get(
    "/v1/zone",
    operation_id="getZone",
    summary="Outline, streets, stops and clock: all that a map needs",
    tags=["zone"],
    response_model=ZoneDocument,
    responses=problems(),
)
async def get_zone(parts: Parts) -> Response:
    return json_answer(parts.zone_view.to_json())


@router.get(
    "/v1/stops",
    operation_id="listStops",
    summary="Where riders may board",
    tags=["zone"],
    response_model=StopList,
    responses=problems(),
)
async def list_stops(parts: Parts) -> Response:
    return document(StopList(stops=parts.zone_view.stops))
