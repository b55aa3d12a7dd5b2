"""Checks what Drover depends on, one finding each, without changing anything."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from drover.domain.endpoint import BUILT_IN, OXEN, Endpoint, with_oxen
from drover.engine.connection_test import try_connection
from drover.engine.gguf import model_facts
from drover.engine.network_access import access_of
from drover.engine.secrets import KeySource, Secrets
from drover.engine.weights import find_weights
from drover.errors import DroverError
from drover.paths import Profile
from drover.store.database import open_database, problems
from drover.store.library import Library

_REACH_TIMEOUT_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report."""

    check: str
    is_good: bool
    words: str
    advice: str = ""
    is_optional: bool = False
    """Whether Drover is of use without it."""


async def examine(profile: Profile) -> list[Finding]:
    """Keyring, database, built-in model, then each endpoint. Never raises a DroverError."""
    findings = [await _keyring(), _database(profile), _built_in(profile)]
    findings += await asyncio.gather(*(_reach(endpoint) for endpoint in _endpoints(profile)))
    return findings


async def _keyring() -> Finding:
    status = await Secrets().status(OXEN)
    kept = {
        KeySource.KEYRING: "A key for Oxen.ai is stored.",
        KeySource.ENVIRONMENT: f"A key for Oxen.ai is in {OXEN.key_variable}.",
    }.get(status.source, "No key for Oxen.ai is stored.")
    if status.notice:
        return Finding(check="Keyring", is_good=False, words=status.notice, advice=kept, is_optional=True)
    return Finding(check="Keyring", is_good=True, words=f"{status.store_name}. {kept}")


def _database(profile: Profile) -> Finding:
    if not profile.database.exists():
        return Finding(
            check="Database", is_good=True, words=f"None yet; it will be made in {profile.data_dir}."
        )
    try:
        connection = open_database(profile.database, read_only=True)
        try:
            damage = problems(connection)
            count = len(Library(connection).conversations())
        finally:
            connection.close()
    except DroverError as error:
        return Finding(check="Database", is_good=False, words=error.message, advice=error.hint or "")
    if damage:
        return Finding(
            check="Database", is_good=False, words=f"{profile.database} is damaged: {damage[0]}.",
            advice="Restore a copy, or move the file away and start anew.",
        )  # fmt: skip
    return Finding(check="Database", is_good=True, words=f"Sound, {count} conversations, {profile.database}.")


def _built_in(profile: Profile) -> Finding:
    check = "Built-in model"
    path = find_weights(profile.models_dir)
    if path is None:
        return Finding(
            check=check, is_good=False, words="The weights are not on this computer.",
            advice="Fetch them from the page of a new conversation in the window.", is_optional=True,
        )  # fmt: skip
    try:
        facts = model_facts(path)
    except DroverError as error:
        return Finding(check=check, is_good=False, words=error.message, advice=error.hint or "")
    return Finding(
        check=check, is_good=True,
        words=f"{BUILT_IN.default_model_id}, {facts.context_tokens} tokens of context, {path}.",
    )  # fmt: skip


def _endpoints(profile: Profile) -> list[Endpoint]:
    if not profile.database.exists():
        return [OXEN]
    try:
        connection = open_database(profile.database, read_only=True)
        try:
            return with_oxen(Library(connection).endpoints())
        finally:
            connection.close()
    except DroverError:
        return [OXEN]


async def _reach(endpoint: Endpoint) -> Finding:
    patient = replace(endpoint, connect_timeout_s=_REACH_TIMEOUT_S)
    names = []
    async for step in try_connection(patient, None, await access_of(Secrets(), endpoint), asks_model=False):
        if not step.is_good:
            words = f"{step.name}: {step.words}"
            return Finding(
                check=endpoint.name, is_good=False, words=words, advice=step.advice, is_optional=True
            )
        names.append(step.name)
    passed = ", ".join(names)
    return Finding(
        check=endpoint.name, is_good=True,
        words=f"{endpoint.base_url} answers ({passed}). Only a chat shows whether a key is accepted.",
    )  # fmt: skip
