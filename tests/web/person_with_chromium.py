"""A person in front of Chromium: says who they are at the real provider, then yes to the terminal.

`person_with_chromium.py PERSON ADDRESS [USER_CODE]`; with a code, the address is where it is typed.
"""

from __future__ import annotations

import re
import sys

from chromium import chromium
from playwright.sync_api import Page, expect


def walk(person: str, address: str, user_code: str = "") -> None:
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(20_000)
        page.goto(address)
        if user_code:
            page.locator("input[name=user_code]").fill(user_code)
            page.get_by_role("button", name="Continue").click()
            page.get_by_role("button", name="Continue").click()
        _sign_in(page, person)
        if user_code:
            expect(page.get_by_text("Sign-in Success")).to_be_visible()
            return
        page.get_by_role("button", name="Yes, sign in this terminal").click()
        page.wait_for_url(re.compile("/cli/done$"))


def _sign_in(page: Page, person: str) -> None:
    page.get_by_placeholder("Enter any login").fill(person)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


if __name__ == "__main__":
    walk(*sys.argv[1:])
