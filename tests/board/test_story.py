"""From an empty gateway to a bill: what an operator does on the first day, by hand."""

import json
import unittest
from decimal import Decimal

from browser import Browser
from gateway import MASTER, Gateway

# USD per million tokens of gpt-4o-mini.
PRICES = {"input": Decimal("0.15"), "cache_read": Decimal("0.075"), "output": Decimal("0.60")}


class Story(unittest.TestCase):
    def setUp(self):
        self.gateway = Gateway()
        self.addCleanup(self.gateway.close)
        self.browser = Browser()
        self.addCleanup(self.browser.close)
        self.page = self.browser.page()
        self.page.size(1280, 800)

    def test_a_key_is_made_used_paid_for_and_revoked(self):
        page, gateway = self.page, self.gateway
        # The browser itself tells of each answer that is a refusal.
        page.expected = ["the server responded with a status of 401"]
        page.open(gateway.admin)
        page.type("Admin key", "not-this-one")
        page.click("button", "Sign in")
        page.wait("document.querySelector('[role=alert]')?.innerText.length > 10", "words for the refusal")
        page.type("Admin key", MASTER)
        page.press("Enter")

        # Nobody has asked anything yet, and the page says how to.
        page.text("Welcome")
        page.text(f"curl {gateway.url}/v1/chat/completions")
        page.click("button", "Make a key")
        page.type("Name", "web")
        page.type("Owner", "acme/search/api")
        page.click("button", "Add a budget")
        page.type("US dollars", "5")
        page.click("dialog button", "Make key")
        page.text("It is not shown again")
        secret = page.run("document.querySelector('.secret').value")
        self.assertRegex(secret, r"^tg-\w{40,}$")
        page.click("button", "I have kept it")
        page.wait("!document.querySelector('.secret')")
        page.text(secret)

        # It is in force at once, and what it cost is its tokens at their prices.
        status, said = gateway.call(f"{gateway.url}/v1/chat/completions", authorization=f"Bearer {secret}",
                                    body={"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]})
        self.assertEqual(status, 200)
        used = json.loads(said)["usage"]
        cached = used.get("prompt_tokens_details", {}).get("cached_tokens", 0)
        cost = (PRICES["input"] * (used["prompt_tokens"] - cached) + PRICES["cache_read"] * cached
                + PRICES["output"] * used["completion_tokens"]) / 10**6
        self.assertGreater(cost, 0)

        page.click("nav a", "Keys & budgets")
        page.click("tbody a", "web")
        page.text("acme/search/api")
        for _ in range(50):
            if page.wait("document.querySelector('[role=meter]')?.ariaValueNow") != "0":
                break
            page.ask("Page.reload")
        self.assertNotIn(secret, page.run("document.documentElement.outerHTML"))
        self.assertEqual(Decimal(str(page.run("+document.querySelector('[role=meter]').ariaValueNow"))), cost)

        page.click("button", "Revoke")
        page.click("dialog button", "Revoke")
        page.wait("document.querySelector('h1').innerText.includes('revoked')")
        self.assertEqual(gateway.ask(secret), 401)
        page.click("nav a", "Audit log")
        page.wait("document.querySelectorAll('tbody tr').length >= 2", "both changes in the audit log")
        self.assertEqual(page.complained(), [])

    def test_a_session_ends_when_it_is_left(self):
        page = self.page
        page.expected = ["the server responded with a status of 401"]
        page.open(f"{self.gateway.admin}/#/config")
        page.type("Admin key", MASTER)
        page.press("Enter")
        page.text("Generation")
        page.click("nav button", "Sign out")
        page.wait("!!document.querySelector('.login')")
        page.open(f"{self.gateway.admin}/#/keys")
        page.wait("!!document.querySelector('.login')", "the way in, also after loading anew")
        self.assertNotIn("acme", page.run("document.body.innerText"))
        self.assertEqual(page.complained(), [])


if __name__ == "__main__":
    unittest.main()
