"""From an empty gateway to a bill: what an operator does on the first day, by hand."""

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

        # It is in force at once, and the page turns into the overview by itself.
        self.assertEqual(gateway.ask(secret), 200)
        page.wait("document.querySelector('h1').innerText === 'Overview'", "the overview")
        page.wait("eyes.text('.tiles').includes('0 of 1')", "one request and no error")

        # What it cost is the tokens at their prices.
        row = gateway.rows(1)[0]
        cost = sum(PRICES[name] * count for name, count in row["tokens"].items()) / 10**6
        self.assertGreater(cost, 0)
        page.click("nav a", "Requests")
        page.click("tbody a")
        page.text(f"${cost.normalize():f}")
        page.text("acme/search/api")
        self.assertNotIn(secret, page.run("document.documentElement.outerHTML"))

        # And its budget knows.
        page.click("dd a", "web")
        page.wait("document.querySelector('[role=meter]')?.ariaValueNow > 0", "a gauge that has moved")
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
