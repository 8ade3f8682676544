"""What was asked, used and paid: the log, the explorer, and what finishes while one looks."""

import json
import unittest

from seen import ODD, Seen


class History(Seen):
    def test_what_comes_from_outside_is_text(self):
        self.go("usage?group=user")
        self.page.text(ODD)
        self.page.click("tbody button", ODD)
        self.page.wait(f"!!eyes.find('button', {json.dumps(f'Without the filter user {ODD}')})", "the filter")
        self.go("requests?user=%3Cimg+src%3Dx+onerror%3Dalert%281%29%3E")
        self.page.click("tbody a")
        self.page.wait(f"[...document.querySelectorAll('dd')].some((node) => node.innerText === {json.dumps(ODD)})")
        self.assertEqual(self.page.run("document.querySelectorAll('[onerror]').length"), 0)

    def test_usage_is_grouped_drilled_into_and_saved(self):
        self.go("usage?group=owner")
        rows = "[...document.querySelectorAll('tbody tr')].map((row) => row.innerText)"
        self.page.text("globex/ops")
        self.page.click("tbody button", "acme/search/api")
        self.page.wait(f"{rows}.length === 1 && {rows}[0].startsWith('web')", "the owner's one key")
        self.assertIn("owner=acme%2Fsearch%2Fapi", self.page.run("location.hash"))
        saved = self.page.run("fetch(document.querySelector('.files a').href).then((answer) => answer.text())")
        lines = saved.strip().splitlines()
        self.assertEqual(len(lines), 2, saved)
        self.assertIn("web", lines[1])
        self.page.click("button", "Without the filter owner acme/search/api")
        self.page.wait(f"{rows}.length >= 2", "all keys again")

    def test_the_log_is_searched_and_a_request_tells_its_way(self):
        self.go("requests")
        self.page.type("Search", "claude-sonnet-4-5")
        self.page.press("Enter")
        self.page.wait("document.querySelectorAll('tbody tr').length === 4 && !eyes.text('tbody').includes('gpt-4o')")
        self.page.click("tbody a")
        self.page.text("translated to anthropic")
        self.page.text("Where the time went")
        self.page.text("answered")

    def test_requests_appear_while_one_looks(self):
        self.go("requests")
        self.page.click("button", "Follow live")
        self.page.text("Waiting for requests")
        self.gateway.ask(model="gemini-2.5-flash", prompt="seen live")
        self.page.wait("document.querySelector('tbody tr').innerText.includes('gemini-2.5-flash')")

    def test_many_that_finish_at_once_are_drawn_together(self):
        self.go("requests")
        self.page.click("button", "Follow live")
        self.page.text("Waiting for requests")
        self.page.run("""void (window.drawn = 0, new MutationObserver(() => window.drawn++)
            .observe(document.querySelector('tbody'), { childList: true }))""")
        for number in range(12):
            self.gateway.ask(model="gemini-2.5-flash", user=f"crowd-{number}")
        self.page.wait("[...document.querySelectorAll('tbody tr')].filter((row) => "
                       "row.innerText.includes('gemini-2.5-flash')).length >= 12")
        self.assertLess(self.page.run("window.drawn"), 12)

    def test_a_feed_that_is_refused_leads_to_the_way_in(self):
        self.page.expected.append("401")
        self.go("requests")
        self.page.click("button", "Follow live")
        self.page.text("Waiting for requests")
        self.page.run("fetch('api/v1/session', { method: 'DELETE', headers: { 'x-tollgate-csrf': '1' } })"
                      ".then((answer) => answer.status)")
        self.gateway.ask(prompt="the feed ends with this")
        self.page.wait("!!document.querySelector('.login')", "the way in")

    def test_the_keyboard_is_enough(self):
        self.go("overview")
        self.page.wait("document.querySelectorAll('.chart svg').length >= 3")
        self.page.run("document.querySelector('.chart svg').focus()")
        self.page.press("ArrowLeft")
        self.page.wait("!document.querySelector('.tip').hidden && eyes.text('.tip').includes('$')")
        self.page.press("Escape")
        self.page.wait("document.querySelector('.tip').hidden")
        self.page.run("void (document.querySelector('.skip').focus(), 0)")
        self.page.press("Enter")
        self.page.wait("document.activeElement.id === 'page'")


if __name__ == "__main__":
    unittest.main()
