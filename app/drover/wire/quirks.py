"""How known servers differ from the common protocol: facts as rows of data, each with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drover.domain.endpoint import Endpoint
from drover.wire.reasoning import DEFAULT_TAGS

_OPENED_BY_TEMPLATE = ("deepseek-r1", "qwq-32b", "thinking-2507")
"""Models that always think and whose chat template writes the opening tag into the prompt."""


_HARMONY = ("gpt-oss", "gpt_oss", "gptoss")
"""Models that write the format of github.com/openai/harmony."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """One server's ways. The defaults are those of the OpenAI reference."""

    name: str
    """The `Endpoint.provider` that this row is for."""
    evidence: str
    """Where these facts come from."""
    max_tokens_name: str = "max_tokens"
    """The body key for the limit on the reply."""
    unsupported: Mapping[str, str] = field(default_factory=dict)
    """Parameters that are known not to be taken, by wire name, with the reason for a person."""
    effort_by_grammar_models: tuple[str, ...] = ()
    """Models (parts of their ids, lower case) without thinking of their own, whose `reasoning_effort` becomes
    a grammar that makes them write some. Every other model is sent the parameter as it is."""
    sends_stream_options: bool = True
    """Whether usage is asked for with `stream_options`."""
    think_tags: tuple[tuple[str, str], ...] = DEFAULT_TAGS
    """Opening and closing tags of thinking inside the content; empty where the content is never split."""
    implied_opening_models: tuple[str, ...] = _OPENED_BY_TEMPLATE
    """Models (parts of their ids, lower case) whose content may begin inside the thinking, without an opening
    tag. Not applied where the server has a field for reasoning, because it then splits by itself."""

    harmony_models: tuple[str, ...] = _HARMONY
    """Models (parts of their ids, lower case) that write the format of gpt-oss."""

    refused_attachments: Mapping[str, str] = field(default_factory=dict)
    """Kinds of attachments (`image`, `pdf`) that no model here takes, with the reason for a person."""
    most_attachment_bytes: Mapping[str, int] = field(default_factory=lambda: {"image": 20_000_000})
    """The largest attachment by kind."""
    most_attached_bytes: int = 50_000_000
    """Of all attachments of one request together."""

    def effort_is_grammar(self, model_id: str) -> bool:
        """Whether `reasoning_effort` is translated for this model."""
        return any(part in model_id.lower() for part in self.effort_by_grammar_models)

    def writes_harmony(self, model_id: str) -> bool:
        """Whether this model writes the format of gpt-oss, which servers may leave in the content."""
        return any(part in model_id.lower() for part in self.harmony_models)

    def opening_is_implied(self, model_id: str) -> bool:
        """Whether this model's content may begin inside the thinking."""
        return any(part in model_id.lower() for part in self.implied_opening_models)


_LOCAL_ONLY = "not among the parameters that Oxen.ai documents"

_ROWS = (
    # Custom endpoints are mostly local servers (llama.cpp, vLLM, Ollama, LM Studio), which take `top_k` and
    # `min_p`. Strict services answer 400 or 422 and name the parameter, which the person can then leave out
    # with one click; leaving it out unasked would be a silent loss on the servers that do take it.
    Quirks(name="openai", evidence="OpenAI reference; recorded streams of compatible servers"),
    # `stream_options` is not documented by Oxen, but Oxen's own client sends it and gets usage back.
    # gpt-oss and DeepSeek-R1 arrive there through gateways that split thinking off, hence no implied opening.
    Quirks(
        name="oxen",
        evidence="Oxen.ai chat completions reference; the requests of Oxen's own client",
        unsupported={"top_k": _LOCAL_ONLY, "min_p": _LOCAL_ONLY, "repeat_penalty": _LOCAL_ONLY},
        implied_opening_models=(),
        most_attachment_bytes={"image": 20_000_000, "pdf": 24_000_000},
    ),
    Quirks(
        name="built-in",
        evidence="llama.cpp server documentation, and its streams as recorded",
        effort_by_grammar_models=("smollm2",),
    ),
)

QUIRKS: Mapping[str, Quirks] = {row.name: row for row in _ROWS}
"""Every row by name."""


def quirks_for(endpoint: Endpoint) -> Quirks:
    """The row of this endpoint; the plain one for a provider that has none."""
    return QUIRKS.get(endpoint.provider, QUIRKS["openai"])
