"""The part of an MQTT link that publishes, so that tests can stand in for a broker."""

from typing import Protocol


class Publisher(Protocol):
    """As ``MqttLink``.

    ``publish`` raises ``PublishFailed`` unless the broker has the message, ``post`` if it is
    clear at once that it cannot get it.
    """

    @property
    def connected(self) -> bool: ...

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        correlation_data: bytes | None = None,
        expiry_s: int | None = None,
    ) -> None: ...

    def post(
        self,
        topic: str,
        payload: bytes,
        *,
        correlation_data: bytes | None = None,
        expiry_s: int | None = None,
    ) -> None: ...
