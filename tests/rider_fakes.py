"""A broker's end of the rider's link, and a zone of two stops, for tests of the riders' border."""

from dataclasses import dataclass, field

from service_fakes import turns

from dispatcher.domain.ids import EdgeId, StopId
from dispatcher.domain.zone import Point, Stop, StopKind
from dispatcher.mqtt_client import PublishFailed

TWO_STOPS = {
    stop_id: Stop(
        stop_id,
        {"ko": f"정류장 {stop_id}", "en": f"Stop {stop_id}"},
        StopKind.STOP,
        Point(36.5, 127.3),
        0.0,
        0.0,
        EdgeId("e"),
        0.0,
    )
    for stop_id in (StopId("A"), StopId("B"))
}


@dataclass(frozen=True)
class Sent:
    topic: str
    body: bytes
    retain: bool
    correlation_data: bytes | None


@dataclass
class FakeLink:
    """Takes what is published; ``refuses`` names topics the broker does not let through."""

    connected: bool = True
    refuses: set[str] = field(default_factory=set)
    attempts: int = 0
    sent: list[Sent] = field(default_factory=list)
    retained: dict[str, bytes] = field(default_factory=dict)

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        correlation_data: bytes | None = None,
        expiry_s: int | None = None,
    ) -> None:
        self.attempts += 1
        await turns(2)
        if not self.connected:
            raise PublishFailed(topic, "not connected")
        if topic in self.refuses:
            raise PublishFailed(topic, "refused: Not authorized", refused=True)
        self.sent.append(Sent(topic, payload, retain, correlation_data))
        if retain and payload:
            self.retained[topic] = payload
        elif retain:
            self.retained.pop(topic, None)

    def post(
        self,
        topic: str,
        payload: bytes,
        *,
        correlation_data: bytes | None = None,
        expiry_s: int | None = None,
    ) -> None:
        if not self.connected:
            raise PublishFailed(topic, "not connected")
        self.sent.append(Sent(topic, payload, False, correlation_data))
