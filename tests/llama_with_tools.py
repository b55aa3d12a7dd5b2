"""A real llama.cpp server whose model can call tools: run as a process, it prints its address and stays.

SmolLM2's own template says nothing of tools, so that llama.cpp would leave them out; this one does. The tiny
model would not call one by itself: `FORCED` in a request has it begin with a call, which the server's grammar
then makes whole, and end after it.
"""

from __future__ import annotations

import sys
import threading

FORCED = {"logit_bias": [["<tool_call>\n", 8], [2, 28]]}
"""Extra keys of a request: letters with which a call begins, and the end of the message (token 2)."""

_TEMPLATE = r"""{%- if tools -%}
{{- '<|im_start|>system\nYou can call these functions:\n<tools>' -}}
{%- for tool in tools -%}{{- '\n' + (tool | tojson) -}}{%- endfor -%}
{{- '\n</tools>\nTo call one, write <tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>' -}}
{{- '<|im_end|>\n' -}}
{%- endif -%}
{%- for message in messages -%}
{%- if message.role == 'tool' -%}
{{- '<|im_start|>user\n<tool_response>\n' + message.content + '\n</tool_response><|im_end|>\n' -}}
{%- else -%}
{{- '<|im_start|>' + message.role + '\n' -}}
{%- if message.content -%}{{- message.content -}}{%- endif -%}
{%- if message.tool_calls -%}
{%- for call in message.tool_calls -%}
{{- '\n<tool_call>\n{"name": "' -}}{{- call.function.name -}}{{- '", "arguments": ' -}}
{{- call.function.arguments | tojson -}}{{- '}\n</tool_call>' -}}
{%- endfor -%}
{%- endif -%}
{{- '<|im_end|>\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"""


def main(model: str) -> None:
    """Serves until the process is killed."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.port = 0
    parameters.n_ctx = 2048
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = 1  # two wait for each other on a busy machine
    parameters.use_jinja = True
    parameters.chat_template = _TEMPLATE
    parameters.fit_params = False
    parameters.warmup = False
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1])
