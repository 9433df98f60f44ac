// Tables of numbers, the papers' claims, and the dialog that tells what a number stands on.

// ---- Tables

const columnsOf = (table) => table.datasets.flatMap((dataset) => table.metrics.map((metric) => ({ dataset, metric })));

// Made-up images in the place of a data set's real ones are never to be taken for those.
const isStandIn = (table, dataset) => (table.stand_ins || []).includes(dataset);
const isDrawn = (table, dataset) => (table.drawn || []).includes(dataset);
// Rows of "market->caviar" train on the one data set and are asked on the other.
const setsOf = (dataset) => (dataset.includes("->") ? dataset.split("->") : [dataset, dataset]);
const columnName = (dataset) => dataset.replace("->", " → ");
const marked = (table, dataset, name) => (isStandIn(table, dataset) ? `${name} (stand-in)`
  : isDrawn(table, dataset) ? `${name} (drawn)` : name);
const columnTitle = (table, dataset) => marked(table, dataset, columnName(dataset));

function standInNote(tables) {
  const names = new Set(tables.flatMap((table) => (table.stand_ins || []).filter((dataset) =>
    !(table.mean_of || []).length || dataset !== table.datasets[table.datasets.length - 1])));
  return names.size ? el("p", { class: "bad" }, `Stand-ins, not the real data: the images of ${[...names].map(columnName).join(", ")} ` +
    "are made up; numbers on them say nothing about a paper's.") : null;
}

// How a cell reads, without the paper's number.
function cellText(cell) {
  const { decimals } = metricNamed(cell.metric);
  if (cell.status === "complete" && isNumber(cell.mean))
    return fixed(cell.mean, decimals) + (isNumber(cell.std) ? ` ± ${fixed(cell.std, decimals)}` : "");
  if (cell.status === "incomplete") return `… ${cell.trials}/${cell.trials_needed}`;
  return cell.status === "not applicable" ? "–" : `⚠ ${cell.status}`;
}

function reasonOf(cell) {
  if (cell.status === "complete") return "";
  const trials = `${cell.trials} of ${plural(cell.trials_needed, "trial")} there`;
  return cell.status === "incomplete" ? `incomplete, ${trials}${cell.why ? `: ${cell.why}` : ""}`
    : `${cell.status}${cell.why ? `: ${cell.why}` : ""}`;
}

// A column that has the paper's numbers keeps room for them in every row, so that ours stand below each other.
function paperNumber(table, column, value, lacks, footnotes) {
  const { metric } = columnsOf(table)[column];
  const style = `min-width:${metricNamed(metric).decimals + 5.5}ch`;
  const marks = marksOf(footnotes);
  if (isNumber(value)) return el("span", { class: "paper", style }, `(${asPrinted(value)})`, marks);
  if (lacks) return el("span", { class: "paper", style }, "(no reference)", marks);
  return table.rows.some((row) => isNumber(row.cells[column].reference)) ? el("span", { class: "paper", style }) : null;
}

// Figures of footnotes; null without any.
const marksOf = (footnotes) => ((footnotes || []).length ? el("sup", {}, footnotes.join(", ")) : null);

function numberCell(table, row, column) {
  const cell = row.cells[column];
  const { heading } = metricNamed(cell.metric);
  const text = cellText(cell), reason = reasonOf(cell);
  const paper = paperNumber(table, column, cell.reference, cell.no_reference, cell.footnotes);
  if (cell.status === "not applicable")
    return el("td", { title: reason }, el("span", { "aria-hidden": "true" }, text),
      el("span", { class: "hidden-text" }, "not applicable"), paper);
  const style = (cell.best ? " best" : "") + (cell.status === "complete" ? "" : cell.status === "incomplete" ? " open" : " bad");
  return el("td", {},
    el("button", { type: "button", class: `number${style}`, title: reason || null, "aria-haspopup": "dialog",
      "aria-label": `${text}${reason ? `, ${reason}` : ""}: ${row.label}, ${heading} on ` +
        columnTitle(table, cell.dataset),
      "data-key": `cell/${table.id}/${row.id}/${column}`,
      onclick: () => showCell(table.id, row.id, column) }, text), marksOf(cell.own_footnotes), paper);
}

function sortKey(row, column) {
  return column < 0 ? row.label : row.cells[column].mean;
}

function sortedRows(table) {
  const order = state.sorting.get(table.id);
  if (!order) return table.rows;
  return [...table.rows].sort((a, b) => {
    const [one, two] = [sortKey(a, order.column), sortKey(b, order.column)];
    // A value that is not there stands last whichever way the rest goes.
    if (!isNumber(one) && order.column >= 0) return isNumber(two) ? 1 : 0;
    if (!isNumber(two) && order.column >= 0) return -1;
    const sign = order.column < 0 ? one.localeCompare(two) : one - two;
    return order.descending ? -sign : sign;
  });
}

// The best first, then the worst first, then the suite's order.
function sortFurther(table, column) {
  const bestIsHigh = column >= 0 && metricNamed(columnsOf(table)[column].metric).better !== "down";
  const order = state.sorting.get(table.id);
  if (!order || order.column !== column) state.sorting.set(table.id, { column, descending: bestIsHigh });
  else if (order.descending === bestIsHigh) state.sorting.set(table.id, { column, descending: !bestIsHigh });
  else state.sorting.delete(table.id);
}

// Moves the rows that are there, so that nothing loses the focus.
function applySorting(table, grid) {
  const order = state.sorting.get(table.id);
  for (const heading of grid.querySelectorAll("th[data-column]")) {
    const here = order && Number(heading.dataset.column) === order.column;
    heading.setAttribute("aria-sort", here ? (order.descending ? "descending" : "ascending") : "none");
  }
  const lines = new Map([...grid.querySelectorAll("tr[data-row]")].map((line) => [line.dataset.row, line]));
  const body = grid.querySelector("tbody");
  const last = body.querySelector(".chance");
  for (const row of sortedRows(table)) if (lines.has(row.id)) body.insertBefore(lines.get(row.id), last);
}

// \param grids all that show the table's rows
function sortHeading(table, column, words, grids) {
  const sort = () => {
    sortFurther(table, column);
    for (const grid of grids) applySorting(table, grid);
  };
  return el("th", { scope: "col", "data-column": column, "aria-sort": "none" },
    el("button", { type: "button", class: "sort", title: "Sort", "data-key": `sort/${table.id}/${column}`,
      onclick: sort }, words));
}

function publishedLine(table, published) {
  return el("tr", { class: "published" }, el("th", { scope: "row" }, `${published.label} (published)`),
    columnsOf(table).map(({ dataset, metric }, at) => {
      const value = (published.references[dataset] || {})[metric];
      const lacks = ((published.no_reference || {})[dataset] || []).includes(metric);
      const footnotes = ((published.footnotes || {})[dataset] || {})[metric];
      return el("td", {}, isNumber(value) || lacks ? null : "–", paperNumber(table, at, value, lacks, footnotes));
    }));
}

function chanceLine(table) {
  const chances = columnsOf(table).map((column, at) => {  // one for all rows of the column, or none
    const [chance, ...others] = new Set(table.rows.map((row) => row.cells[at].chance).filter(isNumber));
    return others.length ? null : chance;
  });
  if (!chances.some(isNumber)) return null;
  return el("tr", { class: "chance" }, el("th", { scope: "row" }, "chance"), chances.map((chance, at) =>
    el("td", {}, isNumber(chance) ? fixed(chance, metricNamed(columnsOf(table)[at].metric).decimals) : "–",
      paperNumber(table, at, null))));
}

function captionOf(table) {
  const cells = table.rows.flatMap((row) => row.cells);
  const where = table.datasets.length === 1 ? `On ${columnTitle(table, table.datasets[0])}. ` : "";
  const trials = [...new Set(cells.map((cell) => cell.trials_needed))].sort((a, b) => a - b);
  const over = trials.length === 1 ? plural(trials[0], "trial") : `${trials.join(", ")} trials`;
  const parts = [`${where}Mean ± sample standard deviation over ${over}`];
  if (cells.some((cell) => isNumber(cell.reference) || cell.no_reference) || (table.published || []).length)
    parts.push("the paper's number in parentheses");
  if (cells.some((cell) => cell.best))
    parts.push("bold: better than each other row of its column, by the whole 95 % interval of the difference");
  return `${parts.join("; ")}. Press a number for what it stands on.${table.from_scratch ? " From scratch." : ""}`;
}

// The data sets that rows train on, each above its columns, where rows are asked on others too.
function trainedLine(table, metrics) {
  if (!table.datasets.some((dataset) => dataset.includes("->"))) return null;
  const runs = [];
  for (const dataset of table.datasets) {
    const [trainedOn] = setsOf(dataset);
    if (!runs.length || runs[runs.length - 1].trainedOn !== trainedOn) runs.push({ trainedOn, columns: 0 });
    runs[runs.length - 1].columns += metrics;
  }
  const isMean = (run) => (table.mean_of || []).length && run === runs[runs.length - 1];
  return el("tr", {}, el("td", {}), runs.map((run) => el("th", { scope: "colgroup", colspan: run.columns },
    isMean(run) ? "" : `trained on ${run.trainedOn}`)));
}

// Lines of heads above those of metrics: data sets, and those that rows train on. \param metrics columns of a data set
function headsAbove(table, metrics) {
  if (table.datasets.length < 2 && !isStandIn(table, table.datasets[0])) return [];
  const trained = trainedLine(table, metrics);
  const headOf = (dataset) => (trained ? marked(table, dataset, setsOf(dataset)[1]) : columnTitle(table, dataset));
  return [trained, el("tr", {}, el("td", {}), table.datasets.map((dataset) =>
    el("th", { scope: "colgroup", colspan: metrics },
      el("span", { class: isStandIn(table, dataset) ? "bad" : null }, headOf(dataset)))))];
}

const captionElement = (words) => el("caption", {}, el("span", {}, words));

function numbersGrid(table, grids) {
  const columns = columnsOf(table);
  return el("table", { class: "numbers", "data-table": table.id }, captionElement(captionOf(table)),
    el("thead", {}, headsAbove(table, table.metrics.length),
      el("tr", {}, sortHeading(table, -1, "method", grids), columns.map(({ metric }, at) =>
        sortHeading(table, at, metricNamed(metric).heading, grids)))),
    el("tbody", {}, (table.published || []).map((published) => publishedLine(table, published)),
      table.rows.map((row) => el("tr", { "data-row": row.id }, el("th", { scope: "row" }, row.label),
        row.cells.map((cell, at) => numberCell(table, row, at)))),
      chanceLine(table)));
}

// Each row's difference from the one that the table compares with; nothing where no row has any.
function differencesGrid(table) {
  const metrics = table.metrics.filter((metric) =>
    table.rows.some((row) => row.cells.some((cell) => cell.metric === metric && cell.difference)));
  if (!metrics.length) return null;
  const to = table.rows.find((row) => row.id === table.compare_with);
  const number = ({ difference, difference_why: why, metric }) => (difference
    ? [intervalText(difference, metricNamed(metric).decimals), marksOf(difference.footnotes)]
    : el("span", { title: why || null }, why ? "none" : "…"));
  const caption = `Difference from ${to.label}: points, 95 % interval for new people and new trainings. ${comparisonsNote(table.comparisons)}`;
  return el("table", { class: "numbers" }, captionElement(caption),
    el("thead", {}, headsAbove(table, metrics.length), el("tr", {}, el("th", { scope: "col" }, "method"),
      table.datasets.flatMap(() => metrics).map((metric) => el("th", { scope: "col" }, metricNamed(metric).heading)))),
    el("tbody", {}, table.rows.filter((row) => row !== to).map((row) => el("tr", { "data-row": row.id },
      el("th", { scope: "row" }, row.label),
      row.cells.filter((cell) => metrics.includes(cell.metric)).map((cell) => el("td", {}, number(cell)))))));
}

// Why numbers are not to be relied on, for those who cannot point at a cell.
function reasonList(table) {
  const reasons = new Map();
  for (const row of table.rows)
    for (const cell of row.cells) {
      if (!["mixed", "stale", "damaged"].includes(cell.status)) continue;
      const reason = `${row.label} on ${columnName(cell.dataset)}, ${reasonOf(cell)}`;
      reasons.set(reason, [...(reasons.get(reason) || []), metricNamed(cell.metric).heading]);
    }
  if (!reasons.size) return null;
  return el("ul", { class: "small" }, [...reasons].map(([reason, metrics]) =>
    el("li", {}, el("span", { class: "bad" }, "⚠ "), `${reason} (${metrics.join(", ")})`)));
}

// The facts of the papers' numbers, by the figures that stand beside them.
function footnoteList(table) {
  return table.footnotes ? el("ol", { class: "small footnotes" }, table.footnotes.map((text) => el("li", {}, text)))
    : null;
}

// Its rows, and what else differs between a row and the one that the table compares with.
function noteList(table) {
  const to = table.rows.find((row) => row.id === table.compare_with);
  const word = (value) => (value === null || value === "" ? "none" : typeof value === "string" ? value : JSON.stringify(value));
  const lines = [...(table.notes || []), ...table.rows.filter((row) => row.other_settings).map((row) =>
    `${row.label} differs from ${to.label} in ` +
    row.other_settings.map(({ key, value, compared }) => `${key} (${word(value)}, ${word(compared)})`).join(", "))];
  return foldedList(`notes/${table.id}`, "Notes on these rows", lines);
}

function tableNumbers(table) {
  const rows = table.rows.flatMap((row) => row.cells.map((cell) => [table.id, row.label,
    columnTitle(table, cell.dataset), cell.metric, cell.status, cell.mean, cell.std, cell.trials,
    cell.reference, cell.paper_dataset || "", cell.chance,
    ...["mean", "low", "high", "p", "p_holm"].map((key) => (cell.difference ? cell.difference[key] : ""))]));
  return { columns: ["table", "row", "data set", "metric", "status", "mean", "std", "trials", "paper", "paper's data set",
    "chance", "difference", "difference low", "difference high", "difference p", "difference p after Holm"], rows };
}

const PAPER_VERDICTS = { reproduces: "good", differs: "bad", undecided: "open" };

// Ours against the paper's numbers: a line per number.
function paperBlock(table) {
  const lines = table.rows.flatMap((row) => row.cells.filter((cell) => cell.against_paper).map((cell) => {
    const { decimals, heading } = metricNamed(cell.metric), { difference, low, high, verdict } = cell.against_paper;
    const words = verdict === "too few trials" ? `${plural(cell.trials, "trial")}: no verdict` : verdict;
    return el("tr", {}, el("th", { scope: "row" }, row.label), el("td", {}, columnTitle(table, cell.dataset)),
      el("td", {}, heading), el("td", {}, fixed(cell.mean, decimals)), el("td", {}, asPrinted(cell.reference), marksOf(cell.footnotes)),
      el("td", {}, isNumber(low) ? intervalText({ mean: difference, low, high }, decimals) : signed(difference, decimals)),
      el("td", {}, el("span", { class: `badge ${PAPER_VERDICTS[verdict] || "quiet"}` }, words)));
  }));
  if (!lines.length) return null;
  const { margin } = table.rows.flatMap((row) => row.cells).find((cell) => cell.against_paper).against_paper;
  const caption = "Against the paper's numbers, taken as exact unless read off a plot: ours − paper in points, 95 % interval for new " +
    `people of this kind and new trainings. Reproduces: within ±${margin} points, by two one-sided tests at 5 %. Ours are of the ` +
    "last training step; public code of this field often reports the best epoch on the test set.";
  return region(`${table.title}: against the paper`, `scroll/${table.id}/paper`, el("table", { class: "numbers" },
    captionElement(caption),
    el("thead", {}, el("tr", {}, ["method", "data set", "metric", "ours", "paper", "ours − paper", "verdict"].map((words) =>
      el("th", { scope: "col" }, words)))),
    el("tbody", {}, lines)));
}

function tableBlock(table) {
  const grids = [];
  grids.push(...[numbersGrid(table, grids), differencesGrid(table)].filter((grid) => grid));
  for (const grid of grids) applySorting(table, grid);
  const [numbers, differences] = grids;
  const lines = table.rows.length + (table.published || []).length;
  const node = el("div", { class: "block", id: `table-${table.id}` }, el("h3", {}, table.title),
    el("div", { class: "beside" }, region(table.title, `scroll/${table.id}`, numbers),
      differences ? region(`${table.title}: differences`, `scroll/${table.id}/differences`, differences) : null,
      paperBlock(table)),
    el("div", { class: "actions" }, csvButton(table.title, `table-${table.id}`, () => tableNumbers(table))),
    standInNote([table]), reasonList(table), noteList(table), footnoteList(table),
    (table.no_reference || []).map((paper) => el("p", { class: "small quiet" }, `No number of “${paper}” is known.`)));
  node.style.containIntrinsicSize = `auto ${190 + 34 * lines}px`;
  return node;
}

// ---- Claims

const VERDICTS = {
  "holds": ["✓ holds", "good"], "in the means": ["≈ in the means", "open"], "undecided": ["~ undecided", "open"],
  "no verdict": ["no verdict", "quiet"], "open": ["? open", "quiet"], "contradicted": ["✗ contradicted", "bad"],
};

const verdictText = (verdict, trials) => (verdict === "no verdict" ? noVerdict(trials) : VERDICTS[verdict][0]);

// Each row against the last before it that has a mean.
function claimPairs(claim, decimals) {
  let [before] = claim.rows;
  return el("ul", { class: "small" }, claim.rows.slice(1).map((row, at) => {
    const { label } = before;
    if (isNumber(row.mean) && claim.form !== "some") before = row;
    const difference = claim.differences[at];
    return el("li", {}, `${row.label} better than ${label}: ${verdictText(claim.steps[at], claim.trials)}`,
      difference ? `; difference ${intervalText(difference, decimals)}` : "; no interval");
  }));
}

function claimItem(table, claim) {
  const { decimals, heading } = metricNamed(claim.metric);
  const order = claim.rows.map((row) => `${row.label}${isNumber(row.mean) ? ` ${fixed(row.mean, decimals)}` : ""}`);
  return el("li", {},
    el("p", {}, el("span", { class: `badge ${VERDICTS[claim.status][1]}` }, verdictText(claim.status, claim.trials)),
      ` ${heading}; paper: ${claim.paper_dataset}; here: ${columnTitle(table, claim.dataset)}; worse to better: `,
      el("strong", {}, claim.form === "some" && order.length > 2 ? `${order[0]} → some of ${order.slice(1).join(", ")}` : order.join(" → "))),
    claimPairs(claim, decimals));
}

const CLAIM_KINDS = { stated: "Stated in the text", printed: "Printed in a table" };

function claimsSection(tables) {
  const counted = (kind) => {
    const all = tables.flatMap((table) => table.claims).filter((claim) => claim.kind === kind);
    const counts = Object.keys(VERDICTS).map((status) => [all.filter((claim) => claim.status === status).length, status]);
    return all.length ? el("p", {}, el("strong", {}, CLAIM_KINDS[kind]), `: ${plural(all.length, "order")}: ` +
      `${counts.filter(([count]) => count).map(([count, status]) => `${count} ${status}`).join(", ")}.`) : null;
  };
  const ofKind = (table, kind) => {
    const claims = table.claims.filter((claim) => claim.kind === kind);
    return claims.length ? [el("h4", {}, CLAIM_KINDS[kind]),
      el("ul", { class: "claims" }, claims.map((claim) => claimItem(table, claim)))] : null;
  };
  return [el("p", {}, "Orders of the papers' rows, held against the numbers here. An order holds where each row is " +
    "better by a difference whose whole 95 % interval says so, and is contradicted where a whole interval says the " +
    "opposite."), Object.keys(CLAIM_KINDS).map(counted),
  tables.filter((table) => table.claims.length).map((table) => el("div", { class: "block" }, el("h3", {}, table.title),
    Object.keys(CLAIM_KINDS).map((kind) => ofKind(table, kind)),
    table.comparisons ? el("p", { class: "small quiet" }, comparisonsNote(table.comparisons)) : null))];
}

// ---- The dialog: what a number stands on

const dialog = document.getElementById("dialog");
const shown = []; // functions that make what the dialog shows; the last is in view
let opener = null; // key of what opened it, which a new rendering may have made anew

function fillDialog() {
  const { title, content } = shown[shown.length - 1]();
  const back = () => {
    shown.pop();
    fillDialog();
  };
  const heading = el("h2", { id: "dialog-title", tabindex: -1 }, title);
  dialog.replaceChildren(el("div", { class: "dialog-head" }, heading, el("div", { class: "actions" },
    shown.length > 1 ? el("button", { type: "button", class: "push", onclick: back }, "Back") : null,
    el("button", { type: "button", class: "push", onclick: () => dialog.close() }, "Close"))), el("div", {}, content));
  dialog.scrollTop = 0;
  heading.focus({ preventScroll: true });
}

function show(make) {
  if (!dialog.open) {
    shown.length = 0;
    opener = document.activeElement;
  }
  shown.push(make);
  if (!dialog.open) dialog.showModal();
  fillDialog();
}

function nodeWithKey(key) {
  return key ? document.querySelector(`[data-key="${CSS.escape(key)}"]`) : null;
}

dialog.addEventListener("close", () => {
  dialog.replaceChildren();
  const target = opener && (opener.isConnected ? opener : nodeWithKey(opener.dataset.key));
  if (target) target.focus();
});
// A press beside the dialog closes it.
dialog.addEventListener("click", (event) => {
  if (event.target !== dialog) return;
  const box = dialog.getBoundingClientRect();
  const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top &&
    event.clientY <= box.bottom;
  if (!inside) dialog.close();
});

const NOT_SETTINGS = new Set(["training", "seed"]);

// Settings in which jobs of one kind differ, among the first trials of a table's rows on a data set.
function differingSettings(table, dataset, kind) {
  const values = new Map();
  let count = 0;
  for (const row of table.rows) {
    const cell = row.cells.find((one) => one.dataset === dataset);
    const id = cell && cell.jobs.find((job) => state.report.jobs[job] && state.report.jobs[job].kind === kind);
    if (!id) continue;
    ++count;
    for (const [key, value] of flattened(state.report.jobs[id].settings)) {
      if (!values.has(key)) values.set(key, []);
      values.get(key).push(value);
    }
  }
  return new Set([...values].filter(([key, its]) =>
    !NOT_SETTINGS.has(key) && (its.length < count || its.some((value) => value !== its[0]))).map(([key]) => key));
}

function settingsTable(job, differing) {
  const pairs = [...flattened(job.settings)];
  pairs.sort(([one], [two]) => differing.has(two) - differing.has(one));
  return factTable("Settings", ["setting", "value"], pairs, (at) => (differing.has(pairs[at][0]) ? "differs" : null));
}

function jobFacts(id, differing, level) {
  const job = state.report.jobs[id];
  if (!job) return el("p", {}, `Job ${short(id)} is not in this document.`);
  const attempts = state.report.timeline.attempts.filter((one) => one.job === id);
  const metrics = Object.entries(job.metrics || {});
  const count = [...flattened(job.settings).keys()].filter((key) => differing.has(key)).length;
  const numericClass = job.result && job.result.numeric_class;
  return el("div", { class: "job" }, el(level, {}, `${job.kind} `, el("code", {}, short(id))),
    el("p", { class: "small" }, `${job.label}; ${job.done ? "done" : "not done yet"}` +
      `${isNumber(job.attempts) ? `, attempt ${job.attempts}` : ""}.` +
      `${numericClass ? ` Numeric class: ${numericClass}.` : ""}`),
    openedLater(null, count ? `Settings (${count} that differ from other rows first)` : "Settings", () =>
      settingsTable(job, differing)),
    openedLater(null, "Hashes", () => factTable("What decided bits", ["what", "value"],
      [["job", id], ...(job.result ? flattened(job.result) : [])])),
    metrics.length ? openedLater(null, "Metrics", () => factTable("Metrics: losses, and fractions from 0 to 1", ["metric", "value"],
      metrics.map(([name, value]) => [name, valueText(value)]))) : null,
    attempts.length ? openedLater(null, `Attempts (${attempts.length})`, () => attemptTable(attempts, false)) : null,
    job.after.length ? el("p", { class: "small" }, "Needs ", job.after.map((need, at) =>
      [at ? ", " : null, jobButton(need, `${(state.report.jobs[need] || { kind: "job" }).kind} ${short(need)}`)]), ".")
      : null);
}

function showJob(id) {
  show(() => ({ title: jobLabel(id), content: jobFacts(id, new Set(), "h3") }));
}

// Jobs of each trial: of a cell of one data set they stand trial after trial.
function trialJobs(cell) {
  const trials = cell.values.length;
  if (!trials || cell.jobs.length % trials) return [cell.jobs];
  const each = cell.jobs.length / trials;
  return cell.values.map((value, trial) => cell.jobs.slice(trial * each, (trial + 1) * each));
}

function cellSummary(table, row, cell) {
  const { decimals } = metricNamed(cell.metric);
  const other = cell.difference && table.rows.find((one) => one.id === cell.difference.to);
  return [
    el("p", {}, el("strong", {}, cellText(cell)), `: ${cell.trials} of ${plural(cell.trials_needed, "trial")}.`,
      isNumber(cell.reference) ? ` The paper: ${asPrinted(cell.reference)} on ${cell.paper_dataset}.` : null,
      cell.no_reference ? " The paper: no reference." : null,
      isNumber(cell.chance) ? ` Chance: ${fixed(cell.chance, decimals)}.` : null),
    reasonOf(cell) ? el("p", { class: "bad" }, reasonOf(cell)) : null,
    [...(cell.own_footnotes || []), ...(cell.footnotes || []), ...((cell.difference || {}).footnotes || [])].map((number) =>
      el("p", { class: "small" }, table.footnotes[number - 1])),
    cell.difference ? el("p", {}, `Difference from ${other ? other.label : cell.difference.to}: ` +
      `${intervalText(cell.difference, decimals)} (95 % interval; ${plural(cell.difference.trials, "trial")} of both).`)
      : null,
    cell.difference_why ? el("p", { class: "quiet" }, `No interval: ${cell.difference_why}`) : null,
  ];
}

// A number of the column of means stands on the row's numbers of the same metric, on the data sets that the mean is of.
function partsOfMean(table, row, cell) {
  return [el("h3", {}, "Mean of"), el("ul", {}, row.cells.map((one, at) => (one.metric !== cell.metric || !table.mean_of.includes(one.dataset)
    ? null : el("li", {}, `${columnName(one.dataset)}: `, el("button", { type: "button", "aria-haspopup": "dialog",
      onclick: () => showCell(table.id, row.id, at) }, cellText(one))))))];
}

function cellContent(table, row, column) {
  const cell = row.cells[column];
  const { decimals } = metricNamed(cell.metric);
  const hasMean = table.mean_of && table.mean_of.length;
  const isMean = hasMean && cell.dataset === table.datasets[table.datasets.length - 1];
  const differing = { training: new Set(), evaluation: new Set() };
  for (const kind of Object.keys(differing)) differing[kind] = differingSettings(table, cell.dataset, kind);
  const value = (trial) => (isNumber(cell.values[trial]) ? fixed(cell.values[trial], decimals) : "not there");
  const facts = (id) => jobFacts(id, differing[(state.report.jobs[id] || {}).kind] || new Set(), "h4");
  const values = cell.values.length ? factTable("Trials", ["trial", metricNamed(cell.metric).heading],
    cell.values.map((one, trial) => [String(trial), value(trial)])) : null;
  if (isMean) return [cellSummary(table, row, cell), values, partsOfMean(table, row, cell)];
  const title = (trial) => (cell.values.length ? `Trial ${trial}: ${value(trial)}` : "Jobs");
  return [cellSummary(table, row, cell), values, trialJobs(cell).map((jobs, trial) => (jobs.length
    ? el("div", {}, el("h3", {}, title(trial)), jobs.map(facts)) : null))];
}

function showCell(tableId, rowId, column) {
  show(() => {
    const table = state.report.tables.find((one) => one.id === tableId);
    const row = table.rows.find((one) => one.id === rowId);
    const cell = row.cells[column];
    return { title: `${row.label}: ${metricNamed(cell.metric).heading} on ${columnTitle(table, cell.dataset)}`,
      content: cellContent(table, row, column).flat(2).filter((one) => one) };
  });
}
