"""One run as JSON, for scripts."""

from __future__ import annotations

import json
from typing import Any

from drover.domain.conversation import Message, ToolCallPart
from drover.domain.run import Adjustment, Failure, Run, RunStatus


def run_record(run: Run, message: Message | None) -> dict[str, Any]:
    """One run as JSON values: what `--json` prints.

    `status` is one of complete, cut, stopped, filtered, incomplete, failed. `usage` is as the server gave it.
    """
    timing = run.timing
    return {
        "run_id": run.id,
        "status": "incomplete" if run.status is RunStatus.INTERRUPTED else run.status.value,
        "endpoint": run.endpoint_name,
        "base_url": run.base_url,
        "model": run.model_id,
        "model_reported": run.model_reported or None,
        "answer": message.text if message else "",
        "reasoning": message.reasoning if message else "",
        "tool_calls": _tool_calls(message),
        "finish_reason": run.finish_reason,
        "usage": json.loads(run.usage.raw_json) if run.usage else None,
        "timings_ms": {
            "connect": timing.connect_ms,
            "first_byte": timing.first_byte_ms,
            "first_token": timing.first_token_ms,
            "total": timing.total_ms,
        },
        "asked": {**({"system": run.system_prompt} if run.system_prompt else {}), **run.parameters.as_dict()},
        "adjustments": [_adjustment(adjustment) for adjustment in run.adjustments],
        "request_body": json.loads(run.request_body) if run.request_body else None,
        "failure": _failure(run.failure) if run.failure else None,
        "failed_attempts": [
            {
                "at": attempt.started_at.isoformat(),
                "took_ms": attempt.took_ms,
                "waited_ms": attempt.waited_ms,
                **_failure(attempt.failure),
            }
            for attempt in run.failed_attempts
        ],
    }


def _tool_calls(message: Message | None) -> list[dict[str, str]]:
    parts = message.parts if message else ()
    return [
        {"id": part.call_id, "name": part.name, "arguments": part.arguments}
        for part in parts
        if isinstance(part, ToolCallPart)
    ]


def _adjustment(adjustment: Adjustment) -> dict[str, str]:
    return {"name": adjustment.name, "action": adjustment.action, "reason": adjustment.reason}


def _failure(failure: Failure) -> dict[str, str | None]:
    return {"kind": failure.kind.value, "message": failure.message, "hint": failure.hint or None}
