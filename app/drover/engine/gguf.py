"""What a model file says about itself: a reader of the GGUF header.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little endian).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from drover.errors import ConfigurationError

_HINT: Final = "Choose another .gguf file in Settings."
_STRING: Final = 8
_ARRAY: Final = 9
_NUMBERS: Final = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
"""Type number in the file -> layout of one value."""

_Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """The facts of one model file. Zero and None mean that the file does not say."""

    name: str
    """As written in the file, else the file's own name."""
    architecture: str
    context_tokens: int | None
    """What the model was made for."""
    parameter_count: int
    cache_bytes_per_token: int
    """Memory that one token of context takes at 16 bits a value, if every layer attends to all of it."""
    file_bytes: int


def model_facts(gguf: Path) -> ModelFacts:
    """Reads the header of a model file; takes milliseconds. Raises ConfigurationError in words."""
    try:
        with gguf.open("rb") as file:
            return _Header(file, gguf).facts()
    except FileNotFoundError:
        raise ConfigurationError(f"There is no model file {gguf}.", hint=_HINT) from None
    except OSError as error:
        raise ConfigurationError(
            f"The model file {gguf} cannot be read: {error.strerror}.", hint=_HINT
        ) from error


class _Header:
    """One pass over the header. Nothing in it is trusted: every length is checked against the file."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._file_bytes = path.stat().st_size

    def facts(self) -> ModelFacts:
        if self._file.read(4) != b"GGUF":
            raise ConfigurationError(f"{self._path.name} is not a .gguf model file.", hint=_HINT)
        version = self._number("<I")
        if version not in (2, 3):
            raise ConfigurationError(
                f"{self._path.name} is a .gguf file of a version that is not known here ({version}).",
                hint=_HINT,
            )
        tensor_count = self._number("<Q")
        value_count = self._number("<Q")
        values: dict[str, _Value] = {}
        for _ in range(value_count):
            key = self._string()
            values[key] = self._value(self._number("<I"))
        parameter_count = sum(self._tensor_size() for _ in range(tensor_count))
        return self._summary(values, parameter_count)

    def _summary(self, values: dict[str, _Value], parameter_count: int) -> ModelFacts:
        architecture = str(values.get("general.architecture") or "")

        def number(key: str) -> int:
            value = values.get(f"{architecture}.{key}")
            return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0

        heads = number("attention.head_count")
        head_width = number("embedding_length") // heads if heads else 0
        cached_heads = number("attention.head_count_kv") or heads
        cached_width = (number("attention.key_length") or head_width) + (
            number("attention.value_length") or head_width
        )
        return ModelFacts(
            name=str(values.get("general.name") or "").strip() or self._path.stem,
            architecture=architecture,
            context_tokens=number("context_length") or None,
            parameter_count=parameter_count,
            cache_bytes_per_token=number("block_count") * cached_heads * cached_width * 2,
            file_bytes=self._file_bytes,
        )

    def _value(self, kind: int) -> _Value:
        """One value; of an array the largest number in it, or None where it holds none."""
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._number(self._layout(kind))
        item_kind = self._number("<I")
        count = self._number("<Q")
        if item_kind == _ARRAY:
            raise self._damaged()
        if item_kind == _STRING:
            for _ in range(count):
                self._skip(self._number("<Q"))
            return None
        return self._largest(self._layout(item_kind), count)

    def _largest(self, layout: str, count: int) -> int | float | None:
        size = count * struct.calcsize(layout)
        if layout not in ("<I", "<i", "<Q", "<q") or size > 65_536:
            self._skip(size)
            return None
        items = struct.unpack(f"<{count}{layout[1]}", self._bytes(size))
        return max(items, default=None)

    def _tensor_size(self) -> int:
        self._skip(self._number("<Q"))
        dimension_count = self._number("<I")
        if dimension_count > 8:
            raise self._damaged()
        size = math.prod(self._number("<Q") for _ in range(dimension_count))
        self._skip(4 + 8)
        return size

    def _layout(self, kind: int) -> str:
        layout = _NUMBERS.get(kind)
        if layout is None:
            raise self._damaged()
        return layout

    def _number(self, layout: str) -> int:
        value: int = struct.unpack(layout, self._bytes(struct.calcsize(layout)))[0]
        return value

    def _string(self) -> str:
        return self._bytes(self._number("<Q")).decode("utf-8", "replace")

    def _bytes(self, count: int) -> bytes:
        if count > self._file_bytes:
            raise self._damaged()
        found = self._file.read(count)
        if len(found) < count:
            raise self._damaged()
        return found

    def _skip(self, count: int) -> None:
        if self._file.tell() + count > self._file_bytes:
            raise self._damaged()
        self._file.seek(count, 1)

    def _damaged(self) -> ConfigurationError:
        return ConfigurationError(f"The model file {self._path.name} is damaged or incomplete.", hint=_HINT)
