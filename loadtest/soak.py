"""Load of every kind for some minutes: what the gateway holds before, meanwhile and after.

The clients are plain sockets, so that fifteen hundred of them fit beside what they measure: large bodies,
streams that are read slowly, clients that leave, and reloads.
"""

import argparse
import asyncio
import json
import os
import pathlib
import random
import signal
import time

from rig import ANTHROPIC, GEMINI, KEY, OPENAI
from rig import Failed, Rig, get, keep, machine, mib, program, raise_file_limit, say, table, verdict

# How much more than at the beginning may be held a while after all clients went.
GROWTH = 30 << 20
# Files and threads that come and go by themselves.
SPARE_FILES, SPARE_THREADS = 16, 4
# How long after the end it is looked at again: connections to the provider are kept for a minute.
REST = 75

MODELS = [OPENAI, ANTHROPIC, GEMINI]


class Load:
    """What the clients do, and what comes of it."""

    def __init__(self, gateway, arguments):
        self.host, self.port = gateway.address.split(":")
        self.filler = "All work and no play makes a gateway dull. " * (arguments.body * 1024 // 43 + 1)
        self.until = time.monotonic() + arguments.minutes * 60
        self.asked = self.failed = self.left = 0
        self.why = []

    def request(self, model, stream, directive):
        text = f"{self.filler}\n#mock {directive}"
        body = json.dumps({"model": model, "stream": stream, "messages": [{"role": "user", "content": text}]})
        return (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: soak\r\nauthorization: Bearer {KEY}\r\n"
            f"x-tollgate-cache: off\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
        ).encode()

    async def client(self, number):
        """One client, which asks again and again on its connection, and now and then leaves in the middle."""
        chance = random.Random(number)
        reader = writer = None
        while time.monotonic() < self.until:
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection(self.host, int(self.port), limit=1 << 20)
                stream = chance.random() < 0.5
                directive = "tokens=40 rate=40" if stream else "tokens=20"
                writer.write(self.request(chance.choice(MODELS), stream, directive))
                await writer.drain()
                self.asked += 1
                if stream and chance.random() < 0.2:
                    await asyncio.wait_for(reader.readuntil(b"data: "), 60)
                    writer.transport.abort()
                    writer, self.left = None, self.left + 1
                    continue
                await asyncio.wait_for(self.read(reader, stream), 120)
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, Failed) as wrong:
                self.failed += 1
                self.why.append(f"{type(wrong).__name__}: {wrong}"[:200])
                if writer is not None:
                    writer.transport.abort()
                writer = None
                await asyncio.sleep(0.2)
            await asyncio.sleep(chance.random())
        if writer is not None:
            writer.transport.abort()

    async def read(self, reader, stream):
        """Reads an answer to its end."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        if " 200 " not in head.split("\r\n", 1)[0]:
            raise Failed(f"an answer of {head.splitlines()[0]}")
        if "transfer-encoding: chunked" not in head:
            length = int(head.split("content-length: ", 1)[1].split("\r\n", 1)[0])
            await reader.readexactly(length)
            return
        last = b""
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            last = (last + (await reader.readexactly(size + 2))[:-2])[-64:]
        await reader.readexactly(2)
        if stream and b"[DONE]" not in last:
            raise Failed("a stream without its end")


def held(gateway):
    """What the process holds now."""
    status = pathlib.Path(f"/proc/{gateway.pid}/status").read_text()
    threads = int(status.split("Threads:", 1)[1].split()[0])
    return {"rss_bytes": gateway.memory(), "files": len(os.listdir(f"/proc/{gateway.pid}/fd")), "threads": threads}


async def watch(gateway, load, seen):
    """Looks now and then, and reloads the configuration."""
    while time.monotonic() < load.until:
        await asyncio.sleep(5)
        seen.append({"at": time.time(), **held(gateway)})
        gateway.point(f"{'openai' if len(seen) % 2 else 'anthropic'}/{OPENAI if len(seen) % 2 else ANTHROPIC}")
        os.kill(gateway.pid, signal.SIGHUP)


async def run(gateway, arguments, seen):
    load = Load(gateway, arguments)
    clients = [load.client(number) for number in range(arguments.clients)]
    await asyncio.gather(watch(gateway, load, seen), *clients)
    return load


def idle(gateway, seconds=30):
    """Until no request runs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        _, page = get(f"http://{gateway.admin}/status")
        status = json.loads(page)
        if status["in_flight"] == 0:
            return status
        time.sleep(0.2)
    raise Failed("requests still run although all clients have gone")


def main():
    parser = argparse.ArgumentParser(prog="soak.sh", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=1500, help="connections at a time")
    parser.add_argument("--body", type=int, default=150, help="KiB of each request")
    parser.add_argument("--peak", type=int, default=300, help="MiB that may be held at most")
    parser.add_argument("--rest", type=float, default=REST, help="seconds until it is looked at again")
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    files, about, seen, wrong = raise_file_limit(), machine(), [], []
    if arguments.clients > (files - 500) // 2:
        raise Failed(f"a process may open {files} files here, and each client needs two")
    with Rig(arguments.binary) as rig:
        gateway = rig.gateway(rig.mock())
        # What is made once is made.
        warm = argparse.Namespace(**{**vars(arguments), "minutes": 0.05, "clients": 8})
        asyncio.run(run(gateway, warm, []))
        idle(gateway)
        before = held(gateway)
        say(f"{arguments.clients} clients with bodies of {arguments.body} KiB for {arguments.minutes:g} min")
        load = asyncio.run(run(gateway, arguments, seen))
        status = idle(gateway)
        peak = gateway.memory("VmHWM")
        time.sleep(arguments.rest)
        after = held(gateway)
    print()
    rows = [(name, [state[key] for key in ("rss_bytes", "files", "threads")]) for name, state in
            [("before", before), *([("in the middle", seen[len(seen) // 2])] if seen else []), ("after", after)]]
    table(["", "RSS MiB", "files", "threads"], [[name, mib(state[0]), *state[1:]] for name, state in rows])
    print(f"\n{load.asked} requests, {load.failed} failed, {load.left} left in the middle; {mib(peak)} MiB at most")
    if load.failed:
        wrong.append(f"{load.failed} requests failed: {'; '.join(sorted(set(load.why))[:5])}")
    if after["rss_bytes"] - before["rss_bytes"] > GROWTH:
        wrong.append(f"it holds {mib(after['rss_bytes'] - before['rss_bytes'])} MiB more than before")
    if peak > arguments.peak << 20:
        wrong.append(f"it held {mib(peak)} MiB at most, more than {arguments.peak}")
    if after["files"] > before["files"] + SPARE_FILES or after["threads"] > before["threads"] + SPARE_THREADS:
        wrong.append(f"files or threads are left: {before} before, {after} after")
    if status["held_bytes"]:
        wrong.append(f"{status['held_bytes']} bytes of bodies are held for nobody")
    result = {"machine": about, "minutes": arguments.minutes, "clients": arguments.clients, "body_kib": arguments.body,
              "requests": load.asked, "failed": load.failed, "left": load.left, "peak_bytes": peak,
              "before": before, "after": after}
    keep("soak", result)
    return verdict(wrong)


if __name__ == "__main__":
    program(main)
