"""A gateway of one's own: the real binary and its fake provider, in a folder that is thrown away."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

BINARY = os.environ.get("TOLLGATE_BIN") or os.path.join(os.path.dirname(__file__), "../../target/debug/tollgate")
MASTER = "board-suite-master-key"
READER = "board-suite-reading-key"

# A proxy of the machine must not stand before the loopback.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

CONFIGURATION = """
providers:
  openai: {{ api_key: demo, base_url: "{provider}/v1" }}
  anthropic: {{ api_key: demo, base_url: "{provider}" }}
  gemini: {{ api_key: demo, base_url: "{provider}/v1beta" }}
  bedrock: {{ api_key: demo, base_url: "{provider}" }}
discovery: {{ interval: off }}
log: {{ level: error }}
admin: {{ keys: {{ looker: {{ key: board-suite-reading-key, scopes: [read] }} }} }}
owners:
  acme: {{ budgets: [{{ usd: 5, soft: 80% }}] }}
  acme/search: {{ limits: [{{ tokens: 200000, per: hour, model: "claude-*" }}] }}
labels:
  prod: {{ budgets: [{{ usd: 10, per: day, rolling: true }}] }}
guards: {{ pii: {{ detect: [email], action: tag, on: [request] }} }}
aliases: {{ fast: openai/gpt-4o-mini }}
routes: {{ smart: {{ targets: [anthropic/claude-sonnet-4-5, openai/gpt-4.1] }} }}
"""


def free(count):
    """Ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Gateway:
    """A running gateway. `before` stands before its command."""

    def __init__(self, data=None, before=()):
        self.folder = tempfile.mkdtemp(prefix="board-")
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.processes = []
        provider, client, admin = free(3)
        file = os.path.join(self.folder, "tollgate.yaml")
        with open(file, "w") as out:
            out.write(CONFIGURATION.format(provider=f"http://127.0.0.1:{provider}"))
        self.url, self.admin = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{admin}"
        self._start("mock", "--listen", f"127.0.0.1:{provider}")
        self._start("serve", "--config", file, before=before, TOLLGATE_MASTER_KEY=MASTER,
                    TOLLGATE_DATA_DIR=data or os.path.join(self.folder, "data"),
                    TOLLGATE_LISTEN=f"127.0.0.1:{client}", TOLLGATE_ADMIN_LISTEN=f"127.0.0.1:{admin}")
        for _ in range(200):
            if any(process.poll() is not None for process in self.processes):
                break
            try:
                OPENER.open(f"{self.admin}/health", timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.close()
        raise SystemExit(f"board: the gateway did not start; it said: {self.said}")

    def _start(self, *arguments, before=(), **environment):
        # Nothing of the shell that runs this may change what the gateway does, but what `before` needs.
        kept = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("FAKETIME")}
        self.processes.append(subprocess.Popen(
            [*before, BINARY, *arguments], stdout=self.log, stderr=self.log,
            env={"HOME": self.folder, **kept, **environment}))

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.log.seek(0)
        self.said = self.log.read()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, address, body=None, method=None, **headers):
        """Status and answer, whatever they are."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data, {"content-type": "application/json", **headers}, method=method)
        try:
            with OPENER.open(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def ask(self, key=MASTER, model="gpt-4o-mini", prompt="Hello", **more):
        """A chat request as a client would make it; the status."""
        body = {"model": model, "messages": [{"role": "user", "content": prompt}], **more}
        return self.call(f"{self.url}/v1/chat/completions", body, authorization=f"Bearer {key}")[0]

    def api(self, path, body=None, method=None):
        """What the admin API says."""
        status, said = self.call(f"{self.admin}/api/v1/{path}", body, method, authorization=f"Bearer {MASTER}")
        assert status < 300, (path, status, said)
        return json.loads(said)

    def key(self, name, **fields):
        """The secret of a new key."""
        return self.api("keys", {"name": name, **fields})["secret"]

    def rows(self, count, **query):
        """The newest requests, once there are so many of them."""
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        for _ in range(200):
            rows = self.api(f"requests?{asked}")["requests"]
            if len(rows) >= count:
                return rows
            time.sleep(0.05)
        raise AssertionError(f"expected {count} requests of {asked}, there are {len(rows)}")
