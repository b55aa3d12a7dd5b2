"""Reads one oversized reply in a process of its own, and prints what that took and came to."""

from __future__ import annotations

import json
import resource
import sys
import time

from tests.fuzz.oversized import chunks
from tests.wire.replies import SERVER

from drover.domain.stream import ResponseBuilder
from drover.errors import ProtocolError
from drover.wire.chat import ReplyDecoder, verdict


def main() -> None:
    """Takes the name of the case and its size."""
    name, size = sys.argv[1], int(sys.argv[2])
    decoder, builder = ReplyDecoder(SERVER, model_id="gpt-oss-20b"), ResponseBuilder()
    read_bytes, before_mb = 0, _peak_mb()
    spent_s = 0.0
    said = ""
    try:
        for chunk in chunks(name, size):
            read_bytes += len(chunk)
            started_s = time.process_time()
            for event in decoder.feed(chunk):
                builder.feed(event, 0.0)
            spent_s += time.process_time() - started_s
        started_s = time.process_time()
        for event in decoder.finish():
            builder.feed(event, 0.0)
    except ProtocolError as error:
        said = str(error)
    status, _ = verdict(builder)
    parts = builder.parts
    spent_s += time.process_time() - started_s
    print(json.dumps({
        "mb": round(read_bytes / 2**20, 1), "cpu_s": round(spent_s, 3),
        "peak_mb": round(_peak_mb() - before_mb, 1), "parts": len(parts),
        "ended": said[:80] or status.value,
    }))  # fmt: skip


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
