"""Agents with phones: they enter reports, photos, passages and confirmations, and know what they saved."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from playwright.sync_api import Browser, BrowserContext, Error, Page

PASSWORD = "place-vogel-le-soir"  # noqa: S105
CATEGORIES = ("overflowing_bin", "graffiti", "street_light_out")
LON, LAT = 2.2957, 49.8942

# Noise does not compress: the larger pictures need several pieces.
_SAVE = """async ({reports, others}) => {
  const outbox = await import('/static/js/offline-outbox.js');
  const picture = async ({id, side}) => {
    const canvas = Object.assign(document.createElement('canvas'), {width: side, height: side});
    const context = canvas.getContext('2d');
    const image = context.createImageData(side, side);
    for (let at = 0; at < image.data.length; at += 65536) crypto.getRandomValues(image.data.subarray(at, at + 65536));
    for (let at = 3; at < image.data.length; at += 4) image.data[at] = 255;
    context.putImageData(image, 0, 0);
    return {id, blob: await new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.8))};
  };
  for (const {body, photos} of reports) {
    const blobs = [];
    for (const photo of photos) blobs.push(await picture(photo));
    await outbox.save('report', body, blobs);
  }
  for (const {kind, body} of others) await outbox.save(kind, body);
}"""
_LEFT = """async () => {
  const outbox = await import('/static/js/offline-outbox.js');
  const before = await outbox.status();
  outbox.flush().catch(() => {});
  return before;
}"""
_PROBLEMS = """async () => (await (await import('/static/js/offline-outbox.js')).list())
  .filter((item) => item.state !== 'sent').map(({kind, state, error, tries}) => ({kind, state, error, tries}))"""
_CONTROLLED = """() => navigator.serviceWorker.controller || new Promise((done, failed) => {
  navigator.serviceWorker.addEventListener('controllerchange', done);
  setTimeout(failed, 60_000, new Error('no worker after a minute'));
})"""


@dataclass
class Phone:
    """One agent's browser on a free round, and what it said that it keeps.

    saved: report → its photos; passages: of the round; confirmed: reports that were seen again, once.
    """

    name: str
    context: BrowserContext
    page: Page
    random: Random
    seed: int
    patrol: UUID
    saved: dict[UUID, set[UUID]] = field(default_factory=dict)
    passages: set[UUID] = field(default_factory=set)
    confirmed: set[UUID] = field(default_factory=set)
    reopened: int = 0

    def enter(self, photo_counts: Iterable[int]) -> None:
        """Save as many reports, each with so many photos; then a passage, and that the first of them is still there."""
        made = [self._report(len(self.saved) + index, count) for index, count in enumerate(photo_counts)]
        passage, confirmation = self._passage(), {"id": self._uuid(), "report": made[0]["body"]["id"], "seen": "there"}
        others = [{"kind": "passage", "body": passage}, {"kind": "confirmation", "body": confirmation}]
        self.page.evaluate(_SAVE, {"reports": made, "others": others})
        for one in made:
            self.saved[UUID(one["body"]["id"])] = {UUID(photo["id"]) for photo in one["photos"]}
        self.passages.add(UUID(passage["id"]))
        self.confirmed.add(UUID(confirmation["report"]))

    def _passage(self) -> dict[str, Any]:
        return {"id": self._uuid(), "patrol": str(self.patrol), "outcome": "nothing"} | self._point()

    def _point(self) -> dict[str, float]:
        return {"lon": LON + self.random.uniform(-0.01, 0.01), "lat": LAT + self.random.uniform(-0.005, 0.005)}

    def _report(self, number: int, photos: int) -> dict[str, Any]:
        body = {
            "id": self._uuid(),
            "category": self.random.choice(CATEGORIES),
            **self._point(),
            "observed_at": "2026-05-04T16:30:00Z",
            "description": f"soak {self.seed} {self.name} {number}",
        }
        sides = (48, 48, 120, 700)
        return {
            "body": body,
            "photos": [{"id": self._uuid(), "side": self.random.choice(sides)} for _ in range(photos)],
        }

    def _uuid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def reopen(self) -> None:
        """Close the tab, in the middle of whatever it was, and open the outbox: from the phone when nobody answers."""
        self.page.close()
        self.page = self.context.new_page()
        self.page.goto("/outbox")
        self.reopened += 1

    def left(self) -> int:
        """How much still waits; also asks it to be sent."""
        with suppress(Error):
            return int(self.page.evaluate(_LEFT)["mine"])
        return -1

    def problems(self) -> Any:
        """What still waits, and why."""
        return self.page.evaluate(_PROBLEMS)


def open_phone(browser: Browser, origin: str, email: str, random: Random, seed: int) -> Phone:
    """Sign in, begin a round, visit the form once, and wait until it would open without a network."""
    context = browser.new_context(base_url=origin, viewport={"width": 390, "height": 844}, locale="fr-FR")
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto("/login")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", PASSWORD)
    page.click("form[name=login_user_form] button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)
    patrol = _begin_round(page, UUID(int=random.getrandbits(128), version=4))
    page.goto("/reports/new")
    page.evaluate(_CONTROLLED)
    return Phone(email.partition("@")[0], context, page, random, seed, patrol)


def _begin_round(page: Page, patrol: UUID) -> UUID:
    token = page.request.get("/api/session").json()["csrf_token"]
    body = {"id": str(patrol), "kind": "free", "title": "soak", "state": "open"}
    answer = page.request.post("/api/patrols", data=body, headers={"X-CSRFToken": token})
    assert answer.ok, answer.text()
    return patrol
