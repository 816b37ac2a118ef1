"""Private, real servers for tests: mosquitto and redis-server on free ports."""

import atexit
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulator.ports import LOOPBACK as LOOPBACK
from simulator.ports import free_port as free_port

START_TIMEOUT_S = 15.0
PR_SET_PDEATHSIG = 1


def require_binary(name: str) -> str:
    """The path of a program; skips the test without it, except in CI, where it must be there."""
    # Debian puts daemons where an ordinary user's PATH does not look.
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if path is None:
        reason = f"{name} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class RealServer:
    """A server process with a directory of its own; the port stays over a restart."""

    host = LOOPBACK

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        atexit.register(self.kill)

    def command(self) -> list[str]:
        raise NotImplementedError

    def is_ready(self) -> bool:
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def start(self) -> None:
        with (self.directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, preexec_fn=die_with_parent
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log_text = (self.directory / "server.log").read_text()
                pytest.fail(f"{self.command()[0]} did not start:\n{log_text}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Let the server end in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server as a power cut would, as far as a process can see."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let the server stand still with its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        self.stop()
        self.start()

    def ensure_running(self) -> None:
        """For a fixture shared by tests, of which one may have stopped the server."""
        if self._process is None or self._process.poll() is not None:
            self.start()

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_TIMEOUT_S)
            self._process = None


class Mosquitto(RealServer):
    """A mosquitto that lets anyone in; ``acl`` lines (see mosquitto.conf(5)) may restrict topics.

    Without an ``acl`` everything is allowed.
    """

    def __init__(self, directory: Path, acl: str | None = None) -> None:
        self._binary = require_binary("mosquitto")
        super().__init__(directory)
        lines = [
            f"listener {self.port} {self.host}",
            "allow_anonymous true",
            "set_tcp_nodelay true",
            "persistence true",
            f"persistence_location {directory}/",
            # Written on every change, so that a kill loses nothing that tests rely on.
            "autosave_interval 1",
            "autosave_on_changes true",
            # Started by root it would become a user who cannot write to the directory.
            "user root",
        ]
        if acl is not None:
            (directory / "acl").write_text(acl)
            (directory / "acl").chmod(0o700)
            lines.append(f"acl_file {directory}/acl")
        (directory / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def command(self) -> list[str]:
        return [self._binary, "-c", str(self.directory / "mosquitto.conf")]


class OwnMosquitto(RealServer):
    """A mosquitto with a configuration that somebody else wrote, in a folder for this port."""

    def __init__(self, directory: Path) -> None:
        self._binary = require_binary("mosquitto")
        super().__init__(directory)

    def command(self) -> list[str]:
        config = self.directory / "mosquitto.conf"
        as_root = self.directory / "as-root.conf"
        # Started by root it would become a user who cannot read the keys.
        as_root.write_text(config.read_text() + "user root\n")
        return [self._binary, "-c", str(as_root)]

    def reload(self) -> None:
        """Have it read its access rules again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)


class RedisServer(RealServer):
    """A redis-server that syncs every append, unless ``settings`` say otherwise."""

    def __init__(self, directory: Path, settings: dict[str, str] | None = None) -> None:
        self._binary = require_binary("redis-server")
        super().__init__(directory)
        self.settings = {
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": "",
        } | (settings or {})

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"

    def command(self) -> list[str]:
        command = [self._binary, "--bind", self.host, "--port", str(self.port)]
        command += ["--dir", str(self.directory)]
        for name, value in self.settings.items():
            command += [f"--{name}", value]
        return command

    def is_ready(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False
