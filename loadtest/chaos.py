"""A provider that fails in every way under load, with and without another one behind it."""

import argparse
import json
import subprocess
import time

from rig import CONFIG, HERE, KEY, OPENAI, Failed, Rig, free_port, get, keep, machine, mib, program, say, table, verdict

# What fails, and the model whose name tells the fake provider to fail so.
FAULTS = {
    "429": "bad/mock-error-429",
    "500": "bad/mock-error-500",
    "503": "bad/mock-error-503",
    "html": "bad/mock-html",
    "hangs": "bad/mock-hang",
    "slow": "bad/mock-first-2000",
    "error-event": "bad/mock-stream_error-0",
    "cut": "bad/mock-cut-0",
    "not-there": "gone/any",
}
# Those that only streams have.
OF_STREAMS = {"error-event", "cut"}

# How long the slowest may take: the time-out of an attempt, the other provider, and a crowded machine.
BOUND_MS = 5000

HEAD = ["the provider", "requests", "failed alone", "failed with another", "told wrongly", "p99 ms alone", "p99 ms", "max ms"]


def config(mock, port, admin, folder):
    """The usual configuration, and two routes for each fault."""
    text = CONFIG.format(
        port=port, admin=admin, threads=1, key=KEY, dir=folder, mock=f"http://{mock.address}", steady=f"openai/{OPENAI}"
    )
    text = text.replace(
        "providers:\n",
        "providers:\n"
        f'  bad: {{ vendor: custom, api_key: mock, base_url: "http://{mock.address}/v1" }}\n'
        f'  gone: {{ vendor: custom, api_key: mock, base_url: "http://127.0.0.1:{free_port()}/v1" }}\n',
    )
    times = "timeouts: { connect: 500ms, first_byte: 500ms }"
    routes = []
    for fault, target in FAULTS.items():
        routes.append(f"  alone-{fault}: {{ targets: [{target}], {times} }}")
        routes.append(f"  held-{fault}: {{ targets: [{target}, openai/{OPENAI}], {times} }}")
    return text + "cache: off\nroutes:\n" + "\n".join(routes) + "\n"


def gateway(rig, mock):
    port, admin = free_port(), free_port()
    path = rig.dir / "chaos.yaml"
    path.write_text(config(mock, port, admin, rig.dir / "data"))
    started = rig.start("tollgate", [rig.binary, "serve", "--config", path], f"127.0.0.1:{port}", "/health")
    started.admin, started.config = f"127.0.0.1:{admin}", path
    return started


def one(rig, gateway, fault, arguments):
    path = rig.dir / f"{fault}.json"
    told = {
        "BASE": f"http://{gateway.address}",
        "SUMMARY": str(path),
        "VUS": str(arguments.vus),
        "DURATION": f"{arguments.duration}s",
        "FAULT": fault,
        "STREAMS": "1" if fault in OF_STREAMS else "",
    }
    command = [arguments.k6, "run", "--quiet", "--no-color", "--no-usage-report", "--address", ""]
    for key, value in told.items():
        command += ["--env", f"{key}={value}"]
    say(f"{fault}: {arguments.vus} clients for {arguments.duration:g} s")
    ran = subprocess.run([*command, str(HERE / "chaos.js")], timeout=arguments.duration + 90, check=False)
    if not path.exists():
        raise Failed(f"k6 ended with status {ran.returncode} and no summary")
    metrics = json.loads(path.read_text())["metrics"]

    def value(metric, key):
        return metrics.get(metric, {}).get("values", {}).get(key) or 0

    result = {"fault": fault}
    for route in ("alone", "held"):
        counts = {what: int(value(f"{what}_{route}", "count")) for what in ("right", "refused", "wrong")}
        took = {"p99_ms": value(f"took_{route}", "p(99)"), "max_ms": value(f"took_{route}", "max")}
        result[route] = {**counts, "requests": sum(counts.values()), **took}
    return result


def rows_in_ledger(gateway):
    """How many requests the ledger has, once none runs and all are moved into it."""
    end, last = time.monotonic() + 10, None
    while time.monotonic() < end:
        _, page = get(f"http://{gateway.admin}/status")
        status = json.loads(page)
        command = [gateway.binary, "--config", str(gateway.config), "usage", "--from", "1h", "--json"]
        told = subprocess.run(command, capture_output=True, check=False, timeout=30)
        total = total_of(told.stdout)
        if status["in_flight"] == 0 and total == last:
            return status, total
        last = total
        time.sleep(0.5)
    raise Failed("requests still run although all clients have gone")


def total_of(text):
    """The requests of all groups, of which each has a line."""
    try:
        return sum(json.loads(line).get("requests", 0) for line in text.splitlines() if line.strip())
    except ValueError:
        return None


def share(result):
    return f"{100 * (result['requests'] - result['right']) / max(1, result['requests']):.1f} %"


def row(result):
    alone, held = result["alone"], result["held"]
    return [
        result["fault"],
        alone["requests"] + held["requests"],
        share(alone),
        share(held),
        alone["wrong"] + held["wrong"],
        f"{alone['p99_ms']:.0f}",
        f"{held['p99_ms']:.0f}",
        f"{max(alone['max_ms'], held['max_ms']):.0f}",
    ]


def complaints(result, spared):
    """What is not as it should be; `spared` are further attempts that the budget for them may have refused."""
    alone, held, fault = result["alone"], result["held"], result["fault"]
    if not alone["requests"] or not held["requests"]:
        yield f"{fault}: nothing was asked"
    if alone["wrong"] + held["wrong"]:
        yield f"{fault}: {alone['wrong'] + held['wrong']} clients were told something that is no answer and no refusal"
    if max(alone["max_ms"], held["max_ms"]) > BOUND_MS:
        yield f"{fault}: somebody waited for {max(alone['max_ms'], held['max_ms']):.0f} ms"
    if held["refused"] > spared:
        yield f"{fault}: {held['refused']} of {held['requests']} failed although another provider could have answered"
    if alone["right"]:
        yield f"{fault}: {alone['right']} answers came from nowhere"


def main():
    parser = argparse.ArgumentParser(prog="chaos.sh", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"smoke, or some of {', '.join(FAULTS)}")
    parser.add_argument("--duration", type=float, default=5, help="seconds for each fault")
    parser.add_argument("--vus", type=int, default=16, help="clients at a time")
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--k6", required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    smoke = arguments.names == ["smoke"]
    if smoke:
        arguments.names, arguments.vus, arguments.duration = [], 8, 1
    if unknown := set(arguments.names) - set(FAULTS):
        parser.error(f"unknown fault {', '.join(sorted(unknown))}")
    about, wrong = machine(), []
    with Rig(arguments.binary) as rig:
        subject = gateway(rig, rig.mock())
        subject.binary = rig.binary
        about["idle_rss_bytes"] = subject.memory()
        results = [one(rig, subject, fault, arguments) for fault in arguments.names or FAULTS]
        status, kept = rows_in_ledger(subject)
        about["rss_bytes_after"], about["rss_bytes_peak"] = subject.memory(), subject.memory("VmHWM")
    print()
    table(HEAD, [row(result) for result in results])
    asked = sum(result[route]["requests"] for result in results for route in ("alone", "held"))
    print(f"\n{asked} requests, {kept} rows in the ledger; {mib(about['idle_rss_bytes'])} MiB before, "
          f"{mib(about['rss_bytes_after'])} MiB after, {mib(about['rss_bytes_peak'])} MiB at most")
    for result in results:
        wrong += complaints(result, 0.02 * result["held"]["requests"])
    if kept is None or kept < asked:
        wrong.append(f"the ledger has {kept} rows of {asked} requests")
    if status["held_bytes"]:
        wrong.append(f"{status['held_bytes']} bytes are held for nobody")
    if not smoke:
        keep("chaos", {"machine": about, "clients": arguments.vus, "rows": kept, "faults": results})
    return verdict(wrong)


if __name__ == "__main__":
    program(main)
