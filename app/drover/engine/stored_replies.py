"""What came back and is kept: looked at, played again, read another way."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from drover.domain.conversation import Message
from drover.domain.endpoint import Endpoint, known_as
from drover.domain.reading import Reading, reading_by_tags
from drover.domain.run import Exchange, Run
from drover.engine.desk import LibraryDesk
from drover.engine.threads import in_daemon_thread
from drover.errors import ConfigurationError
from drover.store.library import Library

if TYPE_CHECKING:
    from drover.engine.event_log import EventLog
    from drover.engine.inspected_tokens import InspectedTokens
    from drover.engine.inspection import Inspection, Kept
    from drover.engine.replay import Replay

# `reading` is asked for each request: what only looks back is imported by the verb that needs it.


class StoredReplies:
    """The replies of a profile with their bytes. Nothing here needs a network or changes what is stored."""

    def __init__(
        self,
        desk: LibraryDesk,
        unsaved: Mapping[str, tuple[Run, Message, Exchange | None]],
        readings: MutableMapping[tuple[str, str], str],
        *,
        endpoint_of: Callable[[Run], Endpoint],
        new_id: Callable[[], str],
    ) -> None:
        """`unsaved` are replies that could not be stored yet, by run; `readings` the decided ones, by what an
        endpoint is known as and the model."""
        self._desk = desk
        self._unsaved = unsaved
        self._readings = readings
        self._endpoint_of = endpoint_of
        self._new_id = new_id

    async def inspect(self, run_id: str, message_id: str = "") -> Inspection | None:
        """All that is kept of a run, in the state that it is stored in; None if there is no such run.

        Its bytes are read as for the message, or else as for the reply of the run.
        """
        from drover.engine.inspection import inspected

        kept = await self._desk.read(lambda library: self._kept(library, run_id, message_id))
        if kept is None:
            return None
        make = functools.partial(inspected, kept, self._endpoint_of(kept.run))
        return await in_daemon_thread(make, name="inspection")

    def _kept(self, library: Library, run_id: str, message_id: str) -> Kept | None:
        from drover.engine.inspection import Kept

        run, message, exchange = self._unsaved.get(run_id) or (
            library.run(run_id), None, library.exchange(run_id),
        )  # fmt: skip
        if run is None:
            return None
        message = message or library.message(message_id or run.message_id)
        others = []
        for other_id in library.same_requests(run_id):
            other = library.run(other_id)
            reply = library.message(other.message_id) if other is not None else None
            if other is not None and reply is not None:
                others.append((replace(other, request_body=b""), reply))
        cards = library.model_cards(run.endpoint_id)
        card = next((card for card in cards if card.id == run.model_id), None)
        return Kept(run=run, message=message, exchange=exchange, card=card, same_requests=tuple(others))

    def event_log(self, run: Run, exchange: Exchange) -> EventLog:
        """What came over the wire for a stored run, event by event; milliseconds, however long it is."""
        from drover.engine.event_log import EventLog

        return EventLog(run, exchange, self._endpoint_of(run))

    async def replay(self, run_id: str, message_id: str = "") -> Replay:
        """The recording of a stored run, to be played through the decoder again; needs no network.

        It is read as for the message, or else as for the reply of the run. Raises ConfigurationError where
        there is nothing to play.
        """
        from drover.engine.replay import Replay

        run, exchange, stored = await self.stored(run_id, message_id)
        return Replay(run, exchange, stored, self._endpoint_of(run))

    def reading(self, endpoint: Endpoint, model_id: str) -> str:
        """How the replies of a model are read from now on, see `Message.reading`: as decided for it, else by
        the tags of the endpoint."""
        decided = self._readings.get((known_as(endpoint.id, endpoint.base_url), model_id), "")
        if decided or not endpoint.think_closing:
            return decided
        return reading_by_tags(endpoint.think_opening, endpoint.think_closing).as_text

    async def treat_as(self, message_id: str, reading: Reading, *, remember: bool = True) -> str:
        """Reads a stored reply another way, from its bytes; returns the id of the version that shows it.

        What was there stays, as another version; the head moves if it stood at the message. `remember` has
        later replies of this model read the same way. Raises ConfigurationError where nothing was kept.
        """
        from drover.engine.rereading import reread

        stored = await self._desk.read(lambda library: library.message(message_id))
        if stored is None or stored.run_id is None:
            raise ConfigurationError("Nothing that came back for this reply was kept.")
        run, exchange, _ = await self.stored(stored.run_id, message_id)
        if remember:
            await self._remember_reading(run, reading)
        versions = await self._desk.read(lambda library: library.messages_of_run(run.id))
        found = next((version for version in versions if version.reading == reading.as_text), None)
        if found is None:
            read = functools.partial(
                reread, run, exchange, stored, self._endpoint_of(run), reading,
                message_id=self._new_id(), at=datetime.now(UTC),
            )  # fmt: skip
            found = made = await in_daemon_thread(read, name="read again")
            if made.parts == stored.parts:
                self._desk.inform("Read that way, this reply is the same.")
                return message_id
            await self._desk.write(lambda library: library.add_version(made))
        await self._show_reading(stored, found.id)
        return found.id

    async def _show_reading(self, stored: Message, version_id: str) -> None:
        """Moves the head to a version of the message, unless others follow that would go out of sight."""
        conversation = await self._desk.read(lambda library: library.conversation(stored.conversation_id))
        if conversation is not None and conversation.head_id == stored.id:
            await self._desk.write(lambda library: library.set_head(stored.conversation_id, version_id))
        elif version_id != stored.id:
            words = "It is another version of this reply now; what follows belongs to the one that is shown."
            self._desk.inform(words)

    async def _remember_reading(self, run: Run, reading: Reading) -> None:
        about = (known_as(run.endpoint_id, run.base_url), run.model_id)
        await self._desk.write(lambda library: library.save_reading(*about, reading.as_text))
        self._readings.pop(about, None)
        if reading.as_text:
            self._readings[about] = reading.as_text

    async def token_choices(self, run_id: str, message_id: str = "") -> InspectedTokens | None:
        """The tokens of a stored reply with their probabilities; None where the server sent none.

        They are told apart as in the message, or else in the reply of the run. Reads on another thread.
        Raises ConfigurationError where there is nothing to read.
        """
        from drover.engine.inspected_tokens import inspected_tokens

        run, exchange, stored = await self.stored(run_id, message_id)
        read = functools.partial(inspected_tokens, run, exchange, stored, self._endpoint_of(run))
        return await in_daemon_thread(read, name="read tokens")

    async def stored(self, run_id: str, message_id: str = "") -> tuple[Run, Exchange, Message]:
        """A run, its bytes, and the message, or else the reply of the run. Raises ConfigurationError."""
        run = await self._desk.read(lambda library: library.run(run_id))
        exchange = await self._desk.read(lambda library: library.exchange(run_id))
        if run is None or exchange is None:
            raise ConfigurationError("Nothing that came back for this reply was kept.")
        stored = await self._desk.read(lambda library: library.message(message_id or run.message_id))
        if stored is None:
            raise ConfigurationError("This reply no longer exists.")
        return run, exchange, stored
