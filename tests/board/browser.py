"""Drives a headless Chromium over its DevTools pipe: nothing but the browser and Python is needed."""

import base64
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 30
with open(os.path.join(os.path.dirname(__file__), "eyes.js")) as file:
    EYES = file.read()


class Failed(AssertionError):
    """The page did not do what was expected of it."""


class Browser:
    """A browser of one's own, with a profile that is thrown away."""

    def __init__(self):
        program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
        if not program:
            raise SystemExit("board: there is no Chromium: install Debian's package chromium, or set CHROMIUM")
        self.profile = tempfile.mkdtemp(prefix="board-")
        self.log = open(os.path.join(self.profile, "log"), "wb")
        to_browser, self.ours = os.pipe()
        theirs, from_browser = os.pipe()

        def pipes():
            # The browser reads from 3 and writes to 4; the numbers at hand may be the same.
            reads, writes = os.dup(to_browser), os.dup(from_browser)
            os.dup2(reads, 3)
            os.dup2(writes, 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu",
             "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--no-proxy-server",
             "--hide-scrollbars", "--lang=en", f"--user-data-dir={self.profile}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            close_fds=False, pass_fds=(), preexec_fn=pipes, env={**os.environ, "TZ": "UTC"})
        os.close(to_browser)
        os.close(from_browser)
        self.answers = {}
        self.events = queue.Queue()
        self.last = 0
        threading.Thread(target=self._read, args=(theirs,), daemon=True).start()

    def _read(self, pipe):
        rest = b""
        while piece := os.read(pipe, 1 << 16):
            *messages, rest = (rest + piece).split(b"\0")
            for message in map(json.loads, messages):
                if "id" in message:
                    self.answers[message["id"]].put(message)
                else:
                    self.events.put(message)

    def ask(self, method, session=None, **params):
        """Calls a method of the protocol and waits for its answer."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        answer = self.answers[self.last] = queue.Queue()
        os.write(self.ours, json.dumps(message).encode() + b"\0")
        try:
            said = answer.get(timeout=PATIENCE)
        except queue.Empty:
            raise Failed(f"the browser does not answer {method}; it said: {self._said()}") from None
        if "error" in said:
            raise Failed(f"{method}: {said['error']['message']}")
        return said["result"]

    def _said(self):
        self.log.flush()
        with open(self.log.name, errors="replace") as log:
            return log.read()[-2000:]

    def page(self):
        """A new page."""
        return Page(self)

    def close(self):
        try:
            self.ask("Browser.close")
            self.process.wait(timeout=5)
        except (Failed, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)


class Page:
    """A page, and all that it complained of."""

    def __init__(self, browser):
        self.browser = browser
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.ask("Page.addScriptToEvaluateOnNewDocument", source=EYES)
        self.complaints = []
        # Refusals that a test provokes are told by the browser too.
        self.expected = []

    def ask(self, method, **params):
        return self.browser.ask(method, self.session, **params)

    def open(self, address):
        self.ask("Page.navigate", url=address)

    def size(self, width, height, dark=False, phone=False):
        """The window's size and colours."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.ask("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"}])

    def run(self, script):
        """The value of an expression in the page; promises are awaited."""
        said = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in said:
            raise Failed(f"{script}: {said['exceptionDetails'].get('exception', {}).get('description')}")
        return said["result"].get("value")

    def wait(self, script, what=None):
        """Waits until an expression is true; its value."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if value := self.run(script):
                return value
            time.sleep(0.03)
        text = self.run("document.body.innerText")
        where = self.run("location.href")
        raise Failed(f"waited in vain for {what or script} at {where}; the page says:\n{text[:1500]}")

    def text(self, words):
        """Waits until the page says this."""
        self.wait(f"document.body.innerText.includes({json.dumps(words)})", f"the words “{words}”")

    def click(self, selector, words=None):
        """Clicks the element that says these words, where it is, as a hand would."""
        which = f"{json.dumps(selector)}, {json.dumps(words)}"
        self.wait(f"eyes.find({which})?.disabled === false || eyes.find({which})?.matches('a, summary, label')",
                  f"{selector} “{words}”")
        x, y = self.run(f"eyes.middle({which})")
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, label, text):
        """Types into the field of this label, in place of what is there."""
        field = f"eyes.field({json.dumps(label)})"
        self.wait(f"!!{field}", f"the field “{label}”")
        self.run(f"void ({field}.focus(), {field}.select())")
        self.ask("Input.insertText", text=text)

    def choose(self, label, value):
        """Chooses from the list of this label."""
        field = f"eyes.field({json.dumps(label)})"
        self.wait(f"!!{field}", f"the list “{label}”")
        self.run(f"void ({field}.value = {json.dumps(value)}, {field}.dispatchEvent(new Event('change')))")

    def press(self, key):
        """Presses a key of the keyboard."""
        code = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39}[key]
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code,
                     **({"text": "\r"} if key == "Enter" and kind == "keyDown" else {}))

    def complained(self):
        """What went wrong in the page since it was last asked: errors, exceptions, breaches of its policy."""
        while True:
            try:
                event = self.browser.events.get_nowait()
            except queue.Empty:
                break
            if event.get("sessionId") != self.session:
                continue
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.complaints.append(details.get("exception", {}).get("description") or details["text"])
            elif event["method"] == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
                said = (str(arg.get("value", arg.get("description"))) for arg in params["args"])
                self.complaints.append(" ".join(said))
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                entry = params["entry"]
                self.complaints.append(f"{entry['text']} {entry.get('url', '')}")
        found = [each for each in self.complaints if not any(words in each for words in self.expected)]
        self.complaints.clear()
        return found

    def picture(self, path):
        """Keeps what the window shows as a PNG."""
        data = self.ask("Page.captureScreenshot", format="png", optimizeForSpeed=False)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
