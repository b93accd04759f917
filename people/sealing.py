"""Sealing of personal data at rest: AES-256-GCM to keep it, HMAC-SHA256 to find it again; keys derived by HKDF (RFC 5869).

The home's key is never used itself: each purpose has a key of its own, so that no key serves two algorithms.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from people.errors import IdentityError

_VERSION = b"\x01"
_NONCE = 12
_OVERHEAD = 1 + _NONCE + 16


def derive(key: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose, from the home's 32 random bytes."""
    return HKDF(SHA256(), 32, salt=None, info=f"pufa {purpose} v1".encode()).derive(key)


def seal(key: bytes, purpose: str, data: bytes, bound_to: str) -> bytes:
    """Encrypt: version byte, random 96-bit nonce, ciphertext with tag. ``bound_to`` must be named again to open it."""
    nonce = secrets.token_bytes(_NONCE)
    return _VERSION + nonce + AESGCM(derive(key, purpose)).encrypt(nonce, data, bound_to.encode())


def unseal(key: bytes, purpose: str, sealed: bytes, bound_to: str) -> bytes:
    """What :func:`seal` hid.

    :raises IdentityError: another key, purpose or binding, or altered bytes.
    """
    if len(sealed) < _OVERHEAD or sealed[:1] != _VERSION:
        raise IdentityError("密文格式不对，无法解开；请核对数据文件夹是否完整")
    nonce, body = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
    try:
        return AESGCM(derive(key, purpose)).decrypt(nonce, body, bound_to.encode())
    except InvalidTag:
        raise IdentityError("密文与本数据文件夹的密钥不符或已被改动；请用原来的 secret 文件夹") from None


def fingerprint(key: bytes, purpose: str, text: str) -> str:
    """HMAC-SHA256 (hex) under a key of its own: equal texts have equal fingerprints, nothing else can be read from it."""
    return hmac.new(derive(key, purpose), text.encode(), hashlib.sha256).hexdigest()
