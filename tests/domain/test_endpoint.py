"""Addresses as people paste them."""

from __future__ import annotations

import pytest

from drover.domain.endpoint import OXEN, OXEN_BASE_URL, Endpoint, normalized_base_url
from drover.errors import ConfigurationError


@pytest.mark.parametrize(
    ("pasted", "normalized"),
    [
        ("http://localhost:8000/v1", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("localhost:11434", "http://localhost:11434/v1"),
        ("192.168.1.4:8080/v1/chat/completions", "http://192.168.1.4:8080/v1"),
        ("api.example.com", "https://api.example.com/v1"),
        ("https://hub.oxen.ai/api/ai", OXEN_BASE_URL),
        ("https://hub.oxen.ai/api/ai/chat/completions", OXEN_BASE_URL),
        ("https://hub.oxen.ai/api/ai/chat/completions/", OXEN_BASE_URL),
        (" <https://openrouter.ai/api/v1/models>\n", "https://openrouter.ai/api/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("https://host.example/v1?key=x#top", "https://host.example/v1"),
    ],
)
def test_an_address_is_understood_as_pasted(pasted: str, normalized: str) -> None:
    assert normalized_base_url(pasted) == normalized


@pytest.mark.parametrize(
    "pasted", ["", "   ", "ftp://host/v1", "http://", "http://host:port/v1", "http://a b/v1"]
)
def test_what_is_no_address_is_refused_with_a_hint(pasted: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        normalized_base_url(pasted)
    assert refusal.value.hint


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        normalized_base_url("https://me:hunter2@host/v1")
    assert "hunter2" not in str(refusal.value)


def test_the_variable_of_a_key_follows_the_name() -> None:
    mine = Endpoint(id="x", name="My vLLM (lab)", base_url="http://h/v1")
    assert OXEN.key_variable == "OXEN_API_KEY"
    assert mine.key_variable == "DROVER_API_KEY_MY_VLLM_LAB"
