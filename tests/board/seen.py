"""A gateway that has seen some use, a browser that looks at it, and what holds for every page."""

import json
import unittest

from browser import Browser
from gateway import MASTER, Gateway

PAGES = ["overview", "usage", "usage?group=owner&and=model&measure=tokens", "requests", "keys", "models",
         "models?search=bedrock", "play", "providers", "cache", "guards", "config", "audit"]
ODD = "<img src=x onerror=alert(1)>"


class Seen(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway()
        cls.addClassCleanup(cls.gateway.close)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)
        web = cls.gateway.key("web", owner="acme/search/api", labels=["prod"], budgets=[{"usd": 5, "soft": "80%"}])
        bot = cls.gateway.key("bot", owner="globex/ops", limits=[{"requests": 3, "per": "hour"}])
        for _ in range(4):
            cls.gateway.ask(web, user="ann")
            cls.gateway.ask(web, "claude-sonnet-4-5", stop=["a", "b", "c", "d"])
            cls.gateway.ask(bot)
        cls.gateway.ask(web, user=ODD, prompt="Write to anna.berg@example.com")
        cls.gateway.ask(web, prompt="#mock error=400")
        cls.gateway.rows(14)

    def setUp(self):
        self.page = self.browser.page()
        self.page.size(1280, 800)
        # Before one has signed in the answer to this is 401, and the browser tells of that.
        self.page.expected = [f"401 (Unauthorized) {self.gateway.admin}/api/v1/session"]
        self.page.open(f"{self.gateway.admin}/#/guards")
        self.page.wait("!!document.querySelector('nav, .login')")
        if self.page.run("!!document.querySelector('.login')"):
            self.page.type("Admin key", MASTER)
            self.page.press("Enter")
        self.page.text("Guards")

    def tearDown(self):
        self.assertEqual(self.page.complained(), [])
        self.page.ask("Page.close")

    def go(self, where):
        self.page.run(f"void (location.hash = {json.dumps('#/' + where)})")
        name = where.split("?")[0].split("/")[0]
        self.page.wait(f"eyes.isAt({json.dumps(name)})", where)

    def everywhere(self):
        one = self.gateway.rows(1)[0]["id"]
        key = self.gateway.api("keys")["keys"][0]["id"]
        return [*PAGES, f"requests/{one}", f"keys/{key}"]
