"""Runs the k6 scripts against a gateway of its own, and measures the gateway meanwhile."""

import argparse
import json
import os
import signal
import subprocess
import threading
import time

import idle
from rig import ANTHROPIC, GEMINI, HERE, OPENAI, Failed, Rig, get, keep, machine, mib, program, say, table

# Name: script and what it is told.
SCENARIOS = {
    "json": ("chat-json.js", {"MODEL": OPENAI}),
    "json-anthropic": ("chat-json.js", {"MODEL": ANTHROPIC}),
    "json-gemini": ("chat-json.js", {"MODEL": GEMINI}),
    "sse": ("chat-sse.js", {"MODEL": OPENAI}),
    "sse-anthropic": ("chat-sse.js", {"MODEL": ANTHROPIC}),
    "sse-gemini": ("chat-sse.js", {"MODEL": GEMINI}),
    "mixed": ("mixed-dialects.js", {}),
    "cache": ("cache.js", {}),
    "cache-hits": ("cache.js", {"REPEAT": "1"}),
    "cache-misses": ("cache.js", {"REPEAT": "0"}),
    "cache-off": ("cache.js", {"REPEAT": "0", "CACHE": "off"}),
    "reload": ("reload.js", {}),
}

SMOKE = {"mixed": 1.0, "sse": 1.0, "json": 1.0, "cache": 1.0, "reload": 1.0}
SMOKE_IDLE = 200

# How often the configuration changes under load.
RELOAD_EVERY = 0.1

HEAD = ["scenario", "requests", "req/s", "p50 ms", "p95 ms", "p99 ms", "ttft p99", "failures", "CPU us/req", "RSS MiB"]


class Reloads:
    """Turns the route `steady` around and sends SIGHUP until told to stop."""

    def __init__(self, gateway):
        self.gateway, self.count, self.stop = gateway, 0, threading.Event()
        self.thread = threading.Thread(target=self.turn)

    def __enter__(self):
        self.first = generation(self.gateway)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        time.sleep(0.3)
        last = generation(self.gateway)
        self.gateway.point(f"openai/{OPENAI}")
        # Signals that arrive together may be taken as one, so a good part of them is all one can ask.
        if last - self.first < self.count / 4:
            raise Failed(f"{self.count} reloads were asked for, {last - self.first} happened")

    def turn(self):
        targets = [f"anthropic/{ANTHROPIC}", f"gemini/{GEMINI}", f"openai/{OPENAI}"]
        while not self.stop.wait(RELOAD_EVERY):
            self.gateway.point(targets[self.count % len(targets)])
            os.kill(self.gateway.pid, signal.SIGHUP)
            self.count += 1


def generation(gateway):
    _, page = get(f"http://{gateway.admin}/status")
    status = json.loads(page)
    if status["refused_reload"]:
        raise Failed(f"a reload was refused: {status['refused_reload']}")
    return status["generation"]


def k6(rig, gateway, name, arguments):
    """Runs one scenario; its numbers."""
    script, told = SCENARIOS[name]
    path = rig.dir / f"{name}.json"
    told = {
        **told,
        "BASE": f"http://{gateway.address}",
        "SUMMARY": str(path),
        "VUS": str(arguments.vus),
        "DURATION": f"{arguments.duration}s",
    }
    command = [arguments.k6, "run", "--quiet", "--no-color", "--no-usage-report", "--address", ""]
    for key, value in told.items():
        command += ["--env", f"{key}={value}"]
    say(f"{name}: {arguments.vus} clients for {arguments.duration:g} s")
    before = gateway.cpu()
    limit = arguments.duration + 60
    status = subprocess.run([*command, str(HERE / script)], timeout=limit, check=False).returncode
    spent = gateway.cpu() - before
    if not path.exists():
        raise Failed(f"k6 ended with status {status} and no summary")
    return read_summary(json.loads(path.read_text()), name, spent, gateway, status)


def read_summary(summary, name, spent, gateway, status):
    metrics = summary["metrics"]

    def value(metric, key):
        return metrics.get(metric, {}).get("values", {}).get(key)

    requests = value("http_reqs", "count") or 0
    failures = (value("http_req_failed", "passes") or 0) + (value("checks", "fails") or 0)
    return {
        "scenario": name,
        "requests": requests,
        "requests_per_second": value("http_reqs", "rate"),
        "p50_ms": value("http_req_duration", "med"),
        "p95_ms": value("http_req_duration", "p(95)"),
        "p99_ms": value("http_req_duration", "p(99)"),
        "ttft_p50_ms": value("ttft", "med"),
        "ttft_p99_ms": value("ttft", "p(99)"),
        "failures": failures,
        "cpu_us_per_request": spent * 1e6 / requests if requests else None,
        "rss_bytes": gateway.memory(),
        "passed": status == 0 and failures == 0 and requests > 0,
    }


def row(result):
    def shown(key, form="{:.2f}"):
        return "-" if result.get(key) is None else form.format(result[key])

    return [
        result["scenario"],
        shown("requests", "{}"),
        shown("requests_per_second", "{:.0f}"),
        shown("p50_ms"),
        shown("p95_ms"),
        shown("p99_ms"),
        shown("ttft_p99_ms"),
        shown("failures", "{}"),
        shown("cpu_us_per_request", "{:.0f}"),
        mib(result["rss_bytes"]),
    ]


def scenario(rig, gateway, mock, name, arguments):
    if name == "idle":
        say(f"idle: {arguments.streams} open streams for {arguments.duration:g} s")
        return idle.measure(rig, gateway, mock, arguments)
    if name == "reload":
        with Reloads(gateway) as reloads:
            result = k6(rig, gateway, name, arguments)
        result["reloads"] = reloads.count
        return result
    return k6(rig, gateway, name, arguments)


def parse():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__)
    parser.add_argument("names", nargs="*", default=["all"], help=f"smoke, all, idle, {', '.join(SCENARIOS)}")
    parser.add_argument("--duration", type=float, default=10, help="seconds for each scenario")
    parser.add_argument("--vus", type=int, default=16, help="clients at a time")
    parser.add_argument("--streams", type=int, default=10_000, help="open streams of the scenario idle")
    parser.add_argument("--threads", type=int, default=1, help="workers of the gateway")
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--k6", required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.names == ["all"]:
        arguments.names = [*SCENARIOS, "idle"]
    unknown = set(arguments.names) - {*SCENARIOS, "idle", "smoke"}
    if unknown:
        parser.error(f"unknown scenario {', '.join(sorted(unknown))}")
    return arguments


def main():
    arguments = parse()
    smoke = arguments.names == ["smoke"]
    if smoke:
        arguments.names, arguments.vus, arguments.streams = [*SMOKE, "idle"], 4, SMOKE_IDLE
    about, results, began = machine(), [], time.monotonic()
    with Rig(arguments.binary) as rig:
        mock = rig.mock()
        gateway = rig.gateway(mock, arguments.threads)
        about["idle_rss_bytes"] = gateway.memory()
        for name in arguments.names:
            if smoke:
                arguments.duration = SMOKE.get(name, 0.5)
            results.append(scenario(rig, gateway, mock, name, arguments))
    print()
    table(HEAD, [row(result) for result in results])
    print(f"\nthe gateway, {arguments.threads} worker(s), took {mib(about['idle_rss_bytes'])} MiB before any request")
    failed = [result["scenario"] for result in results if not result["passed"]]
    if not smoke:
        name = "-".join(arguments.names) if len(arguments.names) <= 3 else "run"
        keep(name, {"machine": about, "threads": arguments.threads, "clients": arguments.vus, "scenarios": results})
    say(f"{'FAILED: ' + ', '.join(failed) if failed else 'passed'} in {time.monotonic() - began:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    program(main)
