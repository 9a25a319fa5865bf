"""The embedded model's own process: `python -m aichat.bridge.llama_child`, started by `providers.embedded`.

It speaks two lines with its parent and serves everything else as an OpenAI-compatible HTTP server on loopback:

    parent -> stdin   {"model": "/…/model.gguf", "alias": "…", "api_key": "…", "parent": 123, …}   (`Settings`)
    stdout -> parent  {"url": "http://127.0.0.1:41234", "error": ""}                               (`Ready`)

It lives until its stdin closes. A process of its own, because the engine holds the interpreter while it loads,
takes every core while it answers, and takes its process with it when it crashes.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
from typing import Any

import msgspec

from aichat.bridge.catalogue import Sampling

# Idle OpenMP threads spin by default and would starve the service on a small machine. Read when libgomp loads.
OPENMP_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}

# Tokens of a prompt between two looks at whether the client is still there: decides how soon a cancel frees
# the slot (64: 0.5–1 s on two cores with a 0.5B model), and costs 4 % of speed against 512.
_BATCH = 64
_PROMPT_CACHE_MIB = 64  # prompts of conversations that lost their slot; the engine's default is 8 GiB
_LOG_WARNINGS = 2


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the child needs. By stdin, because argv and environment can be read by other processes."""

    model: str
    alias: str
    api_key: str
    parent: int
    threads: int
    context: int  # tokens for one conversation
    slots: int  # generations at once; more wait in line
    niceness: int = 10
    sampling: Sampling = Sampling()


class Ready(msgspec.Struct, frozen=True):
    """The one line on stdout: where the server listens, or why there is none."""

    url: str = ""
    error: str = ""


def main() -> None:
    """Serve until stdin closes, then leave at once."""
    # Ctrl-C in a terminal reaches the whole process group: the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The engine logs to stdout too. Keep the real one for the one line, and let the rest go to stderr.
    answer = os.dup(1)
    os.dup2(2, 1)
    settings = msgspec.json.decode(sys.stdin.buffer.readline(), type=Settings)
    _die_with(settings.parent)
    if hasattr(os, "nice"):
        os.nice(settings.niceness)
    os.environ.update(OPENMP_ENVIRONMENT)
    try:
        server = _serve(settings)
        ready = Ready(url=server.listening_address)
    except ImportError as error:
        ready = Ready(error=f"{error}. {_remedy(str(error))}")
    except (AttributeError, TypeError) as error:  # the engine's settings change their names now and then
        ready = Ready(error=f"this version of xllamacpp does not fit: {error}")
    except (RuntimeError, OSError) as error:
        ready = Ready(error=str(error))
    os.write(answer, msgspec.json.encode(ready) + b"\n")
    if ready.error:
        sys.exit(1)  # not os._exit: the engine's log has a thread of its own, and its last lines say what is wrong
    sys.stdin.buffer.read()
    os._exit(0)  # the engine's destructor can hang, and there is nothing to save


def _serve(settings: Settings) -> Any:
    """Load the model and listen on a free port of 127.0.0.1; returns when both are done."""
    import xllamacpp  # noqa: PLC0415  # after the environment is set; loads 100 MB

    params = xllamacpp.CommonParams()
    params.model.path = settings.model
    params.model_alias = {settings.alias}
    params.offline = True

    # Each slot has its own part of the context. In one unified pool a few long conversations together overflow
    # it, and the engine then breaks off every running generation.
    params.n_parallel = settings.slots
    params.n_ctx = settings.context * settings.slots
    params.kv_unified = False
    params.fit_params = False  # n_ctx is given: there is nothing to work out by loading the model twice
    params.n_batch = params.n_ubatch = _BATCH
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings.threads

    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [settings.api_key]
    params.cors_origins = ""
    params.cors_credentials = False
    params.ui = False
    params.endpoint_slots = False  # it shows what others are generating
    params.verbosity = _LOG_WARNINGS

    sampling = settings.sampling
    params.sampling.temp = sampling.temperature
    params.sampling.top_p = sampling.top_p
    params.sampling.top_k = sampling.top_k
    params.sampling.min_p = sampling.min_p
    params.sampling.penalty_repeat = sampling.repeat_penalty
    return xllamacpp.Server(params)


def _remedy(error: str) -> str:
    """What to do about an engine that does not import: the package, or a library of the system, is missing."""
    library = re.search(r"lib(gomp|stdc\+\+)\.so[.\d]*", error)
    if library is None:
        return "Install it with: pip install 'aichat[embedded]'"
    package = {"gomp": "libgomp1", "stdc++": "libstdc++6"}[library[1]]
    return f"It belongs to the system; on Debian: apt install {package}"


def _die_with(parent: int) -> None:
    """On Linux the kernel ends this process with its parent, even while the engine loads and hears no stdin."""
    if sys.platform == "linux":
        death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL)
        if os.getppid() != parent:  # it went before the line above
            os._exit(1)


if __name__ == "__main__":
    main()
