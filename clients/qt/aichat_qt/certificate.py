"""A certificate that no authority vouches for, as a question that a person can answer."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QCryptographicHash, QLocale
from PySide6.QtNetwork import QSslCertificate, QSslError

from aichat_qt.words import one_line


def _tr(text: str) -> str:
    return QCoreApplication.translate("certificate", text)


@dataclass(frozen=True)
class Doubt:
    """What the server showed, and what is wrong with it. All words are for a person."""

    fingerprint: str
    """SHA-256, as `openssl x509 -fingerprint -sha256` writes it."""
    subject: str
    issuer: str
    ends: str
    reasons: tuple[str, ...]
    trusted_before: str = ""
    """The fingerprint that was trusted until now: the server shows another one."""


def fingerprint(certificate: QSslCertificate) -> str:
    """SHA-256 of a certificate; "" if there is none."""
    if certificate.isNull():
        return ""
    return bytes(certificate.digest(QCryptographicHash.Algorithm.Sha256).data()).hex(":").upper()


def doubt(certificate: QSslCertificate, errors: list[QSslError], trusted: str) -> Doubt | None:
    """What to ask about a certificate; None if it is vouched for, or is the one that is trusted.

    Once one was trusted, any other is a question, also one that an authority vouches for.
    """
    shown = fingerprint(certificate)
    if shown == trusted or (not trusted and not errors):
        return None
    ends = QLocale().toString(certificate.expiryDate().date(), QLocale.FormatType.LongFormat)
    reasons = dict.fromkeys(_reason(error) for error in errors)
    return Doubt(
        fingerprint=shown,
        subject=one_line(certificate.subjectDisplayName()),
        issuer=one_line(certificate.issuerDisplayName()),
        ends=ends,
        reasons=tuple(reasons) or (_tr("An authority that this computer trusts vouches for the new one."),),
        trusted_before=trusted,
    )


def _reason(error: QSslError) -> str:
    kind = QSslError.SslError
    match error.error():
        case kind.SelfSignedCertificate | kind.SelfSignedCertificateInChain | kind.CertificateUntrusted:
            return _tr("No authority vouches for it: the server made it itself.")
        case kind.UnableToGetLocalIssuerCertificate | kind.UnableToVerifyFirstCertificate:
            return _tr("The authority that vouches for it is not known to this computer.")
        case kind.HostNameMismatch:
            return _tr("It was made for another address than this one.")
        case kind.CertificateExpired:
            return _tr("It has expired.")
        case kind.CertificateNotYetValid:
            return _tr("It is not valid yet; or the clock of this computer is wrong.")
        case _:
            return one_line(error.errorString())
