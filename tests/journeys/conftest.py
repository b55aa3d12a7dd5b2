"""A person at the window, and the servers that they know."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from tests.atspi import Bus, accessibility_bus
from tests.provider import Provider
from tests.user import User

from drover.domain.endpoint import Endpoint
from drover.paths import Profile
from drover.ui.theme import theme


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Closes the window with the test: pytest-qt turns Qt's loop before fixtures end, without asyncio."""
    try:
        return (yield)
    finally:
        user = pyfuncitem.funcargs.get("user")
        if isinstance(user, User) and user.is_at_work:
            user.closes()


@pytest.fixture
def user(profile: Profile, qt_loop: asyncio.AbstractEventLoop) -> Iterator[User]:
    """Nobody has opened the window yet; it is closed at the end of the test."""
    yield User(profile, qt_loop)
    theme().set_text_scale(1.0)
    theme().set_mode("system")


@pytest.fixture
def scripted(provider: Provider) -> Endpoint:
    """The scripted server as an endpoint, with one model and no key."""
    provider.models(["scripted-model"])
    return endpoint_at(provider.base_url)


def endpoint_at(base_url: str, *, needs_key: bool = False) -> Endpoint:
    """A server named Scripted at this address."""
    return Endpoint(
        id="scripted",
        name="Scripted",
        base_url=base_url,
        default_model_id="scripted-model",
        needs_key=needs_key,
    )


@pytest.fixture
def screen_reader(session_bus: Path) -> Iterator[Bus]:
    """The accessibility bus of a private session, as a screen reader would use it."""
    try:
        with accessibility_bus() as bus:
            yield bus
    except FileNotFoundError as error:
        pytest.skip(str(error))
