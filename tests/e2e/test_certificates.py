"""Certificates change under a running service: real files, real TLS connections."""

from __future__ import annotations

import os
import signal
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.sync.client import connect

from aichat.certificates import _files
from tests.e2e.client import Client
from tests.e2e.test_watch import health, numbers
from tests.service import Process, RunningService, Upstream, free_port, running_service


def make_certificate(name: str, days: int = 90) -> tuple[bytes, bytes, bytes]:
    """A self-signed certificate -> PEM of its key, PEM of itself, DER of itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = serialization.Encoding
    return private, certificate.public_bytes(public.PEM), certificate.public_bytes(public.DER)


def trusting(pem: bytes) -> ssl.SSLContext:
    """A client that trusts this certificate and no other."""
    return ssl.create_default_context(cadata=pem.decode())


def shown_by(port: int) -> bytes:
    """The certificate that a new connection gets."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])  # as browsers do
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as link,
    ):
        shown = link.getpeercert(binary_form=True)
        assert shown is not None
        return shown


def test_a_new_certificate_is_used_and_a_broken_one_is_not(upstream: Upstream, tmp_path: Path) -> None:
    key_file, certificate_file = tmp_path / "key.pem", tmp_path / "cert: 1.pem"
    first, second, third = (make_certificate(name) for name in ("first", "second", "third"))
    key_file.write_bytes(first[0])
    certificate_file.write_bytes(first[1])
    chat, bridge = free_port(), free_port()
    how = f"privateKey={key_file}:certKey={str(certificate_file).replace(':', chr(92) + ':')}:interface=127.0.0.1"
    options = f"--listen=ssl:{chat}:{how}", f"--bridge-listen=ssl:{bridge}:{how}"
    with running_service(*options, upstream=upstream) as service:

        def look() -> None:
            os.kill(service.process.child.pid, signal.SIGHUP)

        assert shown_by(chat) == shown_by(bridge) == first[2]
        with connect(f"wss://localhost:{chat}/ws", ssl=trusting(first[1]), sock=local(chat)) as link:
            client = Client(link)
            client.ask("welcome", type="hello", version=1)
            certificate_file.write_bytes(second[1])  # as when two files are written one after the other
            look()
            service.process.wait_for(f"certificate of port {bridge} is not taken.*key")
            assert shown_by(chat) == shown_by(bridge) == first[2]
            assert health(service.http)[1]["remarks"] == ["a new certificate could not be taken: see the log"]
            key_file.write_bytes(second[0])
            look()
            service.process.wait_for(f"new certificate of port {bridge} is in use")
            service.process.wait_for(f"new certificate of port {chat} is in use")
            assert shown_by(chat) == shown_by(bridge) == second[2]
            assert health(service.http)[1]["remarks"] == []
            done = client.ask("message_done", type="chat", persona_id="mara", content="the old connection")
            assert done["message"]["content"] == "你说：the old connection"
        with connect(f"wss://localhost:{chat}/ws", ssl=trusting(second[1]), sock=local(chat)) as link:
            assert Client(link).ask("welcome", type="hello", version=1)["user"] == "owner"
        for broken in (b"-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n", b"", None):
            if broken is None:
                certificate_file.unlink()
            else:
                certificate_file.write_bytes(broken)
            look()
            service.process.wait_for(f"certificate of port {chat} is not taken")
            assert shown_by(chat) == second[2]
        key_file.write_bytes(third[0])
        certificate_file.write_bytes(third[1])
        for _ in range(2):
            service.process.wait_for("is in use")  # found without being told
        assert shown_by(chat) == shown_by(bridge) == third[2]
        left = numbers(service.http)[f"aichat_certificate_end_seconds {chat}"] - datetime.now(UTC).timestamp()
        assert 89 * 86_400 < left <= 90 * 86_400
        with socket.create_connection(("127.0.0.1", chat), timeout=10) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            plain.recv(1_000)


def local(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def test_a_certificate_that_ends_soon_is_a_remark(upstream: Upstream, tmp_path: Path) -> None:
    key, certificate, _ = make_certificate("soon", days=3)
    (tmp_path / "both.pem").write_bytes(key + certificate)
    option = f"--listen=ssl:{free_port()}:privateKey={tmp_path}/both.pem:interface=127.0.0.1"
    with running_service(option, upstream=upstream) as service:
        assert health(service.http)[1]["remarks"] == ["a certificate ends in less than a week"]


@pytest.mark.parametrize("content", [b"", b"no certificate", None])
def test_a_broken_certificate_at_the_start_is_one_line(
    service: RunningService, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "x.pem"
    if content is not None:
        file.write_bytes(content)
    process = Process([*service.args[:3], f"--state-dir={tmp_path}", "--bridge-listen=none",
                       f"--listen=ssl:{free_port()}:privateKey={file}"])  # fmt: skip
    process.wait_for("cannot start: .*x.pem")
    assert process.child.wait(30) == 1  # by itself: a signal now would meet a reactor that is stopping
    process.end()
    assert not [line for line in process.lines if "Traceback" in line]


def test_the_files_of_an_endpoint_string() -> None:
    assert _files("ssl:443") == [Path("server.pem")]
    assert _files("ssl:443:k.pem:c.pem") == [Path("k.pem"), Path("c.pem")]
    assert _files(r"ssl:443:privateKey=C\:/k.pem:interface=\:\:1:extraCertChain=a\=b.pem") == [
        Path("C:/k.pem"), Path("a=b.pem"),
    ]  # fmt: skip
