"""A local certificate authority and a server certificate, for an office without one: ``home/tls/``.

``ca.pem`` is installed once on each exam PC; ``server.pem`` and ``server.key`` are used by both apps. The authority's own
key is thrown away after signing: nobody can later make another certificate that those PCs would trust.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import faults
from home import local_text, write_atomically

VALID = timedelta(days=730)
_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*")
#: this long before its end it is told that a new one is needed: every exam PC has to be visited
SOON = timedelta(days=45)
_MEND = "请从备份恢复，或用 pufa tls renew 重做（重做后每台考试机要重装 ca.pem）"


def make_certificate(folder: Path, office_name: str, names: tuple[str, ...] = ()) -> None:
    """Write ``ca.pem``, ``server.pem`` and ``server.key`` (mode 0600) for this machine's names and ``names``.

    ``names``: further host names or IP addresses under which exam PCs reach the server.
    """
    now = datetime.now(UTC) - timedelta(hours=1)
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{office_name[:40]} 考场本地证书")])
    root = (
        _builder(issuer, issuer, authority.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .sign(authority, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pufa")])
    certificate = (
        _builder(issuer, subject, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
        .sign(authority, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_atomically(folder / "ca.pem", root.public_bytes(pem))
    write_atomically(folder / "server.pem", certificate.public_bytes(pem) + root.public_bytes(pem))
    write_atomically(folder / "server.key", private, 0o600)


def address_problem(names: Sequence[str]) -> str | None:
    """Why exam PCs could not come by one of these names, with what to do; None if they can.

    >>> address_problem(["192.0.2.10", "fd00::1", "kaoshi.example"])
    """
    for name in names:
        try:
            ipaddress.ip_address(name)
        except ValueError:
            if not _HOST.fullmatch(name) or name.rpartition(".")[2].isdigit():
                return f"--address {name}：不是 IP，也不是英文的主机名，写不进证书。只写 192.0.2.10 或 kaoshi.example 这样的，不带 https:// 和端口"
    return None


def valid_until(certificate: Path) -> int:
    """Until when a certificate file is good, ms UTC.

    :raises OSError, ValueError: it cannot be read, or is none.
    """
    return int(_first_in(certificate).not_valid_after_utc.timestamp() * 1000)


def names_in(certificate: Path) -> tuple[str, ...]:
    """Host names and IP addresses that a certificate file is good for.

    :raises OSError, ValueError: as :func:`valid_until`.
    """
    try:
        found = _first_in(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress)))


def tls_problem(certificate: Path, key: Path) -> str | None:
    """Why a server cannot use these two files, with what to do; None if it can."""
    for path in (certificate, key):
        try:
            path.read_bytes()
        except FileNotFoundError:
            return f"{path}：这个文件不见了；{_MEND}"
        except OSError as error:
            return faults.told(error) or f"{path}：读不出来（{faults.why(error)}）；{_MEND}"
    asked = []

    def nobody_there() -> str:
        asked.append(key)
        return ""

    try:  # whoever starts it is not asked for a passphrase: at night nobody is there to type one
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, nobody_there)
        valid_until(certificate)
    except (OSError, ValueError):
        if asked:
            return f"{key}：私钥有口令，服务自己启动不了；请换成没有口令的；{_MEND}"
        return f"{certificate} 和 {key.name} 已损坏或不是一对；{_MEND}"
    return None


def ends_soon(certificate: Path, now: int) -> str | None:
    """What to tell of a certificate that is over or has less than :data:`SOON` left at ``now`` (ms UTC); None otherwise.

    :raises OSError, ValueError: as :func:`valid_until`.
    """
    until = valid_until(certificate)
    if until - now > SOON.total_seconds() * 1000:
        return None
    when = f"已于 {local_text(until)} 到期，考试机打不开考场" if until <= now else f"将于 {local_text(until)} 到期"
    return f"考场证书{when}；请用 pufa tls renew 重做，并在每台考试机重装 ca.pem"


def _first_in(certificate: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.read_bytes())


def _builder(
    issuer: x509.Name, subject: x509.Name, public: ec.EllipticCurvePublicKey, start: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALID)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=sign_certificates, crl_sign=sign_certificates, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def _alternatives(names: tuple[str, ...]) -> list[x509.GeneralName]:
    found: dict[str, x509.GeneralName] = {}
    for name in ("localhost", "127.0.0.1", "::1", socket.gethostname(), *names):
        try:
            found[name] = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            if name.isascii() and name:
                found[name] = x509.DNSName(name)
    return list(found.values())
