"""What the gateway costs: CPU a request and added latency, against a proxy that does nothing.

Every path is measured in turn, over and over, so that a busy moment of the machine hits all of them
alike. Ratios are taken within a round, and the median of the rounds is shown. One worker each, in front of the same fake provider:

  direct                 no proxy at all
  nginx                  proxying, with a pool of upstream connections, no log
  bare                   Pingora with no logic (loadtest/bare_proxy.rs), same build profile
  tollgate               the gateway as configured by default, with a key to check and its access log
  tollgate to anthropic  the same client, whose requests and answers are translated
  tollgate to gemini     the same
  ungoverned             the gateway without ledger and access log; metrics have no switch
  governed               with both, and a virtual key with limits and budgets at every level

The client is always the same one, so the translated paths compare with the bare proxy too. A stream
has about a hundred events, each written by the provider on its own: `sse` as fast as it can, `sse
paced` a millisecond apart, as a fast model would.

What the last is slower than the one before it is what governing costs.

Any other pairs are measured with `--pairs 'responses to *'`: patterns of clients and the dialects of
providers, both of clients.py. Each client then has a bare proxy of its own, which its paths are held to.
"""

import argparse
import collections
import fnmatch
import json
import os
import shutil
import statistics
import subprocess

from clients import CLIENTS, PROVIDERS, SPEAKERS
from rig import ANTHROPIC, GEMINI, GOVERNED, HERE, OPENAI, UNGOVERNED
from rig import Failed, Rig, free_port, get, keep, machine, mib, program, say, table

FILLER = "The quick brown fox jumps over the lazy dog while the gateway counts its tokens. "
TEXT = FILLER * 20 + "What follows from this?"

# Load: tokens in the answer, tokens a second when it is streamed, and numbers of clients.
LOADS = {
    "json": (90, None, (1, 32)),
    "sse": (98, 1_000_000_000, (1, 32)),
    "sse paced": (98, 1000, (32,)),
}

# Gemini's streams carry several tokens in one event. The number of events is to be the same.
TOKENS_IN_EVENT = {GEMINI: 4}

# A way of a client's requests: through which process, who asks, and for which model.
Path = collections.namedtuple("Path", "process client model")
PATHS = {
    "direct": Path("direct", "chat", OPENAI),
    "nginx": Path("nginx", "chat", OPENAI),
    "bare": Path("bare", "chat", OPENAI),
    "tollgate": Path("tollgate", "chat", OPENAI),
    "tollgate to anthropic": Path("tollgate", "chat", ANTHROPIC),
    "tollgate to gemini": Path("tollgate", "chat", GEMINI),
    "ungoverned": Path("ungoverned", "chat", OPENAI),
    "governed": Path("governed", "chat", OPENAI),
}

# What is aimed at: CPU as a multiple of the bare proxy's, with 32 clients.
TARGETS = [
    ("json", "tollgate", 1.3),
    ("json", "tollgate to anthropic", 1.7),
    ("json", "tollgate to gemini", 1.7),
    ("sse", "tollgate", 1.25),
    ("sse", "tollgate to anthropic", 1.6),
    ("sse", "tollgate to gemini", 1.6),
    ("sse paced", "tollgate", 1.25),
    ("sse paced", "tollgate to anthropic", 1.6),
    ("sse paced", "tollgate to gemini", 1.6),
]
# Of the throughput without, what must be left with keys, limits, budgets, ledger and access log.
GOVERNED_LOADS, LEFT = ("json", "sse"), 0.85
IDLE_RSS = 20 << 20
# Of the pairs that are asked for: what a translation may cost, whole and streamed.
MOST = {"json": 1.7, "sse": 1.6, "sse paced": 1.6}

# A delayed acknowledgement that meets Nagle's algorithm costs 40 ms; nothing else does on loopback.
TRAP_US = 20_000

NGINX = """\
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    client_body_buffer_size 64k;
    upstream mock {{ server {mock}; keepalive 512; keepalive_requests 100000000; }}
    server {{
        listen {listen} reuseport;
        location / {{
            proxy_pass http://mock;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""


def nginx(rig, mock, binary):
    address = f"127.0.0.1:{free_port()}"
    conf = rig.dir / "nginx.conf"
    conf.write_text(NGINX.format(dir=rig.dir, mock=mock.address, listen=address))
    command = [binary, "-p", rig.dir, "-c", conf, "-g", "daemon off;"]
    return rig.start("nginx", command, address, "/health")


def bare(rig, mock, binary):
    address = f"127.0.0.1:{free_port()}"
    return rig.start("bare", [binary, address, mock.address], address, "/health")


def of_pairs(patterns):
    """The paths of all pairs that fit one of the patterns, each client's behind its own bare proxy."""
    paths = {}
    for name, client in CLIENTS.items():
        # A text completion has sixteen tokens for those who cannot know that they must ask for more.
        fit = {provider: model for provider, model in PROVIDERS.items() if provider in (name, *SPEAKERS)}
        pairs = {f"{name} to {provider}": model for provider, model in fit.items()}
        wanted = [pair for pair in pairs if any(fnmatch.fnmatch(pair, pattern) for pattern in patterns)]
        if wanted:
            paths[f"{name}: direct"] = Path("direct", name, client.own)
            paths[f"{name}: bare"] = Path("bare", name, client.own)
        paths |= {pair: Path("tollgate", name, pairs[pair]) for pair in wanted}
    if not paths:
        raise Failed(f"no pair is called so; a pair is, for example, '{next(iter(CLIENTS))} to messages'")
    return paths


def reference(path, process):
    """The path of the same client through another process."""
    return next(name for name, other in PATHS.items() if (other.process, other.client) == (process, path.client))


def write_bodies(rig):
    """One file for each load and path."""
    files = {}
    for load, (tokens, rate, _) in LOADS.items():
        for number, path in enumerate(PATHS.values()):
            many = TOKENS_IN_EVENT.get(path.model, 1) if rate else 1
            directive = f"#mock tokens={tokens * many}" + (f" rate={rate * many}" if rate else "")
            file = rig.dir / f"{load.replace(' ', '-')}-{number}.body"
            file.write_bytes(CLIENTS[path.client].body(path.model, f"{TEXT}\n{directive}", rate))
            files[load, path] = file
    return files


def url(process, load, path):
    streamed = LOADS[load][1] is not None
    return f"http://{process.address}{CLIENTS[path.client].path(path.model, streamed)}"


def check(process, name, load, body):
    """One request, whose answer must be whole; its size."""
    path = PATHS[name]
    client, streamed = CLIENTS[path.client], LOADS[load][1] is not None
    headers = dict(word.split("=", 1) for word in client.headers())
    status, answer = get(url(process, load, path), headers, body.read_bytes())
    if status != 200 or not client.is_whole(answer, streamed):
        raise Failed(f"{name} answers {load} with {status}: {answer[-300:]}")
    if streamed and not 95 <= client.events(answer) <= 112:
        raise Failed(f"{name} answers {load} with {client.events(answer)} events")
    return len(answer)


def wrk(process, load, path, clients, body, seconds):
    """Runs the load generator; its numbers, and the CPU that the process spent meanwhile."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s", "-s", HERE / "post.lua"]
    command += [url(process, load, path), "--", body, *CLIENTS[path.client].headers()]
    before = process.cpu()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=seconds + 30)
    spent = process.cpu() - before
    if done.returncode != 0:
        raise Failed(f"wrk failed: {done.stdout}{done.stderr}")
    numbers = json.loads(done.stdout.strip().splitlines()[-1])
    if numbers["failures"] or not numbers["requests"]:
        raise Failed(f"{process.name} failed {numbers['failures']} of {numbers['requests']} requests")
    numbers["cpu_us"] = spent * 1e6 / numbers["requests"]
    numbers["rate"] = numbers["requests"] / numbers["seconds"]
    return numbers


def measure(paths, files, arguments):
    """All rounds; the numbers of each round by load, clients and path."""
    rounds = {}
    for number in range(1, arguments.rounds + 1):
        for load, (_, _, widths) in LOADS.items():
            for clients in widths:
                say(f"round {number} of {arguments.rounds}: {load}, {clients} client(s)")
                for path, process in paths.items():
                    way = PATHS[path]
                    if number == 1:
                        wrk(process, load, way, clients, files[load, way], 1)
                    numbers = wrk(process, load, way, clients, files[load, way], arguments.seconds)
                    rounds.setdefault((load, clients, path), []).append(numbers)
    return rounds


def medians(rounds):
    """One entry for each load, clients and path, with what it is to the bare proxy and to none."""
    results = []
    for (load, clients, path), numbers in rounds.items():
        nothing, alone = (rounds[load, clients, reference(PATHS[path], other)] for other in ("bare", "direct"))

        def middle(name):
            return statistics.median(number[name] for number in numbers)

        def added(name):
            return statistics.median(number[name] - none[name] for number, none in zip(numbers, alone))

        ratios = [number["cpu_us"] / none["cpu_us"] for number, none in zip(numbers, nothing)]
        free = rounds.get((load, clients, "ungoverned"), []) if path == "governed" else []
        left = [number["rate"] / other["rate"] for number, other in zip(numbers, free)]
        results.append(
            {
                "load": load,
                "clients": clients,
                "path": path,
                **{name: middle(name) for name in ("rate", "cpu_us", "p50_us", "p99_us")},
                "cpu_to_bare": None if PATHS[path].process == "direct" else statistics.median(ratios),
                "rate_to_ungoverned": statistics.median(left) if left else None,
                "added_p50_us": added("p50_us"),
                "added_p99_us": added("p99_us"),
                "rounds": numbers,
            }
        )
    return results


def show(results):
    for load, (_, _, widths) in LOADS.items():
        for clients in widths:
            head = [f"{load}, {clients} client(s)", "req/s", "CPU us/req", "x bare", "p50 us", "p99 us", "+p50", "+p99"]
            rows = []
            for result in results:
                if (result["load"], result["clients"]) != (load, clients):
                    continue
                ratio = result["cpu_to_bare"]
                trap = "  <- 40 ms trap?" if clients == 1 and result["p99_us"] > TRAP_US else ""
                rows.append(
                    [
                        result["path"],
                        f"{result['rate']:.0f}",
                        f"{result['cpu_us']:.1f}",
                        "-" if ratio is None else f"{ratio:.2f}",
                        f"{result['p50_us']:.0f}",
                        f"{result['p99_us']:.0f}",
                        f"{result['added_p50_us']:.0f}",
                        f"{result['added_p99_us']:.0f}{trap}",
                    ]
                )
            table(head, rows)
            print()


def judge(results, targets, idle_rss):
    """The targets with what was measured; how many are missed."""
    measured = {(result["load"], result["clients"], result["path"]): result for result in results}
    rows = []
    for load, path, most in targets:
        ratio = measured[load, 32, path]["cpu_to_bare"]
        rows.append([f"CPU of {path}, {load}", f"<= {most:.2f}", f"{ratio:.2f}", "met" if ratio <= most else "MISSED"])
    for load in GOVERNED_LOADS:
        result = measured.get((load, 32, "governed"))
        if result:
            left = result["rate_to_ungoverned"]
            met = "met" if left >= LEFT else "MISSED"
            rows.append([f"throughput governed to not, {load}", f">= {LEFT:.2f}", f"{left:.2f}", met])
    met = "met" if idle_rss <= IDLE_RSS else "MISSED"
    rows.append(["idle memory, MiB", f"<= {mib(IDLE_RSS)}", mib(idle_rss), met])
    table(["target; CPU as a multiple of bare", "aim", "now", ""], rows)
    return sum(row[-1] == "MISSED" for row in rows)


def parse():
    parser = argparse.ArgumentParser(prog="overhead.sh")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument("--only", choices=LOADS, help="one load alone; without pairs nothing is judged")
    parser.add_argument("--pairs", nargs="+", metavar="PATTERN", help="these instead, as 'responses to *'")
    parser.add_argument("--keep", default="overhead", metavar="NAME", help="what the result is called")
    parser.add_argument("--check", action="store_true", help="fail when a target is missed")
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--bare", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--profile", required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    arguments = parse()
    if arguments.only:
        for load in set(LOADS) - {arguments.only}:
            del LOADS[load]
    if arguments.pairs:
        pairs = of_pairs(arguments.pairs)
        PATHS.clear()
        PATHS.update(pairs)
    about = machine()
    with Rig(arguments.binary) as rig:
        mock = rig.mock("--tokens", "90")
        gateway = rig.gateway(mock)
        idle_rss = gateway.memory()
        processes = {"direct": mock, "bare": bare(rig, mock, arguments.bare), "tollgate": gateway}
        for name, rules in (("ungoverned", UNGOVERNED), ("governed", GOVERNED)):
            if name in PATHS:
                processes[name] = rig.gateway(mock, rules=rules)
        found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        if found and "nginx" in PATHS:
            processes["nginx"] = nginx(rig, mock, found)
        elif PATHS.pop("nginx", None):
            say("nginx is not installed; measuring without it")
        paths = {name: processes[path.process] for name, path in PATHS.items()}
        files = write_bodies(rig)
        for load in LOADS:
            sizes = {path: check(process, path, load, files[load, PATHS[path]]) for path, process in paths.items()}
            request = files[load, next(iter(PATHS.values()))].stat().st_size
            say(f"{load}: a request of {request} bytes; answers in bytes: {sizes}")
        results = medians(measure(paths, files, arguments))
        after = {name: process.memory() for name, process in processes.items()}
    print()
    show(results)
    memory = ", ".join(f"{name} {mib(size)}" for name, size in after.items())
    print(f"memory after the load, MiB: {memory}\n")
    targets = TARGETS
    if arguments.pairs:
        pairs = [name for name, path in PATHS.items() if path.process == "tollgate"]
        targets = [(load, pair, MOST[load]) for pair in pairs for load in LOADS]
    missed = 0 if arguments.only and not arguments.pairs else judge(results, targets, idle_rss)
    about |= {"profile": arguments.profile, "rounds": arguments.rounds, "seconds": arguments.seconds}
    keep(arguments.keep, {"machine": about, "idle_rss_bytes": idle_rss, "rss_after": after, "results": results})
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    program(main)
