// The desk by keyboard: only while the focus is in the list, so that no single letter does anything elsewhere.

const table = document.getElementById("desk-rows");
const said = document.getElementById("ticked");
const ticks = table ? [...table.querySelectorAll(".tick")] : [];
const moves = { a: "acknowledge", s: "start", v: "verify", t: "transfer", r: "reject" };

function tell() {
  if (!said) return;
  const count = ticks.filter((tick) => tick.checked).length;
  said.textContent = table.dataset.ticked.replace("{count}", count);
  said.hidden = count === 0;
}

function step(row, by) {
  const rows = [...table.tBodies[0].rows];
  const next = rows[Math.min(Math.max(rows.indexOf(row) + by, 0), rows.length - 1)];
  (next.querySelector(".tick") ?? next.querySelector("a")).focus();
}

function open(id) {
  const part = document.getElementById(id);
  if (!part) return false;
  part.open = true;
  (part.querySelector("select, textarea") ?? part.querySelector("summary")).focus();
  return true;
}

function move(name) {
  if (open(`bulk-${name}`)) return true;
  const button = document.querySelector(`button[form="bulk"][name="move"][value="${name}"]`);
  if (!button || !ticks.some((tick) => tick.checked)) return false;
  button.click();
  return true;
}

function pressed(event) {
  const row = event.target.closest("tbody tr");
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
  const tick = row.querySelector(".tick");
  let known = true;
  if (event.key === "j" || event.key === "ArrowDown") step(row, 1);
  else if (event.key === "k" || event.key === "ArrowUp") step(row, -1);
  else if (event.key === "x" && tick) tick.click();
  else if (event.key === "Enter" && event.target === tick) row.querySelector("a").click();
  else if (event.key === "?") known = open("keys");
  else known = event.key in moves && move(moves[event.key]);
  if (known) event.preventDefault();
}

if (table) {
  table.addEventListener("keydown", pressed);
  table.addEventListener("change", tell);
  tell();
}
const wrong = document.getElementById("error-summary");
if (wrong && !wrong.hidden) wrong.focus();
