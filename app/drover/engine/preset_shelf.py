"""The presets of a profile: kept, found by name, written to files and read from them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from drover.domain.parameters import Preset
from drover.domain.presets import (
    SHIPPED,
    ReadPresets,
    clean_name,
    named,
    presets_text,
    read_presets,
    with_shipped,
)
from drover.engine.desk import LibraryDesk
from drover.engine.threads import in_daemon_thread
from drover.errors import ConfigurationError
from drover.store.library import Changes, Library

_LARGEST_FILE_BYTES: Final = 4_000_000


class PresetShelf:
    """The person's own presets, and those that come with Drover."""

    def __init__(
        self, desk: LibraryDesk, *, addresses: Callable[[], Mapping[str, str]], new_id: Callable[[], str]
    ) -> None:
        """`addresses` are those of the endpoints by id, as files name them."""
        self._desk = desk
        self._addresses = addresses
        self._new_id = new_id

    async def save(self, preset: Preset) -> None:
        """Adds a preset or replaces the one with its id.

        Raises ConfigurationError for one that comes with Drover, and for a name that is blank or that
        another of the person's own has.
        """
        if preset.id in SHIPPED:
            raise ConfigurationError(f"{preset.name} comes with Drover.", hint="Duplicate it to change it.")
        preset = replace(preset, name=clean_name(preset.name))
        own = await self._desk.read(Library.presets)
        if any(known.name == preset.name and known.id != preset.id for known in own):
            raise ConfigurationError(f"There is already a preset named {preset.name}.")
        await self._desk.write(lambda library: library.save_preset(preset))

    async def delete(self, preset_id: str) -> None:
        """Forgets a preset; runs that used it keep their settings."""
        await self._desk.write(lambda library: library.delete_preset(preset_id))

    async def all(self) -> list[Preset]:
        """All presets: the person's own, then those that come with Drover."""
        return with_shipped(await self._desk.read(Library.presets))

    async def find(self, name: str) -> Preset:
        """The preset with this name. Raises ConfigurationError that names those that there are."""
        known = await self.all()
        preset = named(known, name)
        if preset is None:
            names = ", ".join(preset.name for preset in known)
            raise ConfigurationError(f"There is no preset named {name}.", hint=f"Known: {names}.")
        return preset

    def as_file(self, presets: Sequence[Preset]) -> bytes:
        """A file of presets, without known keys."""
        return presets_text(presets, self._addresses()).encode()

    async def add(self, raw: bytes) -> ReadPresets:
        """Adds the presets of a file, all or none. Raises ConfigurationError in words."""
        if len(raw) > _LARGEST_FILE_BYTES:
            raise ConfigurationError("This file is too large for a file of presets.")
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ConfigurationError("This file is no text in UTF-8.") from None
        taken = [preset.name for preset in await self.all()]
        read = await in_daemon_thread(
            functools.partial(
                read_presets, text, addresses=self._addresses(), taken=taken, new_id=self._new_id
            ),
            name="read presets",
        )  # fmt: skip

        def save(library: Library) -> Changes:
            with library.one_transaction():
                return functools.reduce(Changes.__or__, map(library.save_preset, read.presets))

        await self._desk.write(save)
        return read
