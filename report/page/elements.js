// The parts of the page: elements, words, tables of facts, what waits until one comes near; and the page's header.
// Text of the document only ever becomes text.

const FIGURE_SECTIONS = [
  ["ablations", "Ablations"], ["cmc", "CMC curves"], ["rates", "By rate"], ["sweeps", "Sweeps"],
  ["curves", "Training curves"], ["maps", "Feature maps"], ["recovery", "Recovery"], ["weights", "Weights"],
  ["masks", "Masks"], ["prefixes", "Prefixes"],
];
const COLOURS = 8;
const DASHES = ["solid", "dash", "dot", "dashdot"];
const DASH_ARRAYS = ["", "5 3", "1.5 2.5", "6 2 1.5 2"]; // the same in a legend
const SYMBOLS = ["circle", "square", "diamond", "cross", "x", "triangle-up", "triangle-down", "star"];
const PATTERNS = ["", "/", "x", "."];
const MOST_ROWS = 500; // of a table of a figure's numbers; the CSV has all

// It outlives a new rendering while a run is watched.
const state = {
  report: null,
  sorting: new Map(), // of a table's id: {column, descending}
  hidden: new Map(), // of a figure's id: names of series that are not shown
  blocks: new Map(), // of a key: {text, node}, taken again where nothing in it has changed
  places: new Map(), // of a series' name: {colour, variant}, its place among colours and among names of that colour
  others: 0, // names that are no row's
};

// ---- Elements and words

function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function svg(name, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

// As the tables print numbers: what lies in the middle goes to the even digit, where toFixed() goes away from zero.
function rounded(value, decimals) {
  const exact = Math.abs(value).toFixed(100);
  const cut = exact.length - 100 + (decimals || -1); // all of its digits are there, so that this is no rounding
  const middle = /^50*$/.test(exact.slice(exact.length - 100 + decimals));
  const even = /[02468]$/.test(exact.slice(0, cut));
  return middle && even ? (value < 0 ? "-" : "") + exact.slice(0, cut) : value.toFixed(decimals);
}

const fixed = (value, decimals) => rounded(value, decimals).replace("-", "−");

// As the paper prints it: the shortest text of the number, with a decimal at least; a mean of such with two at most.
function asPrinted(value) {
  const number = Number(rounded(value, 2));
  return Number.isInteger(number) ? fixed(number, 1) : String(number);
}

const signed = (value, decimals) => (value > 0 ? "+" : "") + fixed(value, decimals);
const short = (id) => id.slice(0, 12);
const plural = (count, one, many) => `${count} ${count === 1 ? one : many || `${one}s`}`;

function duration(seconds) {
  if (!isNumber(seconds)) return "–";
  if (seconds < 60) return `${fixed(seconds, seconds > 0 && seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const hours = (seconds) => fixed(seconds / 3600, seconds < 36000 ? 2 : 0);

function metricNamed(name) {
  return (state.report.metrics || {})[name] || { heading: name, decimals: 1, better: "up" };
}

// Its words were decided where it was measured (results/verdicts/verdict.h).
const noVerdict = (trials) => `${plural(trials, "trial")}: no verdict`;
const intervalText = (difference, decimals) => `${signed(difference.mean, decimals)} ` +
  `[${signed(difference.low, decimals)}, ${signed(difference.high, decimals)}]` +
  (difference.verdict === "no verdict" ? `, ${noVerdict(difference.trials)}` : difference.survives_holm ? " †" : "");
const comparisonsNote = (comparisons) => `${plural(comparisons, "comparison")} here; †: p < 0.05 after Holm's ` +
  "adjustment for all of them.";

const jobLabel = (id) => (state.report.jobs[id] ? state.report.jobs[id].label : `job ${short(id)}`);

const valueText = (value) =>
  (value === null || value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));

// A specification as pairs "recipe.steps", "250".
function flattened(value, key = "", pairs = new Map()) {
  if (value !== null && typeof value === "object" && !Array.isArray(value))
    for (const [name, member] of Object.entries(value)) flattened(member, key ? `${key}.${name}` : name, pairs);
  else pairs.set(key, valueText(value));
  return pairs;
}

const region = (label, key, ...children) =>
  el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label, "data-key": key }, ...children);

// A table of texts and nodes. The first of a row is its heading.
function factTable(caption, columns, rows, styleOf) {
  const line = (row, at) => el("tr", { class: styleOf ? styleOf(at) : null },
    row.map((value, place) => (place === 0 ? el("th", { scope: "row" }, value) : el("td", {}, value))));
  return region(caption, null, el("table", { class: "facts" }, el("caption", {}, el("span", {}, caption)),
    el("thead", {}, el("tr", {}, columns.map((column) => el("th", { scope: "col" }, column)))),
    el("tbody", {}, rows.map(line))));
}

// Lists of members by their keys, in the order of the first of each.
function groupedBy(list, keyOf) {
  const groups = new Map();
  for (const member of list) {
    const key = keyOf(member);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(member);
  }
  return groups;
}

// RFC 4180.
function csvOf(columns, rows) {
  const field = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  return [columns, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

function csvButton(what, name, numbers) {
  const save = () => {
    const { columns, rows } = numbers();
    const address = URL.createObjectURL(new Blob([csvOf(columns, rows)], { type: "text/csv" }));
    el("a", { href: address, download: `${name}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };
  return el("button", { type: "button", class: "push", "aria-label": `CSV of ${what}`, "data-key": `csv/${name}`,
    onclick: save }, "CSV");
}

// It is made when it is first opened. `key` tells it again after a new rendering.
const makers = new WeakMap();

function openedLater(key, summary, make) {
  const details = el("details", { "data-key": key }, el("summary", {}, summary));
  makers.set(details, () => {
    if (details.children.length === 1) details.append(...[make()].flat());
  });
  details.addEventListener("toggle", () => {
    if (details.open) makers.get(details)();
  });
  return details;
}

// At once, so that what stands below is where it was.
function openNow(details) {
  details.open = true;
  if (makers.has(details)) makers.get(details)();
}

// Facts that few readers ask for.
const foldedList = (key, words, lines) => (lines.length ? openedLater(key, `${words} (${lines.length})`, () =>
  el("ul", { class: "notes quiet small" }, lines.map((line) => el("li", {}, line)))) : null);

// The node of a key as it was, where what it is made of has the same JSON.
function block(key, value, make) {
  const text = JSON.stringify(value);
  const known = state.blocks.get(key);
  if (known && known.text === text) return known.node;
  const node = make();
  state.blocks.set(key, { text, node });
  return node;
}

// ---- What waits until one comes near

const waiting = new WeakMap();
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    near.unobserve(entry.target);
    waiting.get(entry.target)();
  }
}, { rootMargin: "600px 0px" });

function whenNear(node, use) {
  waiting.set(node, use);
  near.observe(node);
}

// ---- Header

function statusBadge(status) {
  if (status.complete) return el("span", { class: "badge good" }, "✓ complete");
  if (status.silent) return el("span", { class: "badge bad" }, "… silent");
  if (status.live) return el("span", { class: "badge open" }, "… running");
  return el("span", { class: "badge bad" }, "✗ not complete");
}

function kindItem(jobs) {
  const share = (count) => `width:${(100 * count) / Math.max(jobs.all, 1)}%`;
  const words = `${jobs.kind}: ${jobs.done} of ${jobs.all} done${jobs.running ? `, ${jobs.running} running` : ""}` +
    `${jobs.failed ? `, ${jobs.failed} failed` : ""}${jobs.cancelled ? `, ${jobs.cancelled} cancelled` : ""}`;
  return el("li", {},
    el("div", { class: "meter", "aria-hidden": "true" }, el("i", { style: share(jobs.done) }),
      el("i", { class: "running", style: share(jobs.running) }),
      el("i", { class: "failed", style: share(jobs.failed) })),
    el("span", { class: "small" }, words));
}

function jobButton(id, words, key) {
  return el("button", { type: "button", "aria-haspopup": "dialog", "data-key": key || null,
    onclick: () => showJob(id) }, words);
}

// The jobs of all kinds that are done, have failed, …
const jobsOf = (status, state) => status.jobs.reduce((sum, jobs) => sum + jobs[state], 0);

function failureList(status) {
  const { failures } = status;
  if (!failures.length) return null;
  const words = ["failed", "cancelled"].map((state) => [jobsOf(status, state), state]).filter(([count]) => count)
    .map(([count, state]) => `${plural(count, "job")} ${state}`);
  return el("div", { id: "failures" }, el("h2", {}, words.join(", ")),
    el("ul", { class: "failures" }, failures.map((failure) => el("li", {},
      el("strong", { class: "bad" }, `✗ ${failure.cause}`), " ",
      jobButton(failure.job, failure.label, `failure/${failure.job}`),
      failure.why ? el("div", {}, failure.why) : null))));
}

function header(report) {
  const { status } = report;
  const spent = [
    isNumber(status.seconds) ? `${duration(status.seconds)} of runs` : null,
    isNumber(status.processor_seconds) ? `${hours(status.processor_seconds)} processor-hours` : null,
    isNumber(status.gpu_seconds) ? `${hours(status.gpu_seconds)} GPU-hours` : null,
    isNumber(status.node_seconds) ? `allocated: ${hours(status.node_seconds)} node-hours` : null,
    status.allocated_gpu_seconds > 0 ? `${hours(status.allocated_gpu_seconds)} GPU-hours (${status.gpu_use})` : null,
  ].filter((one) => one);
  const all = jobsOf(status, "all"), done = jobsOf(status, "done");
  return el("header", {}, el("h1", {}, report.title),
    el("p", {}, statusBadge(status), " Suite ", el("code", {}, report.suite),
      all ? `; ${done} of ${all} jobs done` : null,
      spent.length ? `; ${spent.join(", ")}` : "; no journal is left that tells of time", "."),
    status.jobs.length ? el("ul", { class: "kinds" }, status.jobs.map(kindItem)) : null,
    foldedList("gpus", "GPUs of the jobs at work", status.silent ? [] : status.gpus),
    foldedList("notes", "Notes on all tables", report.notes),
    failureList(status));
}
