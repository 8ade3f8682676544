"""What the load tests share: processes on free loopback ports, their CPU and memory, and results.

A rig starts only what it stops, by process id, and needs nothing beyond Python and Linux's /proc.
"""

import datetime
import json
import os
import pathlib
import platform
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
KEY = "loadtest"
TICK = os.sysconf("SC_CLK_TCK")

OPENAI, ANTHROPIC, GEMINI = "gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash"

CONFIG = """\
listen: 127.0.0.1:{port}
admin: {{ listen: "127.0.0.1:{admin}" }}
threads: {threads}
master_key: {key}
data_dir: {dir}
log: {{ level: warn, access: {access} }}
discovery: {{ interval: "off" }}
shutdown: {{ drain: 2s }}
providers:
  openai: {{ api_key: mock, base_url: "{mock}/v1" }}
  anthropic: {{ api_key: mock, base_url: "{mock}" }}
  gemini: {{ api_key: mock, base_url: "{mock}/v1beta" }}
  bedrock: {{ api_key: mock, base_url: "{mock}" }}
  responses: {{ vendor: custom, dialect: openai_responses, api_key: mock, base_url: "{mock}/v1" }}
  ollama: {{ base_url: "{mock}/v1", dialects: [ollama_chat] }}
aliases: {{ steady: {steady}, answers: responses/gpt-4o-mini, llamas: ollama/llama3.2 }}
"""

# What a gateway keeps account of: everything, with a key whose every level has limits and budgets that
# are never reached, or nothing that can be left out.
GOVERNED = """\
keys:
  load:
    key: {key}
    owner: acme/search/api
    labels: [prod]
    limits: [{{ requests: 100000000, per: minute }}, {{ tokens: 100000000000, per: hour }}, {{ concurrency: 100000 }}]
    budgets: [{{ usd: 1000000, per: month }}]
owners:
  acme: {{ limits: [{{ requests: 100000000 }}], budgets: [{{ usd: 1000000, per: day }}] }}
  acme/search: {{ limits: [{{ tokens: 100000000000, per: hour }}] }}
labels:
  prod: {{ budgets: [{{ usd: 1000000, per: month }}] }}
"""
UNGOVERNED = """\
ledger: {{ enabled: false }}
"""


class Failed(Exception):
    """What ends a run, in one sentence."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url, headers=None, body=None, timeout=5):
    """Status and body of a request; an error status is no exception."""
    request = urllib.request.Request(url, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class Process:
    """One process that the rig has started."""

    def __init__(self, name, command, log, address, environment):
        self.name, self.address, self.log = name, address, log
        own = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        environment = {**own, **environment}
        with open(log, "wb") as out:
            self.child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
        self.pid = self.child.pid

    def wait_until_up(self, path, seconds=10):
        """Until it answers; one without a path to ask for, until it takes a connection."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.child.poll() is not None:
                raise Failed(f"{self.name} ended with status {self.child.returncode}:\n{self.tail()}")
            try:
                if path is None:
                    socket.create_connection(self.address.split(":"), timeout=1).close()
                    return self
                status, _ = get(f"http://{self.address}{path}", timeout=1)
                if status < 500:
                    return self
            except OSError:
                pass
            time.sleep(0.02)
        raise Failed(f"{self.name} did not come up within {seconds} s:\n{self.tail()}")

    def tail(self):
        lines = pathlib.Path(self.log).read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-10:])

    def tree(self):
        """This process and its children: nginx does its work in one."""
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def cpu(self):
        """CPU seconds used so far, user and system, all threads."""
        total = 0
        for pid in self.tree():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def memory(self, field="VmRSS"):
        """Resident memory in bytes; VmHWM is its peak."""
        total = 0
        for pid in self.tree():
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(f"{field}:"):
                    total += int(line.split()[1]) * 1024
        return total

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(4)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


class Rig:
    """A folder for configuration and logs, and the processes that were started in it."""

    def __init__(self, binary):
        self.binary = str(binary)
        self.processes = []

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        raise_file_limit()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tollgate-loadtest-"))
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, name, command, address, path, environment={}):
        log = self.dir / f"{name}-{len(self.processes)}.log"
        process = Process(name, [str(word) for word in command], log, address, environment)
        self.processes.append(process)
        return process.wait_until_up(path)

    def mock(self, *options):
        address = f"127.0.0.1:{free_port()}"
        return self.start("mock", [self.binary, "mock", "--listen", address, *options], address, "/health")

    def gateway(self, mock, threads=1, trusted=None, rules=""):
        """The gateway in front of the mock, or of one behind TLS that this authority vouches for; `rules` is
        what it keeps account of, where that is not what the configuration says by itself."""
        port, admin = free_port(), free_port()
        config = self.dir / f"tollgate-{port}.yaml"
        url = f"https://localhost:{mock.address.split(':')[1]}" if trusted else f"http://{mock.address}"
        said = dict(port=port, admin=admin, threads=threads, dir=self.dir / str(port), mock=url)
        said |= dict(key=KEY, access="false" if rules == UNGOVERNED else "true")
        # Where a virtual key is shown, the master key is another.
        text = (CONFIG.replace("{key}", "master-{key}", 1) if rules == GOVERNED else CONFIG) + rules

        def point(steady):
            """Writes the configuration as one step, as an operator's tool would."""
            fresh = config.with_suffix(".fresh")
            fresh.write_text(text.format(**said, steady=steady))
            fresh.replace(config)

        point(f"openai/{OPENAI}")
        command = [self.binary, "serve", "--config", config]
        environment = {"SSL_CERT_FILE": str(trusted)} if trusted else {}
        gateway = self.start("tollgate", command, f"127.0.0.1:{port}", "/health", environment)
        gateway.admin, gateway.point = f"127.0.0.1:{admin}", point
        return gateway


def raise_file_limit():
    """As many open files as the system allows, for the processes started as well."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def machine():
    """Where the numbers were measured, as far as they depend on it."""
    model = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    load = os.getloadavg()[0]
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load_before": round(load, 2)}


def keep(name, result):
    """Writes a result under loadtest/results and says where."""
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    path = folder / f"{today}-{name}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    say(f"kept in loadtest/results/{path.name}")


def verdict(wrong):
    """Says what is wrong, one by one, and whether that is nothing; the status to end with."""
    for complaint in wrong:
        say(f"FAILED: {complaint}")
    say("FAILED" if wrong else "passed")
    return 1 if wrong else 0


def program(main):
    """Runs a measurement as a program, which a failure ends with its words."""
    try:
        sys.exit(main())
    except Failed as failure:
        say(f"FAILED: {failure}")
        sys.exit(1)


def table(head, rows):
    """Prints rows under a head, the first column to the left and numbers to the right."""
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    for number, row in enumerate(cells):
        first = row[0].ljust(widths[0])
        rest = "  ".join(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))
        print(f"{first}  {rest}".rstrip())
        if number == 0:
            print("-" * (sum(widths) + 2 * (len(widths) - 1)))
    sys.stdout.flush()


def mib(size):
    return f"{size / (1 << 20):.1f}"
