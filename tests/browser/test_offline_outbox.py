"""The outbox in a real browser: what was saved is kept until the server has it, and arrives once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.browser.conftest import CENTRE_LAT, CENTRE_LON, Watch, sign_in, until

pytestmark = pytest.mark.browser

IMPORT = "const outbox = await import('/static/js/offline-outbox.js');"
REPORT = {
    "category": "overflowing_bin",
    "lon": CENTRE_LON,
    "lat": CENTRE_LAT,
    "observed_at": "2026-05-04T16:30:00Z",
    "description": "devant le hall",
}
OTHER = REPORT | {"description": "sous le pont"}
NO_NETWORK = "ERR_INTERNET_DISCONNECTED|ERR_FAILED|Failed to fetch|Failed to load resource"
DRAW = """
const draw = (colour) => new Promise((done) => {
  const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 48});
  const context = canvas.getContext('2d');
  context.fillStyle = colour;
  context.fillRect(0, 0, 64, 48);
  canvas.toBlob(done, 'image/jpeg');
});
"""
OLD = Path(__file__).parent / "old_outbox"


def run(page: Page, script: str, value: Any = None) -> Any:
    """Run the body of an async function that has `outbox` and `value`."""
    return page.evaluate(f"async (value) => {{ {IMPORT} {DRAW} {script} }}", value)


def stored(engine: Engine) -> list[tuple[str, int]]:
    """The reports that arrived, and how many photos each has."""
    query = "SELECT id::text, (SELECT count(*) FROM photo WHERE photo.report_id = report.id) FROM report ORDER BY 1"
    with unit_of_work(engine, SYSTEM) as uow:
        return [(row[0], row[1]) for row in uow.connection.execute(text(query))]


def save_without_network(page: Page, photos: int = 0) -> str:
    """Save a report where no answer comes. Returns its id."""
    run(page, "await outbox.status();")  # whose phone it is was asked while there was a network
    page.context.set_offline(True)
    script = """
        const blobs = [];
        for (let index = 0; index < value.photos; index += 1) blobs.push(await draw(`rgb(${index * 40} 0 0)`));
        return (await outbox.save('report', value.report, blobs)).id;
    """
    return str(run(page, script, {"report": REPORT, "photos": photos}))


def states(page: Page) -> list[str]:
    """Of one's own items."""
    return [item["state"] for item in run(page, "return outbox.list();")]


def settled(page: Page) -> list[str]:
    """The states once everything was tried that can be."""
    run(page, "await outbox.flush().catch(() => {}); await outbox.flush().catch(() => {});")
    return states(page)


def test_saved_report_with_two_photos_arrives(agent: Page, engine: Engine, watch: Watch) -> None:
    watch.allow(NO_NETWORK)
    report = save_without_network(agent, photos=2)
    assert states(agent) == ["waiting"] * 3
    assert stored(engine) == []
    # A page that was closed while it sent, and a picture that the disk has lost: neither holds the rest up.
    broken = """
        const { change } = await import('/static/js/offline-db.js');
        const [first, photo] = await outbox.list();
        await change(['items', 'blobs'], async (items, blobs) => {
          await items.put({...await items.get(first.id), state: 'sending'});
          await blobs.delete(photo.id);
        });
    """
    run(agent, broken)
    assert settled(agent) == ["waiting"] * 3
    agent.context.set_offline(False)
    assert settled(agent) == ["sent", "refused", "sent"]
    assert stored(engine) == [(report, 1)]
    agent.goto("/outbox")
    expect(agent.locator(".outbox-refused")).to_contain_text("Ce téléphone ne peut plus le lire")


def test_what_is_saved_anew_while_it_is_sent_is_not_lost(agent: Page, engine: Engine, watch: Watch) -> None:
    """Another tab has it open: the correction stays, and the server says that it has the first one."""
    watch.allow("409")
    script = """
        const real = globalThis.fetch;
        let thrown = '';
        globalThis.fetch = async (url, given) => {
          const answer = await real(url, given);
          if (url === '/api/reports') {
            globalThis.fetch = real;
            const [{ id }] = await outbox.list();
            thrown = await outbox.discard(id).catch((error) => error.code);
            await outbox.save('report', {...value, id, description: 'corrigé'});
          }
          return answer;
        };
        await outbox.save('report', value);
        await outbox.flush();
        await outbox.flush();
        const [{ state, body, error }] = await outbox.list();
        return [thrown, state, body.description, error.status];
    """
    assert run(agent, script, REPORT) == ["busy", "refused", "corrigé", 409]
    assert len(stored(engine)) == 1


def test_clock_that_is_a_year_ahead(agent: Page, engine: Engine, watch: Watch) -> None:
    """What was seen is set right by the server's clock, and what was to wait does not wait for a year."""
    watch.allow("503")
    now = datetime.now(UTC)
    agent.clock.set_system_time(now + timedelta(days=366))
    agent.goto("/outbox")
    busy = {"status": 503, "body": json.dumps({"status": 503}), "headers": {"Retry-After": "99999999"}}
    agent.route("**/api/reports", lambda route: route.fulfill(**busy), times=1)
    run(agent, "await outbox.save('report', {...value, observed_at: new Date().toISOString()});", REPORT)
    assert settled(agent) == ["waiting"]
    agent.clock.set_system_time(datetime.now(UTC))
    assert settled(agent) == ["sent"]
    with unit_of_work(engine, SYSTEM) as uow:
        seen = uow.connection.scalar(text("SELECT observed_at FROM report"))
    assert abs(seen - now) < timedelta(minutes=2)


def test_clock_that_is_behind_is_said_and_set_right(agent: Page, engine: Engine, watch: Watch) -> None:
    """As wrong as when the phone was last told the time: what was taken from it is set right, what was entered not."""
    watch.allow(NO_NETWORK)
    now = datetime.now(UTC)
    agent.clock.set_system_time(now - timedelta(hours=3))
    run(agent, "await (await import('/static/js/offline-session.js')).refresh();")
    agent.context.set_offline(True)
    run(
        agent,
        """
        await outbox.save('report', {...value, observed_at: new Date().toISOString()});
        await outbox.save('report', value);
        """,
        REPORT,
    )
    agent.context.set_offline(False)
    for page, box in (("/reports/new", "#clock"), ("/outbox", "#outbox-clock")):
        agent.goto(page)
        expect(agent.locator(box)).to_contain_text("n'est pas à l'heure")
    assert settled(agent) == ["sent", "sent"]
    with unit_of_work(engine, SYSTEM) as uow:
        entered, seen = uow.connection.scalars(text("SELECT observed_at FROM report ORDER BY 1"))
    assert entered == datetime.fromisoformat(str(REPORT["observed_at"]))
    assert abs(seen - now) < timedelta(minutes=2)
    agent.clock.set_system_time(datetime.now(UTC))
    run(agent, "await (await import('/static/js/offline-session.js')).refresh();")
    agent.reload()
    expect(agent.locator("#outbox-sent li")).to_have_count(2)
    expect(agent.locator("#outbox-clock")).to_be_hidden()


def test_two_tabs_send_one_item_once(agent: Page, engine: Engine, watch: Watch) -> None:
    watch.allow(NO_NETWORK)
    report = save_without_network(agent)
    other = agent.context.new_page()
    posts: list[str] = []
    agent.context.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    agent.context.set_offline(False)
    other.goto("/outbox")
    for page in (agent, other, agent, other):
        run(page, "outbox.flush().catch(() => {});")
    assert settled(other) == ["sent"]
    assert settled(agent) == ["sent"]
    assert stored(engine) == [(report, 0)]
    assert len(posts) == 1


def test_ended_session_waits_for_its_account(agent: Page, engine: Engine, watch: Watch) -> None:
    watch.allow(NO_NETWORK)
    report = save_without_network(agent)
    agent.context.clear_cookies()
    agent.context.set_offline(False)
    result = run(agent, "const done = await outbox.flush(); return {done, items: await outbox.list()};")
    assert result["done"]["left"] == "signin"
    assert [(item["state"], item["body"]) for item in result["items"]] == [("waiting", None)]
    agent.goto("/outbox")
    expect(agent.locator("#outbox-signin")).to_be_visible()
    assert "devant le hall" not in agent.inner_text("main")
    sign_in(agent, "agent@demo.quietude")
    assert settled(agent) == ["sent"]
    assert stored(engine) == [(report, 0)]


def test_queue_of_somebody_who_signed_out_is_sealed_counted_and_hers(agent: Page, engine: Engine, watch: Watch) -> None:
    watch.allow(NO_NETWORK)
    agent.goto("/reports/new")
    run(agent, "await (await import('/static/js/offline-reference.js')).warm();")
    report = save_without_network(agent, photos=1)
    agent.context.set_offline(False)
    # The network is back, and nothing was sent yet: she signs out all the same.
    agent.route("**/api/reports", lambda route: route.abort())
    agent.click(".menu summary")
    agent.click("form[action$='/logout'] button")
    expect(agent.locator("#leave-dialog")).to_contain_text("2 éléments")
    agent.click("#leave-dialog button[value=leave]")
    agent.wait_for_url(lambda url: url.endswith("/"))
    left = kept_on_phone(agent)
    assert "devant le hall" not in left["text"]
    assert (left["keys"], left["reference"]) == (0, 0)

    sign_in(agent, "bailleur@demo.quietude")
    seen = run(agent, "return {items: await outbox.list(), status: await outbox.status()};")
    assert (seen["items"], seen["status"]["mine"], seen["status"]["others"]) == ([], 0, 2)
    agent.goto("/outbox")
    expect(agent.locator("#outbox-others")).to_contain_text("2 éléments d'un autre compte")
    expect(agent.locator("#outbox-empty")).to_be_hidden()
    assert settled(agent) == []
    assert stored(engine) == []

    agent.click(".menu summary")
    agent.click("form[action$='/logout'] button")
    agent.wait_for_url(lambda url: url.endswith("/"))
    agent.unroute("**/api/reports")
    sign_in(agent, "agent@demo.quietude")
    assert settled(agent) == ["sent", "sent"]
    assert stored(engine) == [(report, 1)]


def kept_on_phone(page: Page) -> dict[str, Any]:
    """Everything that the next person could find: the whole database as text, and how many keys and lists are left."""
    found: dict[str, Any] = page.evaluate(
        """async () => {
          const { open } = await import('/static/js/offline-db.js');
          const db = await open();
          const parts = [];
          const plain = (value) => {
            if (value instanceof ArrayBuffer) parts.push(new TextDecoder('latin1').decode(value));
            else if (value && typeof value === 'object') Object.values(value).forEach(plain);
            else parts.push(String(value));
          };
          for (const name of db.objectStoreNames) plain(await db.getAll(name));
          for (const name of await caches.keys()) {
            const cache = await caches.open(name);
            for (const request of await cache.keys()) parts.push(await (await cache.match(request)).text());
          }
          const buckets = await navigator.storageBuckets.keys();
          const keys = buckets.length + await db.count('keys');
          return {text: parts.join(' '), keys, reference: await db.count('reference')};
        }"""
    )
    return found


def test_answer_in_the_servers_place_is_no_answer(agent: Page, engine: Engine, watch: Watch) -> None:
    """The sign-in page of a hotel's network says 200 to everything."""

    def hotel(route: Route) -> None:
        route.fulfill(status=200, content_type="text/html", body="<h1>Bienvenue</h1>")

    agent.route("**/api/reports", hotel)
    run(agent, "await outbox.save('report', value);", REPORT)
    assert settled(agent) == ["waiting"]

    # A proxy that fails for one of them, whatever it says: the others go past it, and the phone keeps it.
    watch.allow("status of (404|413|500)")
    again = """
        await outbox.save('report', value);
        const [{ id }] = await outbox.list();
        const isBusy = () => outbox.retry(id).then(() => false, (error) => error.code === 'busy');
        const pause = () => new Promise((done) => { setTimeout(done, 50); });
        for (let tries = 0; tries < 200 && await isBusy(); tries += 1) await pause();
    """
    answers = {500: "waiting", 404: "waiting", 413: "refused"}

    def proxy(route: Route) -> None:
        if "devant le hall" in str(route.request.post_data):
            route.fulfill(status=next(iter(answers)), content_type="text/html", body="<h1>Erreur</h1>")
        else:
            route.continue_()

    agent.route("**/api/reports", proxy)
    agent.unroute("**/api/reports", hotel)
    agent.goto("/outbox")  # it sends at once
    while answers:
        run(agent, again, OTHER)
        assert settled(agent) == [answers.pop(next(iter(answers))), *["sent"] * len(stored(engine))]
    agent.unroute("**/api/reports")
    expect(agent.locator(".outbox-refused")).to_contain_text("C'est trop lourd")
    agent.get_by_role("button", name="Réessayer").click()
    expect(agent.locator(".outbox-sent")).to_have_count(4)
    assert len(stored(engine)) == 4


def test_too_much_at_once_waits_as_long_as_the_server_says(agent: Page, engine: Engine, watch: Watch) -> None:
    watch.allow("status of 429")
    asked = []

    def too_much(route: Route) -> None:
        asked.append(route.request.method)
        problem = {"status": 429, "title": "Too Many Requests"}
        route.fulfill(status=429, headers={"Retry-After": "4"}, content_type="application/problem+json", json=problem)

    agent.route("**/api/reports", too_much)
    run(agent, "await outbox.save('report', value); await outbox.flush();", REPORT)
    run(agent, "await outbox.save('report', value); await outbox.flush(); await outbox.flush();", OTHER)
    assert (settled(agent), len(asked)) == (["waiting", "waiting"], 1)
    assert run(agent, "return (await outbox.list()).map(({ tries }) => tries);") == [0, 0]
    agent.unroute("**/api/reports")
    expect(agent.locator("#outbox-badge")).to_be_hidden()
    assert (states(agent), len(stored(engine))) == (["sent", "sent"], 2)


def test_refused_report_says_why_and_goes_once_it_is_corrected(agent: Page, engine: Engine, watch: Watch) -> None:
    watch.allow("422")
    report = run(agent, "return (await outbox.save('report', value, [await draw('red')])).id;", REPORT | {"lon": 0})
    assert settled(agent) == ["refused", "waiting"]
    agent.goto("/outbox")
    expect(agent.locator(".outbox-refused")).to_contain_text("hors du territoire")
    expect(agent.locator("#outbox-badge")).to_have_class("outbox-badge trouble")
    edited = run(agent, "const {body, blobs} = await outbox.edit(value); return {body, photos: blobs.length};", report)
    assert (edited["body"]["description"], edited["photos"]) == ("devant le hall", 1)
    assert states(agent)[0] == "editing"
    agent.reload()  # left as it was
    assert settled(agent)[0] == "refused"
    run(agent, "await outbox.save('report', {...value.body, lon: value.lon});", {**edited, "lon": CENTRE_LON})
    assert settled(agent) == ["sent"]
    assert stored(engine) == [(report, 0)]  # saved again without its photo: that one was taken out


def test_what_is_opened_and_left_as_it_was_is_sent(agent: Page, engine: Engine, watch: Watch) -> None:
    watch.allow(NO_NETWORK)
    report = save_without_network(agent)
    run(agent, "await outbox.edit(value);", report)
    agent.context.set_offline(False)
    assert settled(agent) == ["editing"]
    agent.goto(f"/reports/new?edit={report}")
    expect(agent.locator("#description")).to_have_value("devant le hall")
    assert settled(agent) == ["editing"]
    agent.fill("#description", "devant la porte")
    until(agent, "import('/static/js/offline-db.js').then((db) => db.getAll('drafts')).then((all) => all.length === 1)")
    agent.goto("/reports/new")
    expect(agent.locator("#description")).to_have_value("devant la porte")
    assert settled(agent) == ["editing"]
    agent.click("#draft-discard")
    until(agent, "import('/static/js/offline-db.js').then((db) => db.getAll('drafts')).then((all) => all.length === 0)")
    assert settled(agent) == ["sent"]
    assert len(stored(engine)) == 1


def test_item_is_discarded_for_good_after_one_question(agent: Page, watch: Watch) -> None:
    watch.allow(NO_NETWORK)
    agent.goto("/outbox")
    save_without_network(agent, photos=1)
    item = agent.locator(".outbox-item").first
    item.get_by_role("button", name="Jeter").click()
    expect(item.locator("[data-act=no]")).to_be_focused()
    item.locator("[data-act=no]").click()
    expect(item.locator("[data-act=discard]")).to_be_focused()
    assert len(states(agent)) == 2
    item.get_by_role("button", name="Jeter").click()
    item.locator("[data-act=yes]").click()
    expect(agent.locator("#outbox-empty")).to_be_visible()
    expect(agent.locator("h1")).to_be_focused()
    assert states(agent) == []


def test_full_phone_is_an_error_that_keeps_nothing_by_half(agent: Page, engine: Engine, watch: Watch) -> None:
    """The browser refuses the second of three pictures: neither the report nor the first one stays."""
    watch.allow(NO_NETWORK)
    save_without_network(agent)
    script = """
        const put = IDBObjectStore.prototype.put;
        let pictures = 0;
        IDBObjectStore.prototype.put = function (...given) {
          pictures += this.name === 'blobs' ? 1 : 0;
          if (pictures === 2) throw new DOMException('', 'QuotaExceededError');
          return put.apply(this, given);
        };
        const blobs = [await draw('red'), await draw('green'), await draw('blue')];
        const code = await outbox.save('report', value, blobs).then(() => 'kept', (error) => error.code);
        IDBObjectStore.prototype.put = () => { throw new DOMException('', 'QuotaExceededError'); };
        return {code, items: (await outbox.list()).length};
    """
    assert run(agent, script, REPORT) == {"code": "full", "items": 1}
    # What waits is sent all the same: that is what makes room.
    agent.context.set_offline(False)
    assert settled(agent) == []
    assert len(stored(engine)) == 1


def test_who_stopped_listening_hears_nothing_more(agent: Page) -> None:
    """Or the end of one report takes the place of the next one's, which was saved while the list was being read."""
    script = """
        const { follow } = await import('/static/js/report-outbox.js');
        const heard = {before: 0, after: 0};
        for (let wait = 0; wait < 60; wait += 3) {
          let when = 'before';
          const stop = follow('none', () => { heard[when] += 1; });
          await new Promise((resolve) => { setTimeout(resolve, wait); });
          stop();
          when = 'after';
        }
        await new Promise((resolve) => { setTimeout(resolve, 500); });
        return heard;
    """
    heard = run(agent, script)
    assert heard["before"] > 0
    assert heard["after"] == 0


def test_older_app_leaves_a_newer_queue_alone(agent: Page) -> None:
    """A downgrade must neither delete nor guess."""
    result = run(
        agent,
        """
        const { open } = await import('/static/js/offline-db.js');
        (await open()).close();
        await new Promise((done, failed) => {
          const asked = indexedDB.open('quietude', 99);
          asked.onsuccess = () => { asked.result.close(); done(); };
          asked.onerror = () => failed(asked.error);
        });
        const again = await import('/static/js/offline-db.js?again');
        return again.open().then(() => 'opened', (error) => error.code);
        """,
    )
    assert result == "newer"
    agent.goto("/outbox")
    expect(agent.locator("#outbox-problem")).to_contain_text("version plus récente")


def test_tab_that_holds_an_older_version_does_not_stop_this_one(agent: Page, watch: Watch) -> None:
    """It sleeps, and does not close the database when it is asked to."""
    watch.allow("404")  # a picture has no icon
    agent.goto("/static/icons/quietude.svg")
    old = agent.context.new_page()
    old.goto("/static/icons/quietude.svg")
    old.evaluate(
        """() => new Promise((done) => {
          indexedDB.deleteDatabase('quietude').onsuccess = () => {
            const asked = indexedDB.open('quietude', 1);
            asked.onsuccess = () => done(globalThis.held = asked.result);
          };
        }).then(() => null)"""
    )
    agent.goto(f"/reports/new?lon={CENTRE_LON}&lat={CENTRE_LAT}")
    agent.click("button[data-theme=street]")
    agent.click("label:has(input[value=pothole])")
    agent.click("#submit")
    expect(agent.locator("#done-title")).to_have_text("Merci, c'est enregistré.")


@pytest.mark.parametrize("version", sorted(path.name for path in OLD.iterdir()))
def test_queue_of_every_older_version_arrives(agent: Page, engine: Engine, watch: Watch, version: str) -> None:
    """The queue is made by the very code of that version, kept in old_outbox/."""
    watch.allow(NO_NETWORK)

    def old_code(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if (OLD / version / name).exists():
            route.fulfill(path=OLD / version / name, content_type="text/javascript")
        else:
            route.fulfill(status=302, headers={"Location": f"/static/js/{name}"})

    # A page without our own script, which would open the database in the newest version first.
    agent.route(f"**/static/js-{version}/*.js", old_code)
    agent.goto("/static/icons/quietude.svg")
    agent.goto("/manifest.webmanifest")
    made = agent.evaluate(
        f"""async (report) => {{
          await new Promise((done) => {{ indexedDB.deleteDatabase('quietude').onsuccess = done; }});
          const session = await import('/static/js-{version}/offline-session.js');
          const outbox = await import('/static/js-{version}/offline-outbox.js');
          await session.refresh();
          {DRAW}
          globalThis.fetch = () => Promise.reject(new TypeError('cut'));
          const blob = new Blob([new Uint8Array([1, 2, 3])]);
          const item = await outbox.save('report', report);
          await outbox.keepDraft('report', {{category: 'graffiti'}});
          return {{id: item.id, version: (await indexedDB.databases())[0].version}};
        }}""",
        REPORT,
    )
    assert made["version"] == int(version.removeprefix("v"))
    agent.goto("/outbox")
    assert settled(agent) == ["sent"]
    assert stored(engine) == [(made["id"], 0)]
    assert run(agent, "return outbox.draft('report');") == {"category": "graffiti"}


def test_passage_of_a_round_and_a_later_photo_go_through_it_too(agent: Page, engine: Engine) -> None:
    ids = run(
        agent,
        """
        const { refresh } = await import('/static/js/offline-session.js');
        const { newId } = await import('/static/js/photo-upload.js');
        const { csrf } = await refresh();
        const headers = {'Content-Type': 'application/json', 'X-CSRFToken': csrf};
        const patrol = newId();
        const body = JSON.stringify({id: patrol, kind: 'free', title: 'Soir', state: 'open'});
        const made = await fetch('/api/patrols', {method: 'POST', headers, body});
        if (!made.ok) throw new Error(await made.text());
        const {lon, lat} = value;
        await outbox.save('passage', {patrol, outcome: 'nothing', lon, lat});
        const report = await outbox.save('report', value);
        await outbox.save('photo', {report: report.id}, [await draw('blue')]);
        return {patrol, report: report.id};
        """,
        REPORT,
    )
    assert settled(agent) == ["sent"] * 3
    assert stored(engine) == [(ids["report"], 1)]
    with unit_of_work(engine, SYSTEM) as uow:
        passed = uow.connection.scalar(text("SELECT count(*) FROM patrol_passage WHERE outcome = 'nothing'"))
    assert passed == 1


def test_who_never_signed_in_here_cannot_save(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/outbox")
    code = run(page, "return outbox.save('report', value).then(() => 'kept', (error) => error.code);", REPORT)
    assert code == "account"
