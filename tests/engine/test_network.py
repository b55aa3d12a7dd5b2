"""Each request with its own proxy and certificates, against real TLS servers and real proxies on loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.network import Authority, ScriptedProxy, running, serving
from tests.provider import (
    CHAT_PATH,
    EVENT_STREAM,
    MODELS_PATH,
    Head,
    Provider,
    Send,
    Stall,
    event,
    raw_server,
)

from drover.domain.conversation import Draft
from drover.domain.endpoint import BUILT_IN, OXEN, Endpoint
from drover.domain.network import NetworkSecrets, NetworkSettings, ProxyMode, read_proxy
from drover.domain.run import RunStatus
from drover.engine.connection_test import try_connection
from drover.engine.network_access import access_of, keep
from drover.engine.secrets import Secrets
from drover.engine.threads import in_daemon_thread
from drover.engine.transport import HttpRequest, Layer, NetworkAccess, Passed, Transport
from drover.engine.workbench import Workbench, WorkbenchEvent
from drover.errors import ConfigurationError, ConnectionFailed, DroverError
from drover.paths import Profile
from drover.store.rows import endpoint_from, endpoint_json

LOGIN = "ann:hidden-word"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Path:
    return authority.issue("server")


@pytest.fixture
def tls_provider(certificate: Path) -> Iterator[Provider]:
    with Provider(tls=serving(certificate)) as provider:
        yield provider


@asynccontextmanager
async def open_transport(**options: Any) -> AsyncIterator[Transport]:
    transport = Transport(**options)
    try:
        yield transport
    finally:
        await transport.aclose()


def access(login: str = "", passphrase: str = "", **settings: Any) -> NetworkAccess:
    return NetworkAccess(settings=NetworkSettings(**settings), proxy_login=login, passphrase=passphrase)


def through(proxy: ScriptedProxy, *, scheme: str = "http", login: str = "", **more: Any) -> NetworkAccess:
    """The settings for a proxy that a person named."""
    url = f"{scheme}://127.0.0.1:{proxy.port}"
    return access(login, proxy_mode=ProxyMode.MANUAL, proxy_url=url, proxy_has_login=bool(login), **more)


def request_to(url: str, network: NetworkAccess, **changes: Any) -> HttpRequest:
    return HttpRequest(url=url, body=b'{"stream": true}', network=network, **changes)


async def answer_of(request: HttpRequest) -> bytes:
    async with open_transport() as transport, transport.stream(request) as response:
        return await response.read(100_000)


async def trouble_of(request: HttpRequest) -> DroverError:
    with pytest.raises(DroverError) as caught:
        await answer_of(request)
    assert "hidden-word" not in caught.value.words
    assert caught.value.hint
    return caught.value


# Trust


async def test_an_authority_of_the_endpoint_is_trusted(tls_provider: Provider, authority: Authority) -> None:
    tls_provider.answers("hello")
    request = request_to(tls_provider.url(CHAT_PATH), access(ca_file=str(authority.file)))
    async with open_transport() as transport, transport.stream(request) as response:
        assert response.tls.startswith("TLSv1.3, TLS_")
        assert b"[DONE]" in await response.read(100_000)


async def test_it_is_trusted_besides_that_of_the_environment_and_not_in_its_place(
    tls_provider: Provider, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    tls_provider.answers("hello")
    other = Authority(tmp_path, "Another authority")
    request = request_to(tls_provider.url(CHAT_PATH), access(ca_file=str(other.file)))
    assert b"[DONE]" in await answer_of(request)


async def test_without_it_the_same_server_is_not_trusted(tls_provider: Provider) -> None:
    error = await trouble_of(request_to(tls_provider.url(CHAT_PATH), NetworkAccess()))
    assert isinstance(error, ConnectionFailed)
    assert error.phase == "tls"
    assert "is not trusted: unable to get local issuer certificate" in error.message


@pytest.mark.parametrize(
    ("issued", "said", "advice"),
    [
        ({"name": "expired", "days": -1}, "certificate has expired", "clock"),
        ({"name": "elsewhere", "host": "elsewhere.example"}, "IP address mismatch", "name that the cert"),
    ],
)
async def test_a_certificate_that_does_not_hold_is_told_with_what_to_do(
    authority: Authority, issued: dict[str, Any], said: str, advice: str
) -> None:
    with Provider(tls=serving(authority.issue(**issued))) as provider:
        network = access(ca_file=str(authority.file))
        error = await trouble_of(request_to(provider.url(CHAT_PATH), network))
    assert said in error.message
    assert advice in (error.hint or "")


async def test_a_server_with_old_versions_of_tls_alone_is_told_as_such() -> None:
    async with raw_server(b"\x15\x03\x01\x00\x02\x02\x46") as port:  # the alert "protocol version"
        error = await trouble_of(request_to(f"https://127.0.0.1:{port}/v1", NetworkAccess()))
    assert "speaks only versions of TLS that are no longer safe" in error.message


async def test_an_unreadable_file_of_authorities_is_named_and_spares_plain_http(
    provider: Provider, tmp_path: Path
) -> None:
    network = access(ca_file=str(tmp_path / "gone.pem"))
    error = await trouble_of(request_to("https://model.invalid/v1", network))
    assert error.message == (
        f"The file of trusted certificates {tmp_path / 'gone.pem'} is not a readable file of certificates."
    )
    provider.answers("hello")
    assert b"[DONE]" in await answer_of(request_to(provider.url(CHAT_PATH), network))


async def test_a_stale_ssl_cert_dir_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "gone"))
    error = await trouble_of(request_to("https://model.invalid/v1", NetworkAccess()))
    assert error.message == f"SSL_CERT_DIR names {tmp_path / 'gone'}, which is not a folder."


async def test_a_file_that_was_corrected_counts_from_the_next_request(
    tls_provider: Provider, authority: Authority, tmp_path: Path
) -> None:
    tls_provider.answers("hello")
    file = tmp_path / "trusted.pem"
    request = request_to(tls_provider.url(CHAT_PATH), access(ca_file=str(file)))
    async with open_transport() as transport:
        with pytest.raises(ConfigurationError):
            await transport.fetch(request)
        file.write_bytes(authority.file.read_bytes())
        assert (await transport.fetch(request))[0] == 200


# Client certificates


@pytest.fixture
def strict_provider(authority: Authority, certificate: Path) -> Iterator[Provider]:
    """A server that wants a certificate of the same authority."""
    with Provider(tls=serving(certificate, asks_for=authority)) as provider:
        yield provider


async def test_a_client_certificate_is_shown(strict_provider: Provider, authority: Authority) -> None:
    strict_provider.answers("hello")
    own = authority.issue("client")
    network = access(ca_file=str(authority.file), certificate_file=str(own))
    assert b"[DONE]" in await answer_of(request_to(strict_provider.url(CHAT_PATH), network))


async def test_a_server_that_wants_a_certificate_says_so(certificate: Path, authority: Authority) -> None:
    context = serving(certificate, asks_for=authority)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        work = in_daemon_thread(partial(refuse_strangers, listener, context), name="strict")
        serving_once = asyncio.create_task(work)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/v1"
        error = await trouble_of(request_to(url, access(ca_file=str(authority.file))))
        await serving_once
    assert error.message.endswith("wants a client certificate.")


def refuse_strangers(listener: socket.socket, context: ssl.SSLContext) -> None:
    """One handshake, whose alert goes out before the connection is closed."""
    connection, _ = listener.accept()
    with connection.dup() as twin:
        with connection, pytest.raises(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)
        twin.shutdown(socket.SHUT_WR)
        while twin.recv(4096):  # what is left unread would make the system reset the connection
            pass


async def test_an_encrypted_key_is_opened_with_its_passphrase(
    strict_provider: Provider, authority: Authority
) -> None:
    strict_provider.answers("hello")
    own = str(authority.issue("locked", passphrase="open sesame"))
    given: dict[str, Any] = {
        "ca_file": str(authority.file),
        "certificate_file": own,
        "key_is_encrypted": True,
    }
    request = request_to(strict_provider.url(CHAT_PATH), access(passphrase="open sesame", **given))
    assert b"[DONE]" in await answer_of(request)
    error = await trouble_of(request_to(strict_provider.url(CHAT_PATH), access(**given)))
    assert error.message == f"The client certificate cannot be used: {own} needs a passphrase."
    error = await trouble_of(request_to(strict_provider.url(CHAT_PATH), access("", "wrong", **given)))
    assert error.message == (f"The client certificate cannot be used: its passphrase does not open {own}.")


async def test_a_key_of_another_certificate_is_told_as_such(authority: Authority) -> None:
    first, second = authority.issue("first"), authority.issue("second")
    network = access(certificate_file=str(first), key_file=str(second))
    error = await trouble_of(request_to("https://model.invalid/v1", network))
    assert f"the key in {second} does not belong to the certificate in {first}" in error.message


async def test_what_is_no_pem_file_is_told_with_the_way_to_make_one(tmp_path: Path) -> None:
    file = tmp_path / "me.p12"
    file.write_bytes(b"\x30\x82\x00\x00")
    error = await trouble_of(request_to("https://model.invalid/v1", access(certificate_file=str(file))))
    assert f"{file} is not a PEM file" in error.message
    assert "openssl pkcs12" in error.message


# Proxies


@pytest.mark.parametrize("login", ["", LOGIN])
@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
async def test_a_whole_answer_comes_through_a_proxy(authority: Authority, scheme: str, login: str) -> None:
    proxy = ScriptedProxy(0, login=login)
    with Provider(tls=serving(authority.issue("named", host="model.invalid"))) as provider:
        provider.answers("hello")
        proxy.target_port = provider.port
        async with running(proxy, is_socks=scheme != "http"):
            network = through(proxy, scheme=scheme, login=login, ca_file=str(authority.file))
            passed: list[Passed] = []
            url = "https://model.invalid/v1/chat/completions"
            answer = await answer_of(request_to(url, network, passed=passed.append))
    assert b"[DONE]" in answer
    assert proxy.asked == ["model.invalid:443"]
    assert [step.layer for step in passed] == [Layer.TCP, Layer.PROXY, Layer.TLS, Layer.HTTP]


@pytest.mark.parametrize("is_socks", [False, True])
@pytest.mark.parametrize(
    ("login", "words"), [("", "asks for a user name and a password"), ("ann:wrong", "does not accept")]
)
async def test_a_proxy_that_wants_another_login_is_told_as_such(
    is_socks: bool, login: str, words: str
) -> None:
    async with running(ScriptedProxy(0, login=LOGIN), is_socks=is_socks) as proxy:
        network = through(proxy, scheme="socks5" if is_socks else "http", login=login)
        error = await trouble_of(request_to("https://model.invalid/v1", network))
    assert isinstance(error, ConnectionFailed)
    assert error.phase == "proxy"
    assert words in error.message


async def test_a_proxy_that_wants_a_login_for_plain_http_is_told_as_such(provider: Provider) -> None:
    provider.fails(407, "no", path="http://model.invalid/v1")
    settings: dict[str, Any] = {
        "proxy_mode": ProxyMode.MANUAL,
        "proxy_url": f"http://127.0.0.1:{provider.port}",
    }
    error = await trouble_of(request_to("http://model.invalid/v1", access(**settings)))
    assert "asks for a user name and a password" in error.message


@pytest.mark.parametrize(
    ("is_socks", "refusal", "words"),
    [(False, b"403 Forbidden", "403 Forbidden"), (True, b"\x02", "Connection not allowed by ruleset")],
)
async def test_a_proxy_that_refuses_says_why(is_socks: bool, refusal: bytes, words: str) -> None:
    async with running(ScriptedProxy(0, refuses=refusal), is_socks=is_socks) as proxy:
        network = through(proxy, scheme="socks5" if is_socks else "http")
        error = await trouble_of(request_to("https://model.invalid/v1", network))
    assert isinstance(error, ConnectionFailed)
    assert error.phase == "proxy"
    assert error.message.endswith(f"does not let a connection to model.invalid through: {words}.")


@pytest.mark.parametrize("is_socks", [False, True])
async def test_a_proxy_that_stalls_ends_at_the_connect_limit_and_is_hung_up_on(is_socks: bool) -> None:
    async with running(ScriptedProxy(0, stalls=True), is_socks=is_socks) as proxy:
        network = through(proxy, scheme="socks5" if is_socks else "http")
        request = request_to("https://model.invalid/v1", network, connect_timeout_s=0.2)
        error = await trouble_of(request)
        await asyncio.wait_for(proxy.ended.wait(), 5)
    assert isinstance(error, ConnectionFailed)
    assert error.phase == "proxy"
    assert "did not answer within 0.2 s" in error.message


async def test_an_http_server_in_the_place_of_a_socks_proxy_is_told_as_such(provider: Provider) -> None:
    async with running(ScriptedProxy(0, refuses=b"400 No"), is_socks=False) as proxy:
        network = through(proxy, scheme="socks5")
        request = request_to("https://model.invalid/v1", network, connect_timeout_s=0.3)
        assert "proxy" in (await trouble_of(request)).message


@pytest.mark.parametrize("mode", list(ProxyMode))
async def test_loopback_is_reached_directly_in_every_mode(
    provider: Provider, mode: ProxyMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "elsewhere.example")
    provider.answers("hello")
    network = access(proxy_mode=mode, proxy_url="http://127.0.0.1:9")
    assert b"[DONE]" in await answer_of(request_to(provider.url(CHAT_PATH), network))


async def test_no_proxy_at_all_passes_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    error = await trouble_of(request_to("https://model.invalid/v1", access(proxy_mode=ProxyMode.NONE)))
    assert error.message == "The name model.invalid was not found."


@pytest.mark.parametrize(
    ("entry", "host", "is_direct"),
    [
        ("model.invalid", "model.invalid", True),
        (".model.invalid", "a.model.invalid", True),
        ("model.invalid", "a.model.invalid", True),
        ("*.model.invalid", "a.model.invalid", True),
        ("model.invalid:443", "model.invalid", True),
        ("model.invalid:8443", "model.invalid", False),
        ("odel.invalid", "model.invalid", False),
        ("*", "model.invalid", True),
        ("", "model.invalid", False),
        ("192.0.2.0/24", "192.0.2.7", True),
        ("192.0.3.0/24", "192.0.2.7", False),
    ],
)
def test_exceptions_of_the_environment_are_honoured(
    entry: str, host: str, is_direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from drover.engine.proxies import proxy_for
    from drover.engine.reach import Target

    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", f"other.example, {entry}")
    settings = NetworkSettings(proxy_mode=ProxyMode.ENVIRONMENT)
    proxy = proxy_for(Target.of(f"https://{host}/v1"), settings, "")
    assert (proxy is None) is is_direct


@pytest.mark.parametrize(
    ("text", "url", "login"),
    [
        ("proxy.example:3128", "http://proxy.example:3128", ":"),
        (" socks5://ann:a%20b@proxy.example ", "socks5://proxy.example:1080", "ann:a b"),
        ("HTTP://[::1]:8080/", "http://[::1]:8080", ":"),
    ],
)
def test_the_address_of_a_proxy_is_read_from_what_people_paste(text: str, url: str, login: str) -> None:
    read = read_proxy(text)
    assert (read.url, f"{read.user}:{read.password}") == (url, login)


@pytest.mark.parametrize("text", ["", "ftp://ann:hidden-word@h", "socks://ann:hidden-word@h:1", "http://"])
def test_what_is_no_proxy_is_refused_without_its_login(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_proxy(text)
    assert "hidden-word" not in caught.value.words


# Clients


async def test_settings_that_are_forgotten_lose_their_connections(provider: Provider) -> None:
    provider.answers("hello")
    network = access(proxy_mode=ProxyMode.NONE)
    async with open_transport() as transport:
        await transport.fetch(request_to(provider.url(CHAT_PATH), network))
        assert provider.open_connections == 1
        transport.forget(network.settings)
        await provider.requests[0].closed.reached()


async def test_a_stream_outlives_the_change_of_its_settings(provider: Provider) -> None:
    gate = provider.answers("one two three", pause_after=1)
    network = access(proxy_mode=ProxyMode.NONE)
    async with open_transport() as transport:
        async with transport.stream(request_to(provider.url(CHAT_PATH), network)) as response:
            transport.forget(network.settings)
            gate.set()
            assert b"[DONE]" in await response.read(100_000)
        await provider.requests[0].closed.reached()


class SleepingClock:
    """A clock that can be moved on, as when the computer has slept."""

    def __init__(self) -> None:
        self.slept_s = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.slept_s


async def test_a_stream_that_died_while_the_computer_slept_ends_soon_after(provider: Provider) -> None:
    provider.script(Head(headers={"Content-Type": EVENT_STREAM}), Send(event("1")), Stall())
    clock = SleepingClock()
    async with open_transport(clock=clock, look_every_s=0.05) as transport:
        request = request_to(provider.url(CHAT_PATH), NetworkAccess(), idle_timeout_s=60.0)
        async with transport.stream(request) as response:
            chunks = response.chunks()
            assert (await anext(chunks))[1] == event("1")
            waiting = asyncio.ensure_future(anext(chunks))
            done, _ = await asyncio.wait({waiting}, timeout=0.15)  # it looks three times, and waits on
            assert done == set()
            clock.slept_s = 3600.0
            with pytest.raises(ConnectionFailed) as caught:
                await asyncio.wait_for(waiting, 10)
    assert caught.value.phase == "idle"


# Cancelling on the way


@pytest.mark.parametrize("is_socks", [False, True])
async def test_cancelling_at_a_proxy_hangs_up(is_socks: bool) -> None:
    async with running(ScriptedProxy(0, stalls=True), is_socks=is_socks) as proxy:
        network = through(proxy, scheme="socks5" if is_socks else "http")
        task = asyncio.create_task(answer_of(request_to("https://model.invalid/v1", network)))
        await asyncio.wait_for(proxy.reached.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(proxy.ended.wait(), 5)
        assert proxy.open_count == 0


async def test_cancelling_in_the_handshake_hangs_up() -> None:
    greeted, ended = asyncio.Event(), asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(5)
        greeted.set()
        while await reader.read(4096):
            pass
        writer.close()
        ended.set()

    server = await asyncio.start_server(stall, "127.0.0.1", 0)
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        task = asyncio.create_task(answer_of(request_to(url, NetworkAccess())))
        await asyncio.wait_for(greeted.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(ended.wait(), 5)


# Keeping


def test_an_endpoint_is_stored_with_its_network_and_without_secrets() -> None:
    network = NetworkSettings(
        proxy_mode=ProxyMode.MANUAL, proxy_url="http://p:1", proxy_has_login=True, ca_file="/ca.pem"
    )
    endpoint = Endpoint(id="e", name="Own", base_url="https://own.example/v1", network=network)
    assert endpoint_from(endpoint_json(endpoint)) == endpoint
    plain = Endpoint(id="e", name="Own", base_url="https://own.example/v1")
    assert endpoint_from(endpoint_json(plain)) == plain


async def test_a_login_that_no_keyring_keeps_is_kept_for_the_session() -> None:
    secrets = Secrets(trusted_backends={})
    settings = NetworkSettings(proxy_mode=ProxyMode.MANUAL, proxy_url="http://p:1", proxy_has_login=True)
    endpoint = Endpoint(id="e", name="Own", base_url="https://own.example/v1", network=settings)
    notice = await keep(secrets, endpoint, NetworkSecrets(proxy_login=LOGIN))
    assert notice is not None
    assert "for this session only" in notice
    assert (await access_of(secrets, endpoint)).proxy_login == LOGIN
    await keep(secrets, endpoint, NetworkSecrets(proxy_login=""))
    assert (await access_of(secrets, endpoint)).proxy_login == ""


async def test_a_login_that_is_no_longer_kept_is_asked_for_again() -> None:
    network = access(proxy_mode=ProxyMode.MANUAL, proxy_url="http://p:1", proxy_has_login=True)
    error = await trouble_of(request_to("https://model.invalid/v1", network))
    assert "are not kept any more" in error.message


# Test connection


def endpoint_at(url: str, **changes: Any) -> Endpoint:
    return Endpoint(**{"id": "own", "name": "Own", "base_url": url, **changes})


async def steps_of(
    endpoint: Endpoint, key: str | None = "sk-0123456789", network: NetworkAccess | None = None
) -> list[tuple[str, bool]]:
    steps = [step async for step in try_connection(endpoint, key, network or NetworkAccess())]
    assert all(step.is_good or step.advice for step in steps)
    assert "sk-0123456789" not in repr(steps)
    return [(step.name, step.is_good) for step in steps]


async def test_each_layer_is_ticked_up_to_the_model(tls_provider: Provider, authority: Authority) -> None:
    tls_provider.models(["a-model"])
    tls_provider.answers("hello")
    found = await steps_of(endpoint_at(tls_provider.base_url), network=access(ca_file=str(authority.file)))
    assert found == [
        ("Connection", True), ("Encryption", True), ("HTTP", True), ("Key", True), ("Model", True)
    ]  # fmt: skip
    assert tls_provider.requests[1].json["max_tokens"] == 1


async def test_the_layer_that_fails_is_named(provider: Provider, tls_provider: Provider) -> None:
    assert await steps_of(endpoint_at("https://no-such-host.invalid/v1")) == [("Name", False)]
    assert await steps_of(endpoint_at("http://127.0.0.1:9/v1")) == [("Connection", False)]
    assert await steps_of(endpoint_at(tls_provider.base_url)) == [("Connection", True), ("Encryption", False)]
    gone = access(ca_file="/nowhere/ca.pem")
    assert await steps_of(endpoint_at(tls_provider.base_url), network=gone) == [("Settings", False)]
    provider.models(["a-model"])
    provider.fails(401)
    provider.fails(404)
    reached = [("Connection", True), ("HTTP", True)]
    assert await steps_of(endpoint_at(provider.base_url)) == [*reached, ("Key", False)]
    found = await steps_of(endpoint_at(provider.base_url))
    assert found == [*reached, ("Key", True), ("Model", False)]


async def test_a_key_that_is_refused_for_the_list_is_named(provider: Provider) -> None:
    provider.fails(401, path=MODELS_PATH)
    found = await steps_of(endpoint_at(provider.base_url))
    assert found == [("Connection", True), ("HTTP", True), ("Key", False)]


async def test_a_server_in_trouble_tells_nothing_of_the_key(provider: Provider) -> None:
    provider.models(["a-model"])
    provider.fails(500)

    found = await steps_of(endpoint_at(provider.base_url))

    assert found == [("Connection", True), ("HTTP", True), ("Model", False)]


async def test_what_came_in_place_of_a_list_of_models_is_told(provider: Provider) -> None:
    page = "<html><head><title>Welcome to nginx!</title></head></html>"
    provider.fails(200, page, path=MODELS_PATH)
    provider.fails(500, {"error": {"message": "Out of order"}}, path=MODELS_PATH)
    provider.fails(404, path=MODELS_PATH)
    told = []
    for _ in range(3):
        steps = [step async for step in try_connection(endpoint_at(provider.base_url), None, NetworkAccess())]
        told.append(steps[-1])
    assert [step.name for step in told] == ["Model"] * 3
    assert "“Welcome to nginx!”" in told[0].words
    assert "base URL" in told[0].advice
    assert "Out of order" in told[1].words
    assert told[2].words.endswith("lists no models.")


async def test_giving_up_a_test_ends_its_request(provider: Provider) -> None:
    provider.script(Stall(), path=MODELS_PATH)
    steps = try_connection(endpoint_at(provider.base_url), None, NetworkAccess())
    assert (await anext(steps)).name == "Connection"
    received = await provider.request()
    await steps.aclose()
    await received.closed.reached()


# All of it together


async def test_the_way_to_oxen_can_be_set_and_taken_back_without_its_key_being_lost(
    authority: Authority, tmp_path: Path
) -> None:
    network = NetworkSettings(ca_file=str(authority.file))
    given = replace(OXEN, name="Elsewhere", base_url="http://else.example/v1", network=network)
    workbench = Workbench.open(Profile.at(tmp_path), list[WorkbenchEvent]().append)
    try:
        await workbench.save_key(OXEN, "key-of-the-test")
        await workbench.save_endpoint(endpoint_at("http://a.example/v1", needs_key=False))
        await workbench.save_endpoint(replace(given, default_model_id="b", think_closing="[/T]"))
        assert [known.id for known in workbench.endpoints] == ["built-in", "oxen", "own"]
        wanted = replace(OXEN, network=network, default_model_id="b", think_closing="[/T]")
        assert workbench.endpoints[1] == wanted
        await workbench.close()
        workbench = Workbench.open(Profile.at(tmp_path), list[WorkbenchEvent]().append)
        assert workbench.endpoints[1] == wanted
        await workbench.save_key(OXEN, "key-of-the-test")
        await workbench.reset_endpoint("oxen")
        assert workbench.endpoints[1] == OXEN
        assert (await workbench.find_key(OXEN)).key == "key-of-the-test"
    finally:
        await workbench.close()


async def test_what_is_set_for_oxen_does_not_touch_the_built_in_model(tmp_path: Path) -> None:
    workbench = Workbench.open(Profile.at(tmp_path), list[WorkbenchEvent]().append)
    try:
        await workbench.save_endpoint(replace(BUILT_IN, base_url="http://else.example/v1"))
        assert list(workbench.endpoints) == [BUILT_IN, OXEN]
    finally:
        await workbench.close()


async def test_a_chat_takes_the_way_of_its_endpoint_from_the_request_after_it_was_set(
    tls_provider: Provider, authority: Authority, tmp_path: Path
) -> None:
    tls_provider.models(["a-model"])
    tls_provider.answers("hello")
    workbench = Workbench.open(Profile.at(tmp_path), list[WorkbenchEvent]().append)
    endpoint = endpoint_at(tls_provider.base_url, needs_key=False, default_model_id="a-model")
    try:
        await workbench.save_endpoint(endpoint)
        statuses = []
        for network in (None, NetworkSettings(ca_file=str(authority.file)), None):
            await workbench.save_endpoint(replace(endpoint, network=network))
            run = await workbench.send(None, Draft(text="Why?", endpoint_id="own"))
            live = workbench.live[run.id]
            await workbench.wait(run.id)
            statuses.append((live.run.status, (live.run.timing.tls or "").partition(",")[0]))
        await workbench.save_endpoint(replace(endpoint, network=NetworkSettings(ca_file=str(authority.file))))
        assert [card.id for card in await workbench.refresh_models(workbench.endpoints[-1])] == ["a-model"]
    finally:
        await workbench.close()
    assert statuses == [
        (RunStatus.FAILED, ""), (RunStatus.COMPLETE, "TLSv1.3"), (RunStatus.FAILED, "")
    ]  # fmt: skip
