"""Presets as verbs: kept, refused, written to files and read from them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from drover.domain.endpoint import Endpoint
from drover.domain.parameters import UNSET, Preset, SamplingParameters
from drover.domain.presets import SHIPPED
from drover.engine.workbench import LibraryChanged, Workbench, WorkbenchEvent
from drover.errors import ConfigurationError
from drover.paths import Profile

EXACT = Preset(
    id="exact",
    name="Exact",
    parameters=SamplingParameters(temperature=0.0, seed=7),
    system_prompt="Be exact.",
    endpoint_id="own",
    model_id="m",
)
OWN = Endpoint(id="own", name="Own", base_url="https://host.example/v1")


class Bench:
    """An open Workbench with one endpoint and one preset, and what it told."""

    def __init__(self, profile: Profile) -> None:
        self.events: list[WorkbenchEvent] = []
        self.verbs = Workbench.open(profile, self.events.append)

    async def own(self) -> list[Preset]:
        return [preset for preset in await self.verbs.presets.all() if preset.id not in SHIPPED]


@asynccontextmanager
async def opened(profile: Profile) -> AsyncIterator[Bench]:
    bench = Bench(profile)
    await bench.verbs.save_endpoint(OWN)
    await bench.verbs.presets.save(EXACT)
    try:
        yield bench
    finally:
        await bench.verbs.close()


async def refused(bench: Bench, preset: Preset) -> str:
    with pytest.raises(ConfigurationError) as error:
        await bench.verbs.presets.save(preset)
    return error.value.words


async def test_a_preset_is_kept_changed_and_forgotten(profile: Profile) -> None:
    async with opened(profile) as bench:
        assert await bench.own() == [EXACT]
        changed = replace(EXACT, name="  Very\n exact ", parameters=UNSET)
        await bench.verbs.presets.save(changed)
        assert await bench.own() == [replace(changed, name="Very exact")]
        told = bench.events[-1]
        assert isinstance(told, LibraryChanged)
        assert told.changes.others == {"presets"}
        await bench.verbs.presets.delete("exact")
        assert await bench.own() == []


async def test_shipped_presets_taken_and_blank_names_are_refused(profile: Profile) -> None:
    async with opened(profile) as bench:
        minimal = SHIPPED["shipped-minimal"].preset
        assert (
            await refused(bench, replace(minimal, name="Mine"))
            == "Mine comes with Drover. Duplicate it to change it."
        )
        assert await refused(bench, replace(EXACT, id="other")) == "There is already a preset named Exact."
        assert await refused(bench, replace(EXACT, name=" ")) == "A preset needs a name."
        assert await bench.own() == [EXACT]


async def test_a_preset_is_found_by_its_name(profile: Profile) -> None:
    async with opened(profile) as bench:
        assert await bench.verbs.presets.find("exact") == EXACT
        assert (await bench.verbs.presets.find("gpt-oss recommended")).parameters.top_p == 1.0
        with pytest.raises(ConfigurationError) as error:
            await bench.verbs.presets.find("Wild")
        assert error.value.words == (
            "There is no preset named Wild. Known: Exact, Minimal, Basic, All, gpt-oss recommended."
        )


async def test_exported_presets_come_back_under_another_name(profile: Profile) -> None:
    async with opened(profile) as bench:
        raw = bench.verbs.presets.as_file([EXACT, SHIPPED["shipped-basic"].preset])
        read = await bench.verbs.presets.add(raw)
        assert [(preset.name, preset.endpoint_id) for preset in read.presets] == [
            ("Exact (2)", "own"),
            ("Basic (2)", ""),
        ]
        assert len({preset.id for preset in await bench.verbs.presets.all()}) == 3 + len(SHIPPED)
        assert {preset.name for preset in await bench.own()} == {"Exact", "Exact (2)", "Basic (2)"}


async def test_a_file_with_one_bad_preset_changes_nothing(profile: Profile) -> None:
    async with opened(profile) as bench:
        entries = [{"name": "Good"}, {"name": "Bad", "parameters": {"top_p": "high"}}]
        raw = json.dumps({"drover": "presets", "version": 1, "presets": entries}).encode()
        with pytest.raises(ConfigurationError) as error:
            await bench.verbs.presets.add(raw)
        assert error.value.words == "“Bad”: top_p must be 0 to 1, not 'high'."
        assert await bench.own() == [EXACT]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\xff\xfe{}", "This file is no text in UTF-8."),
        (b" " * 4_000_001, "This file is too large for a file of presets."),
        (b"\xef\xbb\xbf[]", 'This is no file of presets. It would begin with {"drover": "presets"'),
    ],
)
async def test_what_is_no_file_of_presets_is_said_in_words(profile: Profile, raw: bytes, words: str) -> None:
    async with opened(profile) as bench:
        with pytest.raises(ConfigurationError) as error:
            await bench.verbs.presets.add(raw)
        assert error.value.words.startswith(words)
