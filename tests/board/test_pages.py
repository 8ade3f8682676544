"""Every page: what it shows, what can be done there, and that everybody can read it."""

import unittest

from gateway import MASTER, OPENER, READER
from seen import ODD, Seen


class Pages(Seen):
    def test_every_page_can_be_read_in_light_and_dark(self):
        for dark in (False, True):
            self.page.size(1280, 800, dark)
            for where in self.everywhere():
                with self.subTest(page=where, dark=dark):
                    self.go(where)
                    self.assertEqual(self.page.run("eyes.faint()"), [])
                    self.assertEqual(self.page.run("eyes.nameless()"), [])
                    self.assertEqual(self.page.run("document.querySelectorAll('h1').length"), 1)
                    self.assertEqual(self.page.run("document.querySelector('.notice.bad')?.innerText ?? ''"), "")
                    self.assertEqual(self.page.complained(), [])

    def test_a_phone_need_not_be_pushed_sideways(self):
        self.page.size(360, 740, phone=True)
        for where in self.everywhere():
            with self.subTest(page=where):
                self.go(where)
                self.assertEqual(self.page.run("document.documentElement.scrollWidth"), 360)
        self.page.click("button", "Menu")
        self.page.click("nav a", "Models")
        self.page.wait("document.querySelector('h1').innerText === 'Models'")
        self.assertFalse(self.page.run("document.querySelector('nav').classList.contains('open')"))

    def test_the_page_is_served_under_a_strict_policy_and_asks_nobody_else(self):
        with OPENER.open(self.gateway.admin) as answer:
            policy = answer.headers["content-security-policy"]
            for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"):
                self.assertIn(rule, policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
            self.assertEqual(answer.headers["referrer-policy"], "no-referrer")
            tag = answer.headers["etag"]
        self.assertEqual(self.gateway.call(self.gateway.admin, **{"if-none-match": tag}), (304, b""))
        self.go("providers")
        asked = self.page.run("performance.getEntriesByType('resource').map((entry) => entry.name)")
        self.assertGreater(len(asked), 10)
        self.assertEqual([name for name in asked if not name.startswith(self.gateway.admin + "/")], [])

    def test_what_comes_from_outside_is_text(self):
        self.gateway.key(ODD, owner="acme", metadata={ODD: ODD})
        self.go("keys")
        self.page.click("tbody a", ODD)
        self.page.wait("document.querySelector('h1').innerText.includes('onerror')")
        self.assertEqual(self.page.run("document.querySelectorAll('[onerror]').length"), 0)

    def test_a_full_limit_shows(self):
        self.go("keys")
        self.page.text("limit reached")
        self.page.click("tbody a", "bot")
        self.page.wait("document.querySelector('[role=meter]')?.ariaValueNow === '3'")
        self.page.text("3 requests in any hour")

    def test_a_refusal_is_told_in_words_and_the_form_stays(self):
        self.page.expected.append("409")
        self.go("keys")
        self.page.click("button", "New key")
        self.page.type("Name", "web")
        self.page.click("dialog button", "Make key")
        self.page.wait("document.querySelector('dialog .notice.bad')?.innerText.includes('already')", "why not")
        self.page.press("Escape")
        self.page.wait("!document.querySelector('dialog')")

    def test_a_key_is_changed_and_given_another_secret(self):
        first = self.gateway.key("moving", owner="acme")
        self.go("keys")
        self.page.click("tbody a", "moving")
        self.page.click("button", "Edit")
        self.page.type("Owner", "acme/new")
        self.page.click("button", "Add a limit")
        self.page.type("Amount", "7")
        self.page.click("dialog button", "Change")
        self.page.text("7 requests in any minute")
        self.page.text("acme/new")
        self.page.click("button", "Rotate")
        self.page.choose("The present secret ends", "1h")
        self.page.click("dialog button", "Rotate")
        second = self.page.wait("document.querySelector('.secret')?.value")
        self.page.click("button", "I have kept it")
        self.assertNotEqual(first, second)
        self.assertEqual([self.gateway.ask(first), self.gateway.ask(second)], [200, 200])

    def test_the_cache_is_looked_at_and_emptied(self):
        self.go("cache")
        self.page.text("Answers kept")
        self.page.click("button", "Empty the cache")
        self.page.click("dialog button", "Empty it")
        self.page.text("answers are gone")

    def test_what_guards_found_leads_to_the_requests(self):
        self.go("guards")
        self.page.wait("document.querySelector('tbody tr')?.innerText.includes('email')", "the verdict")
        self.page.click("tbody a", "Requests")
        self.page.wait("eyes.isAt('requests') && document.querySelectorAll('tbody tr').length === 1")

    def test_the_playground_streams_an_answer(self):
        for dialect in ("OpenAI chat", "OpenAI Responses", "Anthropic Messages"):
            with self.subTest(dialect=dialect):
                self.go(f"play?model=claude-sonnet-4-5&{len(dialect)}")
                self.page.type("Key", MASTER)
                self.page.choose("Asked in", dialect)
                self.page.type("Prompt", "#mock tokens=20 rate=200")
                self.page.click("button", "Ask")
                self.page.text("What it cost")
                self.assertGreater(len(self.page.run("document.querySelector('.answer').innerText")), 20)
                self.page.text("anthropic/claude-sonnet-4-5")

    def test_the_playground_says_why_a_stream_broke_off(self):
        for dialect in ("OpenAI chat", "OpenAI Responses", "Anthropic Messages"):
            with self.subTest(dialect=dialect):
                self.go(f"play?model=claude-sonnet-4-5&broken={len(dialect)}")
                self.page.type("Key", MASTER)
                self.page.choose("Asked in", dialect)
                self.page.type("Prompt", "#mock tokens=20 stream_error=5")
                self.page.click("button", "Ask")
                self.page.wait("document.querySelector('.notice.bad')?.innerText === 'Overloaded'", "why it broke off")

    def test_the_chosen_colours_stay(self):
        ground = "getComputedStyle(document.body).backgroundColor"
        before = self.page.run(ground)
        self.page.click("nav button", "Light or dark")
        self.page.wait(f"{ground} !== {before!r}")
        chosen = self.page.run(ground)
        self.page.ask("Page.reload")
        self.page.wait(f"document.readyState === 'complete' && {ground} === {chosen!r}")
        self.page.run("localStorage.clear()")

    def test_a_configuration_is_staged_for_some_and_dropped(self):
        self.go("config")
        self.page.click("button", "Stage")
        self.page.type("Of 100 clients", "25")
        self.page.click("dialog button", "Stage")
        self.page.text("25 of 100 clients see generation")
        self.assertEqual(self.page.run("eyes.nameless()"), [])
        self.page.click("button", "Another share")
        self.page.type("Of 100 clients", "50")
        self.page.click("dialog button", "Share")
        self.page.text("50 of 100 clients see generation")
        self.page.click("button", "Drop")
        self.page.click("dialog button", "Drop")
        self.page.wait("!document.body.innerText.includes('clients see generation')")

    def test_a_reader_may_look_and_not_touch(self):
        try:
            self.page.click("nav button", "Sign out")
            self.page.type("Admin key", READER)
            self.page.press("Enter")
            self.go("keys")
            self.page.text("Owners and budgets")
            self.assertFalse(self.page.run("!!eyes.find('button', 'New key')"))
            self.go("config")
            for act in ("Reload", "Stage"):
                self.assertFalse(self.page.run(f"!!eyes.find('button', '{act}')"))
            self.go("cache")
            self.page.text("Answers kept")
            self.assertFalse(self.page.run("!!eyes.find('button', 'Empty the cache')"))
        finally:
            self.page.click("nav button", "Sign out")
            self.page.wait("!!document.querySelector('.login')")


if __name__ == "__main__":
    unittest.main()
