"""Many open streams that say nothing for a long time, as those of a model that thinks.

k6 hands a body over only when it is complete, so a script could not tell an open stream from a dead
one, and it takes 0.2 MB a client. These clients are plain sockets.
"""

import asyncio
import json
import time

import secure
from rig import KEY, OPENAI, get, raise_file_limit, say

# Sockets are opened by so many clients at a time.
AT_A_TIME = 64
# Files that are open for other reasons.
SPARE = 500

# The provider writes the opening and one token at once, and the next token a minute later.
QUIET = OPENAI, "#mock tokens=20 rate=0.0166"


def request(host):
    model, directive = QUIET
    body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": directive}]})
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {KEY}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def open_stream(host, port, sent, turnstile, streams):
    """Opens one stream and waits for its first event; whether it came."""
    async with turnstile:
        try:
            reader, writer = await asyncio.open_connection(host, port)
            streams.append((reader, writer))
            writer.write(sent)
            await asyncio.wait_for(reader.readuntil(b"data: {"), 30)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return False
    return True


async def hold(gateway, count, seconds):
    """Opens the streams, waits, and counts those that are still open."""
    host, port = gateway.address.split(":")
    sent, turnstile, streams = request(gateway.address), asyncio.Semaphore(AT_A_TIME), []
    began, cpu = time.monotonic(), gateway.cpu()
    opened = await asyncio.gather(*(open_stream(host, port, sent, turnstile, streams) for _ in range(count)))
    opening, opening_cpu = time.monotonic() - began, gateway.cpu() - cpu
    full, cpu = gateway.memory(), gateway.cpu()
    await asyncio.sleep(seconds)
    idle_cpu = gateway.cpu() - cpu
    status, _ = await asyncio.to_thread(get, f"http://{gateway.address}/health")
    alive = sum(not reader.at_eof() for reader, _ in streams)
    for _, writer in streams:
        writer.transport.abort()
    return {
        "opened": sum(opened),
        "alive": alive,
        "healthy": status == 200,
        "opening_seconds": opening,
        "opening_cpu_us_per_stream": opening_cpu * 1e6 / count,
        "idle_cpu_share": idle_cpu / seconds,
        "full_bytes": full,
    }


def measure(rig, gateway, mock, arguments):
    """The scenario; its numbers in the form of the others."""
    count, seconds, files = arguments.streams, arguments.duration, raise_file_limit()
    most = (files - SPARE) // 2
    if count > most:
        # Over HTTP/2 many streams share a connection to the provider, as they do in production.
        say(f"idle: a process may open {files} files here, and over HTTP/1.1 each stream needs two")
        if front := secure.front(rig, mock, files):
            gateway = rig.gateway(front, arguments.threads, front.authority)
        else:
            say(f"idle: {most} streams instead")
            count = most
    before, gone_before = gateway.memory(), broken_off(mock)
    held = asyncio.run(hold(gateway, count, seconds))
    left_open = wait_until_gone(mock, gone_before + held["opened"])
    lost = count - min(held["opened"], held["alive"])
    result = {
        "scenario": f"idle {count}",
        "requests": count,
        "requests_per_second": count / held["opening_seconds"],
        "failures": lost,
        "cpu_us_per_request": held["opening_cpu_us_per_stream"],
        "cpu_share_while_idle": held["idle_cpu_share"],
        "bytes_per_stream": (held["full_bytes"] - before) / count,
        "rss_bytes": held["full_bytes"],
        "rss_bytes_after": gateway.memory(),
        "upstream_left_open": left_open,
        "passed": lost == 0 and held["healthy"] and left_open == 0,
    }
    say(
        f"idle: {result['bytes_per_stream'] / 1024:.0f} KiB a stream, "
        f"{result['cpu_share_while_idle'] * 100:.1f} % of a core while idle, "
        f"{left_open} upstream streams left open after all clients went"
    )
    return result


def broken_off(mock):
    """How many streams the provider had to give up because the gateway closed them."""
    _, page = get(f"http://{mock.address}/__mock/stats")
    return json.loads(page)["client_gone"]


def wait_until_gone(mock, goal, seconds=5):
    """Every client went at once; how many streams the provider still writes after a while."""
    end = time.monotonic() + seconds
    while True:
        left = goal - broken_off(mock)
        if left <= 0 or time.monotonic() > end:
            return max(0, left)
        time.sleep(0.1)
