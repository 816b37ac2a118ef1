"""Signed orders and instant actions: that a shuttle obeys its dispatcher and nobody else.

What is signed is the topic and the bytes of the message, not a form that both sides would have
to compute alike. The signature is the last property of the message, written
``,"signature":"{key id}.{signature}"}`` without spaces, and covers all before it, closed by ``}``.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

# Signatures for one purpose must not serve another.
_PURPOSE: Final = b"ringmaster-plan-1"
_AT_THE_END: Final = re.compile(
    rb',"signature":"(?P<key_id>[0-9a-f]{16})\.(?P<signature>[A-Za-z0-9_-]{86})"\}\s*'
)
_LONGEST_END: Final = 160  # bytes


class Untrusted(StrEnum):
    """What is wrong with a message that nobody may act on."""

    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown_key"
    FOREIGN = "foreign"  # meant for another shuttle
    ALTERED = "altered"


_WORDS: Final = {
    Untrusted.UNSIGNED: "a message without a signature was refused",
    Untrusted.UNKNOWN_KEY: "a message signed with an unknown key was refused",
    Untrusted.FOREIGN: "a message for another shuttle was refused",
    Untrusted.ALTERED: "a message that does not agree with its signature was refused",
}


class UntrustedError(Exception):
    """The message is not from the dispatcher, or not as it was sent, or not for this shuttle."""

    def __init__(self, cause: Untrusted) -> None:
        super().__init__(_WORDS[cause])
        self.cause = cause


class SigningKeyError(ValueError):
    """A key cannot be used; the text names the file."""


def key_id_of(key: Ed25519PublicKey) -> str:
    """Names a public key: the start of its SHA-256."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


class PlanSigner:
    """Signs with the dispatcher's key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.key_id = key_id_of(key.public_key())

    @classmethod
    def load(cls, path: Path) -> "PlanSigner":
        """From a PEM file. Raises ``SigningKeyError``."""
        try:
            key = load_pem_private_key(path.read_bytes(), None)
        except OSError as error:
            raise SigningKeyError(f"{path}: {error.strerror or error}") from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SigningKeyError(f"{path}: no private key in PEM: {error}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningKeyError(f"{path}: plans are signed with an Ed25519 key")
        return cls(key)

    def sign(self, topic: str, body: bytes) -> bytes:
        """The JSON object ``body``, which has no signature yet, with one for this topic."""
        assert body.endswith(b"}")
        signature = base64.urlsafe_b64encode(self._key.sign(_signed(topic, body))).rstrip(b"=")
        return b'%b,"signature":"%b.%b"}' % (body[:-1], self.key_id.encode(), signature)


class PlanKeys:
    """The public keys that a shuttle trusts; several, while one follows another."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._keys = {key_id_of(key): key for key in keys}
        if not self._keys:
            raise SigningKeyError("a shuttle that trusts no key would obey nobody")

    @classmethod
    def load(cls, folder: Path) -> "PlanKeys":
        """All ``*.pub`` of a folder, in PEM. Raises ``SigningKeyError``, also if there are none."""
        paths = sorted(folder.glob("*.pub"))
        if not paths:
            raise SigningKeyError(f"{folder}: no public key (*.pub) of the dispatcher's plans")
        return cls(_public_key(path) for path in paths)

    def check(self, topic: str, body: bytes) -> None:
        """Return if the message was signed for this topic by a trusted key.

        Raises
        ------
        UntrustedError
            It was not; nothing in it may be acted on, or repeated to others as true.
        """
        end = _AT_THE_END.search(body, max(0, len(body) - _LONGEST_END))
        if end is None or end.end() != len(body):
            raise UntrustedError(Untrusted.UNSIGNED)
        key = self._keys.get(end["key_id"].decode())
        if key is None:
            raise UntrustedError(Untrusted.UNKNOWN_KEY)
        try:
            signature = base64.b64decode(end["signature"] + b"==", b"-_", validate=True)
            key.verify(signature, _signed(topic, body[: end.start()] + b"}"))
        except (InvalidSignature, binascii.Error):
            foreign = _names_another(topic, body)
            raise UntrustedError(Untrusted.FOREIGN if foreign else Untrusted.ALTERED) from None


def _signed(topic: str, body: bytes) -> bytes:
    # A topic has no line break, so the parts cannot be read in two ways.
    return b"%b\n%b\n%b" % (_PURPOSE, topic.encode(), body)


def _names_another(topic: str, body: bytes) -> bool:
    """Whether the header names another vehicle than the topic."""
    try:
        header = json.loads(body)
    except ValueError:
        return False
    if not isinstance(header, dict):
        return False
    named = [header.get("manufacturer"), header.get("serialNumber")]
    return named != topic.split("/")[-3:-1]


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise SigningKeyError(f"{path}: {error.strerror or error}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningKeyError(f"{path}: no public key in PEM: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SigningKeyError(f"{path}: plans are signed with Ed25519 keys, and this is another")
    return key
