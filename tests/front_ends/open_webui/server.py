"""A real Open WebUI as a process on this machine, with its data in a temporary folder and no way to the outside."""

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

READY_WITHIN = 120


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def settings(data: Path, api: str, key: str) -> dict[str, str]:
    """Its environment: what an administrator sets for our worker, and that nothing is fetched or reported."""
    return {
        # For our worker. Without the headers all its users would be one; without the bypass only admins see models.
        "OPENAI_API_BASE_URL": api,
        "OPENAI_API_KEY": key,
        "ENABLE_FORWARD_USER_INFO_HEADERS": "true",
        "ENABLE_OLLAMA_API": "false",
        "BYPASS_MODEL_ACCESS_CONTROL": "true",
        "DEFAULT_USER_ROLE": "user",
        "WEBUI_AUTH": "true",
        # Everything on that makes it ask the model more: its own memories (after every third message of a chat), summaries,
        # whole documents.
        "ENABLE_MEMORY_BACKGROUND_REVIEW": "true",
        "MEMORIES_REVIEW_INTERVAL_TURNS": "3",
        "ENABLE_CONTEXT_COMPACTION": "true",
        "ENABLE_AUTOCOMPLETE_GENERATION": "true",
        "BYPASS_EMBEDDING_AND_RETRIEVAL": "true",
        # All that it writes.
        "DATA_DIR": str(data),
        "STATIC_DIR": str(data / "static"),
        "WEBUI_SECRET_KEY": secrets.token_hex(16),
        # Nothing is fetched, nothing reported.
        "OFFLINE_MODE": "true",
        "HF_HUB_OFFLINE": "1",
        "RAG_EMBEDDING_ENGINE": "openai",
        "ENABLE_VERSION_UPDATE_CHECK": "false",
        "ANONYMIZED_TELEMETRY": "false",
        "DO_NOT_TRACK": "true",
        "SCARF_NO_ANALYTICS": "true",
        "PYTHONUNBUFFERED": "1",
    }


@contextlib.asynccontextmanager
async def open_webui(api: str, key: str):
    """Its address, while the block runs. Its log is shown when the block fails."""
    data = Path(tempfile.mkdtemp(prefix="companion-open-webui-"))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    # A proxy of this environment would see the traffic of this machine.
    inherited = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    program = Path(sys.executable).parent / "open-webui"
    log = (data / "log").open("w+b")
    # It goes when this script is killed, too.
    process = await asyncio.create_subprocess_exec(
        "setpriv", "--pdeathsig", "TERM", program, "serve", "--host", "127.0.0.1", "--port", str(port),
        cwd=data, env=inherited | settings(data, api, key), stdout=log, stderr=log,
    )
    try:
        await _ready(url, process)
        yield url
    except BaseException:
        lines = (data / "log").read_text(errors="replace").splitlines()
        told = [line for line in lines if "alembic" not in line and "HTTP/1.1" not in line]
        print("---- the end of Open WebUI's log ----", *told[-40:], sep="\n", file=sys.stderr)
        raise
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()
        log.close()
        shutil.rmtree(data, ignore_errors=True)


async def _ready(url: str, process: asyncio.subprocess.Process) -> None:
    deadline = time.monotonic() + READY_WITHIN
    async with aiohttp.ClientSession() as client:
        while time.monotonic() < deadline:
            if process.returncode is not None:
                raise AssertionError(f"Open WebUI ended with {process.returncode} before it was ready")
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with client.get(f"{url}/ready", timeout=aiohttp.ClientTimeout(total=2)) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.2)
    raise AssertionError(f"Open WebUI is not ready after {READY_WITHIN} s")
