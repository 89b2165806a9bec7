// What in a text looks like a person, found on the phone with the server's own table (app/reports/screening.json).

/**
 * Make the finder from the table: {allowed, certain, uncertain}, patterns as the server expands them.
 * Returns screen(text) → [{kind, certain, start, end, found}] on the text's NFC form, as app/reports/screening.py does.
 */
export function makeScreen(table) {
  let compiled;
  try {
    compiled = {
      certain: table.certain.map((rule) => compile(rule, true)),
      uncertain: table.uncertain.map((rule) => compile(rule, false)),
      allowed: table.allowed.map((pattern) => new RegExp(pattern, 'gu')),
    };
  } catch {
    return () => []; // an old browser without lookbehind: the server looks too
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

function compile({ kind, pattern, fold = false }, certain) {
  return { kind, certain, pattern: new RegExp(pattern, fold ? 'giu' : 'gu') };
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
