"""Encrypted connections: whom Drover trusts, how it shows who it is, and what went wrong, in words."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from drover.domain.network import NetworkSettings
from drover.errors import ConfigurationError

Stamp: TypeAlias = tuple[str, int]
"""The name of a file, and when it was last changed in nanoseconds; -1 where it cannot be seen."""


def files_stamp(settings: NetworkSettings) -> tuple[Stamp, ...]:
    """Changes whenever a context made of these settings would be another one."""
    names = (settings.ca_file, settings.certificate_file, settings.key_file)
    variables = (os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", ""))
    return tuple((name, _changed_ns(name)) for name in (*names, *variables))


def _changed_ns(name: str) -> int:
    try:
        return Path(name).stat().st_mtime_ns if name else 0
    except OSError:
        return -1


def client_context(settings: NetworkSettings, passphrase: str) -> ssl.SSLContext:
    """Trusts what the system trusts, and besides it `SSL_CERT_FILE` and the authorities of the settings.

    Reads files. Raises ConfigurationError in words for one that cannot be used.
    """
    import truststore

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _trust_the_environment(context)
    if settings.ca_file:
        _trust(
            context,
            settings.ca_file,
            f"The file of trusted certificates {settings.ca_file}",
            "Choose another file under Network, where the server is edited, or leave that field empty.",
        )
    if settings.certificate_file:
        _show_certificate(context, settings, passphrase)
    return context


def _trust_the_environment(context: ssl.SSLContext) -> None:
    extra = os.environ.get("SSL_CERT_FILE")
    if extra:
        hint = "Correct or unset SSL_CERT_FILE and start Drover again."
        _trust(context, extra, f"SSL_CERT_FILE names {extra}, which", hint)
    folders = [folder for folder in os.environ.get("SSL_CERT_DIR", "").split(os.pathsep) if folder]
    if folders and not any(Path(folder).is_dir() for folder in folders):
        raise ConfigurationError(
            f"SSL_CERT_DIR names {folders[0]}, which is not a folder.",
            hint="Correct or unset SSL_CERT_DIR and start Drover again.",
        )


def _trust(context: ssl.SSLContext, path: str, subject: str, hint: str) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except OSError:  # ssl.SSLError is one
        raise ConfigurationError(f"{subject} is not a readable file of certificates.", hint=hint) from None


def _show_certificate(context: ssl.SSLContext, settings: NetworkSettings, passphrase: str) -> None:
    was_asked = False

    def answer() -> str:  # without one, OpenSSL would ask on the terminal
        nonlocal was_asked
        was_asked = True
        return passphrase

    certificate, key = settings.certificate_file, settings.key_file
    try:
        context.load_cert_chain(certificate, key or None, password=answer)
    except (
        OSError,
        ValueError,
    ) as error:  # ValueError: a passphrase too long
        words = _certificate_trouble(certificate, key, error, passphrase if was_asked else None)
    else:
        return
    raise ConfigurationError(
        f"The client certificate cannot be used: {words}.",
        hint="Correct it under Network, where the server is edited.",
    )


def _certificate_trouble(certificate: str, key: str, error: Exception, passphrase: str | None) -> str:
    """Why, as the end of a sentence. `passphrase` is None unless one was asked for."""
    for path in filter(None, (certificate, key)):
        try:
            data = Path(path).read_bytes()
        except OSError as trouble:
            return f"{path} cannot be read ({(trouble.strerror or 'unknown').lower()})"
        if b"-----BEGIN" not in data:
            return f"{path} is not a PEM file (openssl pkcs12 -in FILE -out FILE.pem makes one of a .p12)"
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return f"the key in {key or certificate} does not belong to the certificate in {certificate}"
    if passphrase is not None:
        home = key or certificate
        return f"its passphrase does not open {home}" if passphrase else f"{home} needs a passphrase"
    if not key and b"PRIVATE KEY-----" not in Path(certificate).read_bytes():
        return f"{certificate} holds no private key, and no key file is given"
    return f"{certificate}{f' and {key}' if key else ''} do not hold a certificate with its key"


def failure_words(error: Exception, where: str, *, shows_certificate: bool) -> tuple[str, str]:
    """What happened in a handshake with `where`, and what to do."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(cause, where)
    words = alert_words(error, where, shows_certificate=shows_certificate)
    if words is not None:
        return words
    reasons = [cause.reason for cause in causes(error) if isinstance(cause, ssl.SSLError) and cause.reason]
    reason = reasons[0] if reasons else ""
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"):
        return f"{where} does not speak TLS.", "Try the address with http:// instead of https://."
    said = reason.replace("_", " ").lower() if reason else "the server broke off"
    return f"No secure connection to {where}: {said}.", "Check the address, and that the server is running."


def _untrusted(error: ssl.SSLCertVerificationError, where: str) -> tuple[str, str]:
    problem = (error.verify_message or str(error)).rstrip(".")
    hint = (
        "Check the address. A certificate of your own organisation belongs in the system's store, "
        "or under Network where the server is edited."
    )
    if error.verify_code == _EXPIRED:
        hint = "Check the clock of this computer. Otherwise whoever runs the server has to renew it."
    elif error.verify_code in (_OTHER_NAME, _OTHER_ADDRESS):
        hint = "Use the name that the certificate is for in the address of the server."
    return f"The certificate of {where} is not trusted: {problem}.", hint


_EXPIRED, _OTHER_NAME, _OTHER_ADDRESS = 10, 62, 64  # X509_V_ERR_... of OpenSSL


def alert_words(error: Exception, where: str, *, shows_certificate: bool) -> tuple[str, str] | None:
    """What the other side objected to, and what to do; None if no alert of TLS is behind this error.

    With TLS 1.3 an objection to a client's certificate comes after the handshake, in place of an answer.
    """
    reasons = {cause.reason for cause in causes(error) if isinstance(cause, ssl.SSLError) and cause.reason}
    if reasons & _VERSIONS:
        return (
            f"{where} speaks only versions of TLS that are no longer safe.",
            "Whoever runs the server has to allow TLS 1.2 or newer.",
        )
    if not any("ALERT" in reason or reason in _CERTIFICATE_ALERTS for reason in reasons):
        return None
    if any("CERTIFICATE" in reason or "UNKNOWN_CA" in reason for reason in reasons) or (
        shows_certificate and any("HANDSHAKE_FAILURE" in reason for reason in reasons)
    ):
        if shows_certificate:
            return (
                f"{where} does not accept the client certificate.",
                "Choose another under Network, where the server is edited.",
            )
        return (
            f"{where} wants a client certificate.",
            "Choose it under Network, where the server is edited.",
        )
    said = sorted(reasons)[0].replace("_", " ").lower()
    return f"{where} refused the secure connection: {said}.", "Ask whoever runs the server."


_VERSIONS = {
    "UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE",
    "UNSUPPORTED_SSL_VERSION", "WRONG_SSL_VERSION", "VERSION_TOO_LOW",
}  # fmt: skip
_CERTIFICATE_ALERTS = {"CERTIFICATE_REQUIRED"}


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was raised for, outermost first."""
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        current = pending.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            pending.extend(current.exceptions)
        pending.extend((current.__cause__, current.__context__))


def connection_words(session: ssl.SSLObject | ssl.SSLSocket | None) -> str:
    """Version and cipher of an encrypted connection, such as "TLSv1.3, TLS_AES_256_GCM_SHA384"."""
    cipher = session.cipher() if session is not None else None
    return f"{session.version()}, {cipher[0]}" if session is not None and cipher else ""
