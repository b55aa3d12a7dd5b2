"""The child process of the local model: llama.cpp's own HTTP server on loopback, and nothing else.

Run as `python -m drover.local_server --model FILE.gguf`; the parent is `drover.engine.local_model`. The first
line of standard input is the API key. Standard output carries one line of JSON, `{"port": N}` when the server
accepts requests or `{"error": KIND, "detail": TEXT}` before the process ends with status 1. Everything that
llama.cpp prints goes to standard error. The process ends when its standard input does, so it does not outlive
its parent, however that ends. (While a model is being loaded the interpreter is held, and the end of input
has to wait; on Linux the kernel ends the process even then.)
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import IO
from urllib.parse import urlsplit

PARALLEL_SLOTS = 2
_MOST_THREADS = 8
_PR_SET_PDEATHSIG = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves one model file until standard input ends. Returns only if the server cannot start."""
    options = _parser().parse_args(arguments)
    reports = _reserve_standard_output()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is for the parent to handle
    _die_with_parent()
    key = sys.stdin.buffer.readline().decode("ascii").strip()
    threading.Thread(target=_exit_at_end_of_input, name="parent watch", daemon=True).start()
    try:
        import xllamacpp
    except ImportError as error:
        return _report(reports, error="no_llama_cpp", detail=str(error))

    parameters = xllamacpp.CommonParams()
    parameters.model.path = options.model
    parameters.model_alias = {options.name}
    parameters.api_keys = [key]
    parameters.port = 0
    parameters.n_parallel = PARALLEL_SLOTS
    parameters.n_ctx = PARALLEL_SLOTS * options.context_tokens
    parameters.cpuparams.n_threads = options.threads
    parameters.use_jinja = True
    parameters.ui = False
    parameters.endpoint_slots = False
    # No page in a browser has business here; by default every origin may call.
    parameters.cors_origins = "http://127.0.0.1"
    parameters.cors_credentials = False
    # Fitting probes the memory by loading the model once more, and warming up runs it once: half of the time
    # from start to ready. The context was chosen by the parent.
    parameters.fit_params = False
    parameters.warmup = False
    try:
        server = xllamacpp.Server(parameters)
    except (RuntimeError, ValueError, MemoryError) as error:
        return _report(reports, error="not_loaded", detail=str(error))
    _report(reports, port=urlsplit(server.listening_address).port)
    while True:  # the server has threads of its own; the process ends in _exit_at_end_of_input
        threading.Event().wait(3600)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="drover.local_server", description="Serve a .gguf file on loopback."
    )
    parser.add_argument("--model", required=True, metavar="FILE", help="the .gguf file")
    parser.add_argument("--name", default="local", help="the model id in answers and in the model list")
    parser.add_argument("--context-tokens", type=int, default=8192, help="context of each parallel slot")
    parser.add_argument("--threads", type=int, default=_sensible_threads(), help="threads for generation")
    return parser


def _sensible_threads() -> int:
    """One thread a physical core, for more only wait for memory; one core is left to the rest of the machine.

    The threads wait for each other many times a token. With one other busy process on two cores, two threads
    were measured at 3 to 9 tokens a second and one at 49, against 85 and 48 where nothing else ran.
    """
    if hasattr(os, "sched_getaffinity"):
        logical = len(os.sched_getaffinity(0))
    else:
        logical = os.cpu_count() or 2
    return max(1, min(_MOST_THREADS, logical - 1 if logical <= 4 else logical // 2))


def _reserve_standard_output() -> IO[str]:
    """A private copy of standard output; what llama.cpp prints there lands on standard error."""
    copy = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(copy, "w", encoding="utf-8")


def _report(reports: IO[str], **fields: object) -> int:
    print(json.dumps(fields), file=reports, flush=True)
    return 1


def _die_with_parent() -> None:
    """Asks the kernel to kill this process with its parent, where there is such a thing (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _exit_at_end_of_input() -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock, held here, would abort an interpreter that shuts down
        pass
    os._exit(0)  # there is nothing to save, and an orderly exit would wait for the answers being written


if __name__ == "__main__":
    sys.exit(main())
