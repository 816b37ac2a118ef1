"""A hostile shuttle: it says the same state again and again, as fast as it can."""

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Final

from dispatcher.mqtt import MqttLink, PublishFailed
from vehicles.link import BrokerAccess
from vehicles.topics import DEFAULT_INTERFACE, Topic, VehicleName, topic_of

_AT_A_TIME: Final = 20
_NAME: Final = VehicleName("hostile", "flood")


async def flood(broker: BrokerAccess, per_s: float, for_s: float) -> int:
    """Publish states of one shuttle with QoS 0; how many went out."""
    link = MqttLink(
        broker.host,
        broker.port,
        client_id="ringmaster-load-flood",
        subscriptions=[],
        session_expiry_s=0,
        on_message=lambda message: None,
    )
    carrying = asyncio.create_task(link.run())
    loop = asyncio.get_running_loop()
    began, sent, number = loop.time(), 0, 0
    try:
        while (passed := loop.time() - began) < for_s:
            due = int(passed * per_s)
            for _ in range(min(_AT_A_TIME, due - number)):
                number += 1
                try:
                    await link.publish(_topic(), _state(number), qos=0)
                    sent += 1
                except PublishFailed:
                    await asyncio.sleep(0.1)
            await asyncio.sleep(0.002)
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
    return sent


def _topic() -> str:
    return topic_of(DEFAULT_INTERFACE, _NAME, Topic.STATE)


def _state(number: int) -> bytes:
    """A valid state of a shuttle that stands still, another one each time."""
    now = datetime.fromtimestamp(time.time(), UTC)
    return json.dumps(
        {
            "headerId": number,
            "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            "version": "2.1.0",
            "manufacturer": _NAME.manufacturer,
            "serialNumber": _NAME.serial_number,
            "orderId": "",
            "orderUpdateId": 0,
            "lastNodeId": "",
            "lastNodeSequenceId": 0,
            "driving": False,
            "nodeStates": [],
            "edgeStates": [],
            "actionStates": [],
            "batteryState": {"batteryCharge": 80.0, "charging": False},
            "agvPosition": {
                "x": 0.0,
                "y": float(number % 2),
                "theta": 0.0,
                "mapId": "zone",
                "positionInitialized": True,
            },
            "operatingMode": "AUTOMATIC",
            "errors": [],
            "safetyState": {"eStop": "NONE", "fieldViolation": False},
        }
    ).encode()
