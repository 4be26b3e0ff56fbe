// Reads a trace as a viewer does, and says what is wrong with it: each child is there once and is
// named, the slices of a track nest, tracks have names, and each arrow has two ends.

const said = [];
const fault = (text) => said.push(text);

const trace = JSON.parse(document.getElementById("trace").textContent);
const lines = document.getElementById("children").textContent.split("\n").filter((line) => line);

const slices = new Map();
const named = new Set();
const children = new Map();
const arrows = new Map();
for (const event of trace.traceEvents) {
  switch (event.ph) {
    case "M":
      if (event.name === "process_name") named.add(`${event.pid}`);
      if (event.name === "thread_name") named.add(`${event.pid}/${event.tid}`);
      break;
    case "X": {
      const track = `${event.pid}/${event.tid}`;
      if (!slices.has(track)) slices.set(track, []);
      slices.get(track).push(event);
      if (event.cat === "child") {
        const number = event.args.number;
        children.set(number, [...(children.get(number) ?? []), event]);
      }
      break;
    }
    case "s":
    case "f":
      arrows.set(event.id, (arrows.get(event.id) ?? "") + event.ph);
      break;
  }
}

for (const line of lines) {
  const [number, id] = line.split(" ");
  const found = children.get(Number(number)) ?? [];
  if (found.length !== 1) fault(`child ${number} is there ${found.length} times`);
  else if (!found[0].name.startsWith(id)) fault(`child ${number} is named "${found[0].name}"`);
}
if (children.size !== lines.length) fault(`${children.size} children, and not ${lines.length}`);

// Nanoseconds, as the sums of fractions are not exact.
const nanos = (micros) => Math.round(micros * 1000);
for (const [track, events] of slices) {
  const [pid] = track.split("/");
  if (!named.has(pid) || !named.has(track)) fault(`track ${track} has no name`);
  events.sort((one, other) => one.ts - other.ts || other.dur - one.dur);
  const open = [];
  for (const event of events) {
    const [from, to] = [nanos(event.ts), nanos(event.ts) + nanos(event.dur)];
    while (open.length && open.at(-1) <= from) open.pop();
    if (open.length && open.at(-1) < to) fault(`"${event.name}" does not nest on track ${track}`);
    open.push(to);
  }
}
for (const [id, ends] of arrows) {
  if (ends !== "sf") fault(`arrow ${id} is "${ends}"`);
}

const verdict = said.length ? said.slice(0, 5).join("; ") : `good, ${lines.length} children`;
document.getElementById("verdict").textContent = `verdict: ${verdict}`;
