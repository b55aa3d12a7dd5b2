"""How known servers differ from the common protocol: facts as rows of data, each with its evidence."""

from __future__ import annotations

from collections.abc import Mapping

from drover.domain.endpoint import Endpoint
from drover.domain.known_server import KnownServer, server_at
from drover.wire.quirk_rules import (
    VALUE,
    Clamp,
    Effort,
    Exclusive,
    Need,
    Quirks,
    Renamed,
    Replay,
    ReplayForm,
    SystemRole,
    Unsupported,
)

__all__ = ["ANY_SERVER", "QUIRKS", "Quirks", "known_servers", "quirks_for", "recognized"]

ANY_SERVER = "openai"
"""The row of every server that is not known. It has the name of the protocol; OpenAI's own service has a row
of its own."""

# A row acts only on what is known to fail, or what the server's own documents say is ignored. What is
# uncertain, or differs between builds of a local server, is sent as the person set it: a strict server names
# the parameter that it refuses, and it is then left out with one click; leaving it out unasked would be a
# silent loss on those that do take it.

_SAMPLING_OF_LOCAL_SERVERS = ("top_k", "min_p", "repeat_penalty")
_LOGPROBS = ("logprobs", "top_logprobs")
_PENALTIES = ("frequency_penalty", "presence_penalty")
_OPENAI_REASONING = r"(^|/)(o[1345]|gpt-5(?!-chat)(-(mini|nano|pro|codex|\d{4}))?)(-|$)"
"""The o series and the first GPT-5, which always reason. Later ones reason or not, as they are asked."""
_OPENAI_NEW_LIMIT = r"(^|/)(o[1345](-|$)|gpt-5)"
_CLAUDE_ONE_SAMPLER = r"claude-(opus-4-[1-9](?!\d)|(sonnet|haiku)-4-[5-9](?!\d)|(opus|sonnet|haiku)-[5-9])"

_REPETITION_PENALTY = Renamed(name="repeat_penalty", to="repetition_penalty")
_COMPLETION_TOKENS = Renamed(name="max_tokens", to="max_completion_tokens")
_DOES_NOT_KNOW = "{0} refuses requests with keys that it does not know"
_OPENAI_RULES = (
    Unsupported(
        models=_OPENAI_REASONING,
        names=("temperature", "top_p", *_PENALTIES, *_LOGPROBS),
        reason="OpenAI’s reasoning models refuse it",
    ),
    Unsupported(models=r"(^|/)(o3|o4-mini)(-|$)", names=("stop",), reason="o3 and o4-mini refuse it"),
    Unsupported(
        models=r"(^|/)(gpt-3|gpt-4|chatgpt)", names=("reasoning_effort",), reason="this model does not reason"
    ),
    Unsupported(names=_SAMPLING_OF_LOCAL_SERVERS, reason=_DOES_NOT_KNOW.format("OpenAI")),
)
_OPENAI_ROLES = (
    SystemRole(
        models=r"(^|/)o1-(mini|preview)", role="user", reason="this model takes no instructions apart"
    ),
    SystemRole(models=_OPENAI_NEW_LIMIT, role="developer", reason="as OpenAI’s reasoning models want it"),
)
_NO_PLACE_AT_OPENAI = (
    Replay(
        plain=Need.REFUSED, in_loop=Need.REFUSED, after_loop=Need.REFUSED,
        reason="OpenAI neither shows thinking nor takes it back",
    ),
)  # fmt: skip
_THINKING_SWITCH: Mapping[str, Mapping[str, object]] = {"none": {"thinking": {"type": "disabled"}}}

_SERVICES = (
    Quirks(
        name="openai.com",
        label="OpenAI",
        evidence=(
            "https://platform.openai.com/docs/api-reference/chat/create",
            "https://platform.openai.com/docs/guides/reasoning",
            "github.com/pydantic/pydantic-ai pydantic_ai_slim/pydantic_ai/profiles/openai.py",
            "github.com/musistudio/claude-code-router/issues/1374 (an unknown `reasoning` is refused)",
            "github.com/confident-ai/deepeval/pull/2121 (gpt-5-chat-latest does not reason)",
        ),
        hosts=("api.openai.com", "eu.api.openai.com", "us.api.openai.com"),
        key_variables=("OPENAI_API_KEY",),
        replay=_NO_PLACE_AT_OPENAI,
        system_role=_OPENAI_ROLES,
        renamed=(_COMPLETION_TOKENS,),
        unsupported=_OPENAI_RULES,
    ),
    # Names of deployments are the person's own: rules for models fit where they hold the model's name.
    Quirks(
        name="azure",
        label="Azure OpenAI",
        evidence=(
            "https://learn.microsoft.com/azure/ai-foundry/openai/how-to/reasoning",
            "recorded: fantasy-testazurecommon-azure-gpt-5-mini-simple-streaming-0",
        ),
        hosts=(".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com"),
        key_variables=("AZURE_OPENAI_API_KEY",),
        system_role=_OPENAI_ROLES,
        renamed=(Renamed(name="max_tokens", to="max_completion_tokens", models=_OPENAI_NEW_LIMIT),),
        unsupported=_OPENAI_RULES[:3],
    ),
    # `stream_options` is not documented by Oxen, but Oxen's own client sends it and gets usage back. Of
    # thinking nothing is documented. gpt-oss and DeepSeek-R1 arrive there through gateways that split it off,
    # hence no implied opening. What stands behind a model shows in its name alone.
    Quirks(
        name="oxen",
        label="Oxen.ai",
        evidence=(
            "https://docs.oxen.ai/inference-api/reference/chat_completions",
            "github.com/Oxen-AI/docs generate-model-docs.py (what the models behind it refuse)",
            "github.com/gschoeni/Oxen-Harness crates/harness-llm (the requests of Oxen's own client)",
        ),
        hosts=("hub.oxen.ai", "dev.hub.oxen.ai"),
        key_variables=("OXEN_API_KEY",),
        unsupported=(
            Unsupported(
                names=_SAMPLING_OF_LOCAL_SERVERS, reason="not among the parameters that Oxen.ai documents"
            ),
            Unsupported(models="claude|gemini", names=_PENALTIES, reason="Oxen.ai refuses it for this model"),
        ),
        exclusive=(
            Exclusive(
                models="claude",
                names=("temperature", "top_p"),
                reason="Claude takes temperature or top_p, not both",
            ),
        ),
        implied_opening_models=(),
        most_attachment_bytes={"image": 20_000_000, "pdf": 24_000_000},
    ),
    Quirks(
        name="openrouter",
        label="OpenRouter",
        evidence=(
            "https://openrouter.ai/docs/use-cases/reasoning-tokens",
            "https://openrouter.ai/docs/api-reference/parameters",
            "recorded: pydantic-ai-test-openrouter-test-openrouter-streaming-reasoning-0",
        ),
        hosts=("openrouter.ai",),
        key_variables=("OPENROUTER_API_KEY",),
        replay=(
            Replay(
                key="reasoning",
                in_loop=Need.REQUIRED,
                reason="models behind OpenRouter want it unmodified while tools are called",
            ),
        ),
        renamed=(_REPETITION_PENALTY,),
        effort=(
            Effort(keys={"*": {"reasoning": {"effort": VALUE}}}, reason="OpenRouter’s form for every model"),
        ),
    ),
    # What is said of `deepseek-reasoner` holds for both its makes: the old one refused thinking and called no
    # tools, the new one wants it back where tools were called.
    Quirks(
        name="deepseek",
        label="DeepSeek",
        evidence=(
            "https://api-docs.deepseek.com/guides/thinking_mode",
            "https://api-docs.deepseek.com/api/create-chat-completion",
            "github.com/rikkahub/rikkahub/issues/1587 (its 400)",
            "github.com/abhigyanpatwari/GitNexus/issues/43 (its 400)",
            "github.com/CodebuffAI/freebuff/pull/590 (text alone)",
        ),
        hosts=("api.deepseek.com",),
        key_variables=("DEEPSEEK_API_KEY",),
        replay=(
            Replay(
                models="deepseek-reasoner",
                form=ReplayForm.KEY,
                plain=Need.REFUSED,
                in_loop=Need.REQUIRED,
                after_loop=Need.REQUIRED,
                reason="DeepSeek wants it where tools were called, and there alone",
            ),
            Replay(
                form=ReplayForm.KEY,
                in_loop=Need.REQUIRED,
                after_loop=Need.REQUIRED,
                reason="DeepSeek refuses requests without it where tools were called",
            ),
        ),
        unsupported=(
            Unsupported(
                models="deepseek-reasoner",
                names=("temperature", "top_p", *_PENALTIES),
                reason="DeepSeek ignores it while the model thinks",
            ),
        ),
        effort=(Effort(keys=_THINKING_SWITCH, reason="how DeepSeek is asked not to think"),),
        takes_json_schema=False,
        refused_attachments={"image": "DeepSeek takes text alone", "pdf": "DeepSeek takes text alone"},
    ),
    Quirks(
        name="groq",
        label="Groq",
        evidence=(
            "https://console.groq.com/docs/openai",
            "https://console.groq.com/docs/reasoning",
            "github.com/agentjido/req_llm/issues/772 (property 'reasoning_content' is unsupported)",
            "recorded: fantasy-testopenaicompatiblecommon-groq-kimi-k2-tool-streaming-1",
        ),
        hosts=("api.groq.com",),
        key_variables=("GROQ_API_KEY",),
        replay=(
            Replay(
                plain=Need.REFUSED,
                in_loop=Need.REFUSED,
                after_loop=Need.REFUSED,
                reason="Groq refuses messages with thinking",
            ),
        ),
        renamed=(_COMPLETION_TOKENS,),
        unsupported=(
            Unsupported(names=(*_LOGPROBS, "logit_bias"), reason="Groq refuses it"),
            Unsupported(names=_SAMPLING_OF_LOCAL_SERVERS, reason=_DOES_NOT_KNOW.format("Groq")),
        ),
        exclusive=(
            Exclusive(
                names=("reasoning_format", "include_reasoning"),
                reason="Groq takes reasoning_format or include_reasoning, not both",
            ),
        ),
        effort=(
            Effort(
                models="gpt-oss",
                nearest={"minimal": "low", "xhigh": "high", "max": "high"},
                reason="Groq knows low, medium and high for this model",
            ),
            Effort(
                models="qwen",
                nearest=dict.fromkeys(("minimal", "low", "medium", "high", "xhigh", "max"), "default"),
                reason="Groq knows none and default for this model",
            ),
        ),
        most_attachment_bytes={"image": 4_000_000},
    ),
    Quirks(
        name="together",
        label="Together AI",
        evidence=(
            "https://docs.together.ai/reference/chat-completions-1",
            "https://docs.together.ai/docs/inference/chat/reasoning",
        ),
        hosts=("api.together.xyz", "api.together.ai"),
        key_variables=("TOGETHER_API_KEY",),
        replay=(Replay(key="reasoning"),),
        renamed=(_REPETITION_PENALTY,),
    ),
    Quirks(
        name="fireworks",
        label="Fireworks AI",
        evidence=(
            "https://docs.fireworks.ai/guides/reasoning",
            "https://docs.fireworks.ai/api-reference/post-chatcompletions",
            "github.com/vercel/ai packages/fireworks (efforts)",
        ),
        hosts=("api.fireworks.ai",),
        key_variables=("FIREWORKS_API_KEY",),
        renamed=(_REPETITION_PENALTY,),
        clamps=(Clamp(name="top_logprobs", most=5, reason="Fireworks gives no more alternatives"),),
        effort=(
            Effort(
                models="gpt-oss",
                nearest={"minimal": "low", "xhigh": "high", "max": "high"},
                reason="Fireworks knows low, medium and high for this model",
            ),
        ),
    ),
    Quirks(
        name="cerebras",
        label="Cerebras",
        evidence=(
            "https://inference-docs.cerebras.ai/capabilities/reasoning",
            "https://inference-docs.cerebras.ai/resources/openai",
            "github.com/pydantic/pydantic-ai pydantic_ai_slim/pydantic_ai/providers/cerebras.py",
            "github.com/pydantic/pydantic-ai tests/models/cassettes/test_cerebras (what goes back)",
        ),
        hosts=("api.cerebras.ai",),
        key_variables=("CEREBRAS_API_KEY",),
        replay=(
            Replay(models="glm", form=ReplayForm.TAGS),
            Replay(
                form=ReplayForm.KEY,
                key="reasoning",
                in_loop=Need.REQUIRED,
                reason="the model goes on with it between its calls of tools",
            ),
        ),
        renamed=(_COMPLETION_TOKENS,),
        unsupported=(
            Unsupported(
                names=(*_PENALTIES, "logit_bias", "parallel_tool_calls", "service_tier"),
                reason="Cerebras refuses it",
            ),
            Unsupported(names=_SAMPLING_OF_LOCAL_SERVERS, reason=_DOES_NOT_KNOW.format("Cerebras")),
        ),
        effort=(
            Effort(
                models="glm",
                keys={"none": {"disable_reasoning": True}},
                reason="how Cerebras is asked for no thinking",
            ),
            Effort(
                models="gpt-oss",
                nearest={"minimal": "low", "xhigh": "high", "max": "high"},
                reason="Cerebras knows low, medium and high for this model",
            ),
        ),
    ),
    # Usage comes with the last chunk of every stream, so that nothing is lost without `stream_options`, which
    # not every make of the service takes.
    Quirks(
        name="mistral",
        label="Mistral AI",
        evidence=(
            "https://docs.mistral.ai/api/",
            "https://docs.mistral.ai/capabilities/reasoning/",
            "recorded: ai-mistral-reasoning-0",
            "422 extra_forbidden: github.com/editor-code-assistant/eca/issues/231",
        ),
        hosts=("api.mistral.ai", "codestral.mistral.ai"),
        key_variables=("MISTRAL_API_KEY",),
        replay=(Replay(form=ReplayForm.CHUNKS),),
        renamed=(Renamed(name="seed", to="random_seed"),),
        unsupported=(
            Unsupported(
                names=(*_SAMPLING_OF_LOCAL_SERVERS, *_LOGPROBS, "logit_bias", "user"),
                reason=_DOES_NOT_KNOW.format("Mistral"),
            ),
            Unsupported(
                models="magistral",
                names=("reasoning_effort",),
                reason="Magistral always thinks, and knows no effort",
            ),
        ),
        effort=(
            Effort(
                nearest=dict.fromkeys(("minimal", "low", "medium", "xhigh", "max"), "high"),
                reason="Mistral knows none and high",
            ),
        ),
        sends_stream_options=False,
        most_attachment_bytes={"image": 10_000_000},
    ),
    # Signatures of Gemini 3 are keys of the calls of tools, which always go back as they came.
    Quirks(
        name="gemini",
        label="Google Gemini",
        evidence=(
            "https://ai.google.dev/gemini-api/docs/openai",
            "https://ai.google.dev/gemini-api/docs/thought-signatures",
        ),
        hosts=("generativelanguage.googleapis.com",),
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        replay=(
            Replay(
                plain=Need.REFUSED,
                in_loop=Need.REFUSED,
                after_loop=Need.REFUSED,
                reason="Gemini takes its signatures back, which go with the calls of tools, but no thoughts",
            ),
        ),
        unsupported=(
            Unsupported(
                names=(*_SAMPLING_OF_LOCAL_SERVERS, "logit_bias"), reason=_DOES_NOT_KNOW.format("Gemini")
            ),
        ),
    ),
    # System prompts are hoisted and joined there, which changes nothing for one at the beginning.
    Quirks(
        name="anthropic",
        label="Anthropic",
        evidence=(
            "https://docs.claude.com/en/api/openai-sdk",
            "github.com/BerriAI/litellm/issues/15097 (temperature and top_p)",
        ),
        hosts=("api.anthropic.com",),
        key_variables=("ANTHROPIC_API_KEY",),
        replay=(
            Replay(
                plain=Need.REFUSED,
                in_loop=Need.REFUSED,
                after_loop=Need.REFUSED,
                reason="Anthropic shows no thinking in this protocol, and takes none back",
            ),
        ),
        unsupported=(
            Unsupported(
                names=(*_PENALTIES, *_LOGPROBS, "seed", "logit_bias", "response_format", "reasoning_effort"),
                reason="Anthropic ignores it in this protocol",
            ),
        ),
        exclusive=(
            Exclusive(
                models=_CLAUDE_ONE_SAMPLER,
                names=("temperature", "top_p"),
                reason="this model takes temperature or top_p, not both",
            ),
        ),
        clamps=(Clamp(name="temperature", most=1.0, reason="Anthropic takes at most 1"),),
        most_attachment_bytes={"image": 5_000_000},
    ),
    Quirks(
        name="xai",
        label="xAI",
        evidence=(
            "https://docs.x.ai/docs/guides/reasoning",
            "github.com/NousResearch/hermes-agent/pull/23435 (which models take an effort)",
            "github.com/miaoxworld/NativeTavern/issues/83 (penalties)",
            "recorded: fantasy-testopenaicompatiblethinking-xai-grok-3-mini-thinking-streaming-1",
        ),
        hosts=("api.x.ai", "us-east-1.api.x.ai", "eu-west-1.api.x.ai"),
        key_variables=("XAI_API_KEY",),
        replay=(Replay(form=ReplayForm.KEY),),
        unsupported=(
            Unsupported(
                models="grok-(3-mini|4|code)", names=_PENALTIES, reason="xAI refuses it for this model"
            ),
            Unsupported(
                models="grok-(3-mini|4(?!.*non-reasoning)|code)",
                names=("stop",),
                reason="xAI refuses it for models that reason",
            ),
            Unsupported(
                models=r"grok-(3($|-fast|-latest)|4-(0709|fast|1-fast)|4\.20-\d|code)",
                names=("reasoning_effort",),
                reason="xAI refuses it for this model",
            ),
        ),
        clamps=(Clamp(name="top_logprobs", most=8, reason="xAI gives no more alternatives"),),
    ),
    # Usage comes with every chunk.
    Quirks(
        name="perplexity",
        label="Perplexity",
        evidence=(
            "https://docs.perplexity.ai/api-reference/chat-completions-post",
            "github.com/perplexityai/api-discussion/issues/265 (roles must alternate)",
            "recorded: ai-perplexity-text-0",
        ),
        hosts=("api.perplexity.ai",),
        key_variables=("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
        merges_same_role=True,
        sends_stream_options=False,
    ),
    Quirks(
        name="huggingface",
        label="Hugging Face",
        evidence=(
            "https://huggingface.co/docs/inference-providers",
            "recorded: fantasy-testopenaicompatiblecommon-huggingface-kimi-k2-tool-streaming-1",
        ),
        hosts=("router.huggingface.co",),
        key_variables=("HF_TOKEN", "HUGGINGFACE_API_KEY"),
    ),
    Quirks(
        name="zai",
        label="Z.ai",
        evidence=(
            "https://docs.z.ai/guides/capabilities/thinking-mode",
            "recorded: fantasy-testopenaicompatiblethinking-zai-glm-4-7-flash-thinking-streaming-1",
        ),
        hosts=("api.z.ai", "open.bigmodel.cn"),
        key_variables=("ZAI_API_KEY", "ZHIPUAI_API_KEY"),
        replay=(
            Replay(
                form=ReplayForm.KEY,
                in_loop=Need.REQUIRED,
                reason="GLM goes on with it between its calls of tools",
            ),
        ),
        effort=(Effort(keys=_THINKING_SWITCH, reason="how Z.ai is asked not to think"),),
        clamps=(Clamp(name="temperature", most=1.0, reason="Z.ai takes at most 1"),),
    ),
    Quirks(
        name="moonshot",
        label="Moonshot AI",
        evidence=(
            "https://platform.kimi.ai/docs/api/models-overview",
            "https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model",
            "https://www.librechat.ai/docs/configuration/librechat_yaml/ai_endpoints/moonshot (its 400)",
        ),
        hosts=("api.moonshot.ai", "api.moonshot.cn"),
        key_variables=("MOONSHOT_API_KEY",),
        replay=(
            Replay(
                form=ReplayForm.KEY,
                in_loop=Need.REQUIRED,
                after_loop=Need.REQUIRED,
                reason="Moonshot refuses requests without it where tools were called",
            ),
        ),
        effort=(
            Effort(
                models="kimi-k3",
                nearest=dict.fromkeys(("minimal", "low", "medium", "high", "xhigh"), "max"),
                reason="Kimi K3 knows max alone",
            ),
            Effort(keys=_THINKING_SWITCH, reason="how Kimi is asked not to think"),
        ),
        clamps=(Clamp(name="temperature", most=1.0, reason="Moonshot takes at most 1"),),
    ),
    Quirks(
        name="alibaba",
        label="Alibaba Cloud",
        evidence=(
            "https://www.alibabacloud.com/help/en/model-studio/deep-thinking",
            "github.com/vercel/ai packages/alibaba (enable_thinking)",
        ),
        hosts=(
            "dashscope.aliyuncs.com",
            "dashscope-intl.aliyuncs.com",
            "dashscope-us.aliyuncs.com",
        ),
        key_variables=("DASHSCOPE_API_KEY",),
        replay=(
            Replay(
                form=ReplayForm.KEY,
                in_loop=Need.REQUIRED,
                reason="Qwen goes on with it between its calls of tools",
            ),
        ),
        renamed=(_REPETITION_PENALTY,),
        effort=(
            Effort(
                models="qwen",
                keys={"none": {"enable_thinking": False}, "*": {"enable_thinking": True}},
                reason="Alibaba Cloud knows thinking or none, but no degrees",
            ),
        ),
    ),
)

_PROGRAMS = (
    Quirks(
        name="built-in",
        label="Built-in",
        evidence=("https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",),
        effort_by_grammar_models=("smollm2",),
        # llama.cpp takes them, and the model never hears of them.
        unsupported=(
            Unsupported(
                models="smollm2",
                names=("tools",),
                reason="the chat template of SmolLM2 has no place for tools",
            ),
        ),
        takes_named_tool_choice=False,
        refused_attachments={"pdf": "the built-in server takes no documents"},
    ),
    # gpt-oss loses its thread between calls of tools without its analysis (github.com/openai/harmony,
    # format.md); the server puts the field into the prompt.
    Quirks(
        name="llama.cpp",
        label="llama.cpp",
        evidence=(
            "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
            "github.com/charmbracelet/fantasy testdata llama-cpp-gpt-oss (what goes back)",
        ),
        replay=(
            Replay(
                models="gpt-oss",
                form=ReplayForm.KEY,
                in_loop=Need.REQUIRED,
                reason="gpt-oss goes on with it between its calls of tools",
            ),
            Replay(form=ReplayForm.KEY),
        ),
        takes_named_tool_choice=False,
    ),
    Quirks(
        name="ollama",
        label="Ollama",
        evidence=(
            "https://docs.ollama.com/api/openai-compatibility",
            "github.com/ollama/ollama openai/openai.go",
            "github.com/pydantic/pydantic-ai tests/models/cassettes/test_ollama (what goes back)",
        ),
        hosts=(":11434", "ollama.com"),
        key_variables=("OLLAMA_API_KEY",),
        replay=(
            Replay(
                models="gpt-oss",
                form=ReplayForm.KEY,
                key="reasoning",
                in_loop=Need.REQUIRED,
                reason="gpt-oss goes on with it between its calls of tools",
            ),
            Replay(form=ReplayForm.KEY, key="reasoning"),
        ),
    ),
    Quirks(
        name="lm-studio",
        label="LM Studio",
        evidence=("https://lmstudio.ai/docs/app/api/endpoints/openai", "https://github.com/lmstudio-ai/docs"),
        hosts=(":1234",),
        takes_named_tool_choice=False,
    ),
    Quirks(
        name="vllm",
        label="vLLM",
        evidence=(
            "https://docs.vllm.ai/en/latest/serving/openai_compatible_server/",
            "https://docs.vllm.ai/en/latest/features/reasoning_outputs/",
        ),
        replay=(
            Replay(
                models="gpt-oss",
                key="reasoning",
                in_loop=Need.REQUIRED,
                reason="gpt-oss goes on with it between its calls of tools",
            ),
            Replay(key="reasoning"),
        ),
        renamed=(_REPETITION_PENALTY,),
    ),
    Quirks(
        name="sglang",
        label="SGLang",
        evidence=("https://docs.sglang.ai/basic_usage/openai_api_completions.html",),
        replay=(Replay(form=ReplayForm.KEY),),
        renamed=(_REPETITION_PENALTY,),
    ),
    Quirks(
        name="tgi",
        label="Text Generation Inference",
        evidence=(
            "https://huggingface.co/docs/text-generation-inference",
            "github.com/huggingface/text-generation-inference/issues/1896 (top_p)",
        ),
        replay=(
            Replay(
                plain=Need.REFUSED,
                in_loop=Need.REFUSED,
                after_loop=Need.REFUSED,
                reason="this server has no place for thinking in a message",
            ),
        ),
        clamps=(
            Clamp(
                name="top_p", least=0.001, most=0.999, reason="it must lie between 0 and 1, neither included"
            ),
        ),
    ),
    Quirks(
        name="litellm",
        label="LiteLLM proxy",
        evidence=("https://docs.litellm.ai/docs/reasoning_content",),
        key_variables=("LITELLM_API_KEY", "LITELLM_MASTER_KEY"),
        replay=(
            Replay(
                models="claude",
                in_loop=Need.REQUIRED,
                reason="Claude wants its signed thinking back while tools are called",
            ),
        ),
    ),
    Quirks(
        name=ANY_SERVER,
        label="Any compatible server",
        evidence=("https://platform.openai.com/docs/api-reference/chat/create", "all recorded streams"),
    ),
)

QUIRKS: Mapping[str, Quirks] = {row.name: row for row in (*_SERVICES, *_PROGRAMS)}
"""Every row by name."""


def known_servers() -> list[KnownServer]:
    """The servers that have a row, services before programs, the one for any other server last."""
    return [row.known_server for row in QUIRKS.values() if row.name != "built-in"]


def recognized(base_url: str) -> KnownServer | None:
    """The server that is known to have this address."""
    return server_at(base_url, known_servers())


def quirks_for(endpoint: Endpoint) -> Quirks:
    """The row that was chosen for this endpoint, else that of its address, else the one for any server."""
    if endpoint.provider in QUIRKS:
        return QUIRKS[endpoint.provider]
    server = recognized(endpoint.base_url)
    return QUIRKS[server.name if server is not None else ANY_SERVER]
