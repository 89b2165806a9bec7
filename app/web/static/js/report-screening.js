// What in a text looks like a person, found on the phone with the server's own table.

/**
 * Make the finder from the table: {parts, allowed, certain, uncertain}; a part in a pattern is one that stands before it.
 * Returns screen(text) → [{kind, certain, start, end, found}] on the text's NFC form, as app/reports/screening.py does.
 */
export function makeScreen(table) {
  let compiled;
  try {
    const parts = {};
    const whole = (pattern) => pattern.replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
    for (const [name, pattern] of Object.entries(table.parts)) parts[name] = whole(pattern);
    const compile = (certain) => ({ kind, pattern, fold = false }) => ({ kind, certain, pattern: new RegExp(whole(pattern), fold ? 'giu' : 'gu') });
    compiled = {
      certain: table.certain.map(compile(true)),
      uncertain: table.uncertain.map(compile(false)),
      allowed: table.allowed.map((pattern) => new RegExp(whole(pattern), 'gu')),
    };
  } catch {
    return () => []; // no table, or an old browser without lookbehind: the server looks too
  }
  return (text) => {
    const given = text.normalize('NFC');
    const certain = apart(compiled.certain.flatMap((rule) => matches(rule, given)));
    const whole = certain.reduce(cover, given);
    const spans = compiled.allowed.flatMap((pattern) => [...whole.matchAll(pattern)])
      .map((match) => ({ start: match.index, end: match.index + match[0].length }));
    const doubts = compiled.uncertain.flatMap((rule) => matches(rule, whole))
      .filter((find) => find.kind !== 'name' || !within(find, spans));
    return apart([...certain, ...doubts]);
  };
}

function matches({ kind, certain, pattern }, text) {
  return [...text.matchAll(pattern)]
    .map((match) => ({ kind, certain, start: match.index, end: match.index + match[0].length, found: match[0] }));
}

/** The text with one piece covered, each place kept: a plate is no surname of the word before it. */
function cover(text, { start, end }) {
  return text.slice(0, start) + '#'.repeat(end - start) + text.slice(end);
}

const within = (find, spans) => spans.some(({ start, end }) => start < find.end && find.start < end);

/** Without overlaps: certain before uncertain, then the longer one, then the earlier one, then the table's order. */
function apart(finds) {
  const kept = [];
  const order = (one, other) => other.certain - one.certain
    || (other.end - other.start) - (one.end - one.start) || one.start - other.start;
  for (const find of [...finds].sort(order)) if (!within(find, kept)) kept.push(find);
  return kept.sort((one, other) => one.start - other.start);
}

/** The finder of this release; the page has asked for its table while the scripts were coming. */
export const screen = makeScreen(await fetch('/static/screening.json').then((answer) => answer.json()).catch(() => null));
