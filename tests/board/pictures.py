"""Makes the pictures under docs/: a day of demo traffic, told in two minutes, as the dashboard shows it.

The day goes by quickly for the gateway's calendar alone (Debian's package faketime); what it measures
and what things cost is real.
"""

import math
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from browser import Browser
from gateway import MASTER, Gateway

DOCS = os.path.join(os.path.dirname(__file__), "../../docs")
LARGEST = 150 << 10
DAY, TOLD_IN = 24 * 3600, 120
WIDE, HIGH, PHONE = (1280, 860), (1280, 960), (390, 844)

# Name, owner, labels, the models it asks for, how busy it is, and its own rules.
KEYS = [
    ("search-api", "acme/search/api", ["prod"], ["gpt-4o-mini", "gpt-4.1"], 5,
     {"budgets": [{"usd": 1, "per": "day", "soft": "80%"}]}),
    ("search-batch", "acme/search/batch", ["night"], ["claude-haiku-4-5", "gemini-2.5-flash"], 3, {}),
    ("assistant", "acme/shop/assistant", ["prod"], ["claude-sonnet-4-5", "smart"], 4,
     {"budgets": [{"usd": 3, "per": "month", "soft": "70%"}]}),
    ("reviews", "acme/shop/reviews", ["prod"], ["gemini-2.5-flash", "fast"], 3, {}),
    ("ops-bot", "globex/ops", [], ["claude-sonnet-4-5", "us.amazon.nova-lite-v1:0"], 2,
     {"limits": [{"requests": 40, "per": "hour"}]}),
    ("notebooks", "globex/research", [], ["gpt-4o", "gemini-2.5-pro"], 1, {"budgets": [{"usd": 2, "per": "month"}]}),
]
WORDS = "the gateway counts every token and every answer comes back in the words of the client ".split()


def one(gateway, secrets, dice):
    """One request as one of the services would make it."""
    name, _, _, models, _, _ = dice.choices(KEYS, [key[4] for key in KEYS])[0]
    luck = dice.random()
    script = f"tokens={dice.randint(20, 700)} rate={dice.randint(300, 2500)} first={dice.randint(5, 90)}"
    if luck < 0.03:
        script = "error=429" if luck < 0.015 else "error=500"
    prompt = f"#mock {script}\n" + " ".join(dice.choices(WORDS, k=dice.randint(20, 2500)))
    more = {"stop": ["a", "b", "c", "d"]} if dice.random() < 0.1 else {}
    gateway.ask(secrets[name], dice.choice(models), prompt, stream=dice.random() < 0.6, temperature=1,
                user=f"user-{dice.randint(1, 9)}", **more)


def traffic(gateway, secrets, seconds):
    """A day with its morning, its evening and its night."""
    dice = random.Random(7)
    end = time.monotonic() + seconds
    with ThreadPoolExecutor(8) as pool:
        while (left := end - time.monotonic()) > 0:
            hour = (time.time() / 3600 - left / TOLD_IN * 24) % 24
            busy = 0.25 + max(0, math.sin((hour - 6) / 16 * math.pi)) ** 2
            pool.submit(one, gateway, secrets, random.Random(dice.random()))
            time.sleep(0.07 / busy * dice.uniform(0.3, 1.7))


class Album:
    """The pictures of one page of the browser."""

    def __init__(self, page):
        self.page = page

    def take(self, name, where, shown, size=WIDE, dark=False, phone=False):
        """Keeps what is at this address as `docs/board-{name}.png`, once `shown` is true."""
        self.page.size(*size, dark, phone)
        self.page.run(f"void (location.hash = {('#/' + where)!r})")
        self.page.wait(shown, where)
        time.sleep(1)
        path = os.path.join(DOCS, f"board-{name}.png")
        self.page.picture(path)
        bytes = os.path.getsize(path)
        print(f"board: docs/board-{name}.png, {bytes >> 10} KiB")
        if bytes > LARGEST:
            sys.exit(f"board: that is more than {LARGEST >> 10} KiB")


def main():
    if not shutil.which("faketime"):
        sys.exit("board: the pictures need Debian's package faketime")
    os.makedirs(DOCS, exist_ok=True)
    os.environ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
    data = tempfile.mkdtemp(prefix="board-")
    gateway = browser = None
    try:
        gateway = Gateway(data, ["faketime", "-f", f"-{DAY}s x{DAY // TOLD_IN}"])
        secrets = {name: gateway.key(name, owner=owner, labels=labels, **rules)
                   for name, owner, labels, _, _, rules in KEYS}
        traffic(gateway, secrets, TOLD_IN - 4)
        gateway.close()
        gateway = Gateway(data)
        browser = Browser()
        page = browser.page()
        page.size(*WIDE)
        page.open(gateway.admin)
        page.type("Admin key", MASTER)
        page.press("Enter")
        page.wait("!!document.querySelector('nav')")
        album = Album(page)
        busy = threading.Thread(target=traffic, args=(gateway, secrets, 6))
        busy.start()
        count = "document.querySelectorAll('{}').length".format
        album.take("overview", "overview", f"{count('.chart svg')} >= 3 && {count('.feed li')} > 8")
        busy.join()
        shown = f"{count('.chart svg')} && {count('tbody tr')} > 4"
        album.take("usage", "usage?group=owner&and=model", shown, dark=True)
        album.take("keys", "keys", f"{count('[role=meter]')} > 4", HIGH)
        rows = gateway.api("requests?limit=500")["requests"]
        told = next(row for row in rows if row["losses"] and row["cost_usd"] and row["stream"])
        album.take("request", f"requests/{told['id']}", "document.body.innerText.includes('Attempts')", dark=True)
        album.take("phone", "overview", f"{count('.chart svg')} >= 3", PHONE, phone=True)
    finally:
        if browser:
            browser.close()
        if gateway:
            gateway.close()
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    main()
