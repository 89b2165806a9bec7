// The time slider: month by month (or by quarters), drawn one after another on one scale of colours.

const PLAY_MS = 1400;
const STILL = matchMedia('(prefers-reduced-motion: reduce)');
// Without movement each picture is looked at on its own: it stays longer.
const STILL_MS = 3000;

export class Timeline {
  /**
   * `query()`: the heat's parameters. `show(step, {quiet})`: draw a step {from, to, top}; null: the whole period again.
   * `prepare(step)`: load one that comes next; resolves when it is there. `say(text)`.
   */
  constructor({ query, show, prepare, say }) {
    Object.assign(this, { query, show, prepare, say });
    this.root = document.getElementById('timeline');
    const part = (name) => document.getElementById(`time-${name}`);
    this.open = part('open');
    this.controls = part('controls');
    this.range = part('range');
    this.text = part('text');
    this.note = part('note');
    this.play = part('play');
    this.steps = [];
    this.timer = null;
    this.asked = 0;
    this.open.addEventListener('click', () => this.start());
    part('close').addEventListener('click', () => this.leave());
    part('back').addEventListener('click', () => this.go(this.at - 1));
    part('next').addEventListener('click', () => this.go(this.at + 1));
    this.play.addEventListener('click', () => (this.isPlaying ? this.pause() : this.#run()));
    this.range.addEventListener('input', () => this.go(Number(this.range.value)));
    document.addEventListener('visibilitychange', () => document.hidden && this.pause());
  }

  get at() { return Number(this.range.value); }
  get step() { return this.controls.hidden ? null : this.steps[this.at] ?? null; }
  get isPlaying() { return this.timer !== null; }

  /** Ask for the steps of the present filter and draw one: that which begins on `from`, else the last. */
  async start(from = '') {
    const asked = ++this.asked;
    let found;
    try {
      const answer = await fetch(`${this.root.dataset.url}?${this.query()}`);
      if (!answer.ok) throw new Error(String(answer.status));
      found = await answer.json();
    } catch {
      if (asked === this.asked) this.say(document.getElementById('map-texts').dataset.failed);
      return;
    }
    // Another filter, or the end of the slider, overtook this answer.
    if (asked !== this.asked) return;
    if (!found.steps.length) {
      this.leave();
      this.say(this.root.dataset.none);
      return;
    }
    this.steps = found.steps.map((step) => ({ ...step, top: found.top }));
    this.note.textContent = found.note;
    this.range.max = String(this.steps.length - 1);
    this.#toggle(true);
    const place = this.steps.findIndex((step) => step.from === from);
    this.go(place < 0 ? this.steps.length - 1 : place);
  }

  #toggle(isOpen) {
    const inside = this.root.contains(document.activeElement);
    this.controls.hidden = !isOpen;
    this.open.hidden = isOpen;
    this.open.setAttribute('aria-expanded', String(isOpen));
    if (inside) (isOpen ? this.play : this.open).focus();
  }

  /** Draw a step and load the one after it. */
  go(place, { quiet = false } = {}) {
    if (!quiet) this.pause();
    const at = Math.min(Math.max(place, 0), this.steps.length - 1);
    this.range.value = String(at);
    this.range.setAttribute('aria-valuetext', this.steps[at].text);
    this.text.value = this.steps[at].text;
    this.show(this.steps[at], { quiet });
    const following = this.steps[at + 1];
    this.ready = following ? this.prepare(following) : Promise.resolve();
  }

  #run() {
    if (this.at >= this.steps.length - 1) this.go(0, { quiet: true });
    this.play.setAttribute('aria-label', this.play.dataset.pause);
    this.root.classList.add('playing');
    // Twelve months in a row are not to be read out one by one.
    this.text.setAttribute('aria-live', 'off');
    this.#tick();
  }

  #tick() {
    const timer = setTimeout(async () => {
      await this.ready;
      if (this.timer !== timer) return;
      this.go(this.at + 1, { quiet: true });
      if (this.at >= this.steps.length - 1) this.pause();
      else this.#tick();
    }, STILL.matches ? STILL_MS : PLAY_MS);
    this.timer = timer;
  }

  pause() {
    if (!this.isPlaying) return;
    clearTimeout(this.timer);
    this.timer = null;
    this.play.setAttribute('aria-label', this.play.dataset.play);
    this.root.classList.remove('playing');
    this.text.setAttribute('aria-live', 'polite');
    // While it played, legend and table stood still: they say now what is seen.
    this.show(this.steps[this.at], { quiet: false });
  }

  /** The whole period again. */
  leave({ redraw = true } = {}) {
    this.asked++;
    clearTimeout(this.timer);
    this.timer = null;
    this.root.classList.remove('playing');
    this.play.setAttribute('aria-label', this.play.dataset.play);
    if (this.controls.hidden) return;
    this.#toggle(false);
    if (redraw) this.show(null, { quiet: false });
  }
}
