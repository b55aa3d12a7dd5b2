"""Settings come back, and nothing stored can keep the program from starting."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drover.store.library import Changes, Library
from drover.store.settings import Settings, load_settings, save_settings


def store(library: Library, name: str, value_json: str | bytes | None) -> None:
    library.connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value_json))


def test_a_new_library_holds_the_initial_settings(library: Library) -> None:
    assert load_settings(library.connection) == Settings()


def test_settings_come_back_as_they_were(library: Library) -> None:
    chosen = Settings(
        theme_mode="dark",
        text_scale=1.25,
        reasoning_display="closed",
        is_question_raised=True,
        endpoint_id="oxen",
        model_id="m",
        last_conversation_id="c",
        gguf_path="/weights/größe\ud800.gguf",
        first_byte_timeout_s=30.0,
        idle_timeout_s=20.5,
        confirmed_hosts=("example.com", "example.org"),
        window_geometry="AdnQywAD",
        left_width=300,
        right_width=0,
        is_left_folded=True,
        is_right_folded=True,
        right_tab="Request",
    )
    assert save_settings(library.connection, chosen) == Changes(others=frozenset({"settings"}))
    loaded = load_settings(library.connection)
    assert loaded.gguf_path == "/weights/größe\ufffd.gguf"
    assert {n: getattr(loaded, n) for n in Settings.__slots__ if n != "gguf_path"} == {
        n: getattr(chosen, n) for n in Settings.__slots__ if n != "gguf_path"
    }


def test_a_broken_value_leaves_the_others_alone(library: Library) -> None:
    save_settings(library.connection, Settings(theme_mode="dark", left_width=300, text_scale=2.0))
    store(library, "text_scale", "{cut")
    assert load_settings(library.connection) == Settings(theme_mode="dark", left_width=300)


@pytest.mark.parametrize(
    ("name", "value_json", "loaded"),
    [
        ("theme_mode", '"purple"', "system"),
        ("theme_mode", "1", "system"),
        ("text_scale", "9", 3.0),
        ("text_scale", "0.1", 0.5),
        ("text_scale", "NaN", 1.0),
        ("text_scale", "true", 1.0),
        ("left_width", "300.7", 300),
        ("left_width", '"wide"', 264),
        ("is_left_folded", "1", False),
        ("endpoint_id", "null", ""),
        ("confirmed_hosts", '["a", 1]', ()),
        ("confirmed_hosts", '"a"', ()),
        ("right_tab", "[]", "Parameters"),
    ],
)
def test_a_value_that_cannot_be_right_is_put_right(
    library: Library, name: str, value_json: str, loaded: object
) -> None:
    store(library, name, value_json)
    value = getattr(load_settings(library.connection), name)
    assert (value, type(value)) == (loaded, type(loaded))


def test_a_setting_of_another_version_stays_in_the_file(library: Library) -> None:
    store(library, "of_tomorrow", "42")
    save_settings(library.connection, load_settings(library.connection))
    assert library.connection.execute(
        "SELECT value_json FROM settings WHERE name = 'of_tomorrow'"
    ).fetchone() == ("42",)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@settings(max_examples=100, deadline=None)
@given(name=st.sampled_from(sorted(Settings.__slots__)), value=JSON)
def test_no_stored_value_keeps_the_settings_from_loading(
    shared_library: Library, name: str, value: object
) -> None:
    store(shared_library, name, json.dumps(value))
    loaded = load_settings(shared_library.connection)
    assert type(getattr(loaded, name)) is type(getattr(Settings(), name))
    store(shared_library, name, b"\xff")
    assert getattr(load_settings(shared_library.connection), name) == getattr(Settings(), name)
