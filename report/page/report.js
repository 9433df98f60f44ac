// Galleries, timeline, comparison; the page as a whole, and how it follows a run.

// ---- Galleries

// Width and height stand in the first chunk of a PNG: its place is kept before it is decoded.
function pngSize(uri) {
  if (!uri.startsWith("data:image/png;base64,")) return null;
  const head = atob(uri.slice(22, 22 + 32));
  const number = (at) => [0, 1, 2, 3].reduce((sum, byte) => sum * 256 + head.charCodeAt(at + byte), 0);
  return { width: number(16), height: number(20) };
}

function strip(uri, images, description) {
  const size = pngSize(uri) || { width: null, height: null };
  const image = el("img", { alt: description, decoding: "async", width: size.width, height: size.height });
  image.style.width = `calc(${images} * var(--strip-image))`;
  if (size.width) image.style.aspectRatio = `${size.width} / ${size.height}`;
  image.dataset.lazy = "";
  return { image, load: () => { image.src = uri; } };
}

const scaleText = (scale) => (isNumber(scale) ? String(Number(scale.toFixed(3))) : String(scale));
const qualityText = (quality) =>
  `${fixed(quality.psnr, 2)} dB, SSIM ${fixed(quality.ssim, 3)}, off by ${fixed(quality.error, 1)} levels`;

function rankWords(row) {
  return row.rank ? `first right image at rank ${row.rank} of ${row.gallery_images}`
    : `no right image among the ${row.gallery_images} drawn`;
}

function galleryStrip(row, loads) {
  const right = row.ranked.map((image, at) => (image.right ? at + 1 : 0)).filter((rank) => rank);
  const shownRight = right.length ? `right at ${right.length > 1 ? "ranks" : "rank"} ${right.join(", ")}`
    : "none of them right";
  const { image, load } = strip(row.picture, row.ranked.length + 1,
    `The query and the ${row.ranked.length} nearest images by ${row.label}: ${shownRight}; ${rankWords(row)}`);
  loads.push(load);
  return el("figure", {}, el("figcaption", {}, row.label,
    el("span", { class: "quiet small" }, ` ${shownRight}; ${rankWords(row)}`)), image);
}

function reconstructionStrip(row, loads) {
  const made = row.reconstruction;
  const names = made.recovered.map((one) => `recovered at scale ${scaleText(one.scale)}`);
  const { image, load } = strip(made.picture, made.recovered.length + 2,
    `By ${row.label}: ${["LR input", ...names, "HR original"].join(", ")}`);
  loads.push(load);
  return el("figure", {}, el("figcaption", {}, row.label), image,
    el("ol", { class: "quality" }, el("li", {}, `LR input: ${qualityText(made.input)}`),
      made.recovered.map((one, at) => el("li", {}, `${names[at]}: ${qualityText(one)}`)), el("li", {}, "HR original")));
}

function rankedTable(query, where) {
  const most = Math.max(...query.rows.map((row) => row.ranked.length));
  const line = (at) => [String(at + 1), ...query.rows.map((row) => {
    const image = row.ranked[at];
    return image ? `${image.right ? "✓" : "✗"} ${image.path} (identity ${image.identity}, camera ${image.camera})` : "";
  })];
  return factTable(`${where}: the nearest images to ${query.query}`, ["rank", ...query.rows.map((row) => row.label)],
    Array.from({ length: most }, (none, at) => line(at)));
}

// \param where table and data set, which may show the same query as others do
function queryBlock(query, key, where) {
  const loads = [];
  const made = query.rows.filter((row) => row.reconstruction);
  const words = `identity ${query.identity}, camera ${query.camera}${query.rate ? `, rate ${query.rate}` : ""}`;
  const node = el("article", { class: "block query", id: key },
    el("h4", {}, query.query, el("span", { class: "quiet small" }, ` ${words}`)),
    region(`${where}: images nearest to ${query.query}, ${words}`, `scroll/${key}`,
      el("div", { class: "strips" }, query.rows.map((row) => galleryStrip(row, loads)))),
    made.length ? [el("p", { class: "small" }, "LR input, what each decoder makes of it, HR original; PSNR, SSIM and " +
      "mean difference are against the original:"),
    region(`${where}: reconstructions of ${query.query}, ${words}`, `scroll/${key}/made`,
      el("div", { class: "strips" }, made.map((row) => reconstructionStrip(row, loads))))] : null,
    openedLater(`${key}/ranked`, "Paths of the images", () => rankedTable(query, where)));
  node.style.containIntrinsicSize = `auto ${120 + 250 * query.rows.length + 320 * made.length}px`;
  whenNear(node, () => loads.forEach((load) => load()));
  return node;
}

function galleriesSection(report) {
  const groups = groupedBy(report.galleries, (query) => JSON.stringify([query.table, query.dataset]));
  const tableOf = ({ table }) => report.tables.find((one) => one.id === table) || { title: table };
  const nameOf = (query) => `${tableOf(query).title} on ${columnTitle(tableOf(query), query.dataset)}`;
  const headingOf = (query) => el("h3", { class: isStandIn(tableOf(query), query.dataset) ? "bad" : null }, nameOf(query));
  const blockOf = (query, key) => block(key, query, () => queryBlock(query, key, nameOf(query)));
  return [el("p", { class: "quiet" }, "Trial 0, gallery draw 0. Each strip shows the LR query, enlarged as the " +
    "network sees it, then the first images of the gallery, the nearest first: framed green where they show the " +
    "query's identity, red where they do not."),
  [...groups.values()].map((queries, group) => el("div", {},
    headingOf(queries[0]),
    queries.map((query, at) => blockOf(query, `gallery-${group}-${at}`))))];
}

// ---- Timeline

function timelineEnd(timeline) {
  const ends = [...timeline.runs, ...timeline.attempts].flatMap((one) => [one.begin, one.end]).filter(isNumber);
  return ends.reduce((last, end) => Math.max(last, end), Math.max(timeline.last, 1));
}

// Each attempt in the first line that is free when it begins.
function stacked(attempts, last) {
  const free = [];
  return [...attempts].sort((a, b) => a.begin - b.begin).map((attempt) => {
    const end = isNumber(attempt.end) ? attempt.end : last;
    let line = free.findIndex((time) => time <= attempt.begin);
    if (line < 0) line = free.length;
    free[line] = end;
    return { attempt, line, end, lines: free };
  });
}

function attemptWords(attempt, end) {
  return `${jobLabel(attempt.job)}, attempt ${attempt.attempt}: ${attempt.outcome}, ${duration(end - attempt.begin)}` +
    `${isNumber(attempt.end) ? "" : " so far"}${attempt.words ? `; ${attempt.words}` : ""}`;
}

function lane(name, attempts, last) {
  const bars = stacked(attempts, last);
  const lines = bars.length ? bars[0].lines.length : 1;
  const height = lines > 24 ? 5 : lines > 8 ? 8 : 14;
  const track = el("div", { class: "track", role: "img",
    "aria-label": `${name}: ${plural(attempts.length, "attempt")}; all stand in the table below` });
  track.style.height = `${lines * height + 2}px`;
  for (const { attempt, line, end } of bars) {
    const bar = el("i", { class: attempt.kind, title: attemptWords(attempt, end),
      "data-job": attempt.job });
    bar.style.cssText = `left:${(100 * attempt.begin) / last}%;width:${(100 * (end - attempt.begin)) / last}%;` +
      `top:${line * height + 1}px;height:${height - 1}px`;
    track.append(bar);
  }
  return el("div", { class: "lane" }, el("span", {}, name), track);
}

const DAY = 86400; // seconds
const ROUND_TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, DAY];

// At round times, no more than a phone has room for.
function timeAxis(last) {
  const step = ROUND_TIMES.find((time) => last / time < 5) || DAY * Math.ceil(last / DAY / 5);
  const ticks = Array.from({ length: Math.floor(last / step) + 1 }, (_, tick) => tick * step);
  return el("div", { class: "lane" }, el("span", {}, ""), el("div", { class: "axis" }, ticks.map((time) =>
    el("span", { style: `left:${(100 * time) / last}%`, class: time / last > 0.94 ? "last" : null },
      !time ? "0" : step < 60 ? `${time} s` : duration(time)))));
}

function attemptTable(attempts, withJobs) {
  const { nodes } = state.report.timeline;
  return factTable("Attempts; begin since the first run began",
    [...(withJobs ? ["job"] : []), "attempt", "node", "slots", "begin", "duration", "outcome", "why"],
    attempts.map((one) => [...(withJobs ? [jobButton(one.job, jobLabel(one.job))] : []), String(one.attempt),
      nodes[one.node] || "–", `${one.slots}${one.gpus ? `, ${plural(one.gpus, "GPU")}` : ""}`, duration(one.begin),
      isNumber(one.end) ? duration(one.end - one.begin) : "goes on", one.outcome, one.words || ""]));
}

function outcomeKey(attempts) {
  const counts = new Map();
  const kinds = new Map(attempts.map((one) => [one.outcome, one.kind]));
  for (const one of attempts) counts.set(one.outcome, (counts.get(one.outcome) || 0) + 1);
  return el("p", { class: "key" }, [...counts].map(([outcome, count]) => el("span", {},
    el("i", { class: `mark ${kinds.get(outcome)}`, "aria-hidden": "true" }), `${outcome}: ${count}`)));
}

function timelineSection(timeline) {
  const { nodes, runs, attempts } = timeline;
  const last = timelineEnd(timeline);
  const ofNode = nodes.map(() => []);
  for (const attempt of attempts) if (ofNode[attempt.node]) ofNode[attempt.node].push(attempt);
  const lanes = el("div", { class: "lanes" }, nodes.map((name, at) => lane(name, ofNode[at], last)), timeAxis(last));
  lanes.addEventListener("click", (event) => {
    const { job } = event.target.dataset;
    if (job) showJob(job);
  });
  return [el("ul", { class: "small quiet" }, runs.map((run, at) => el("li", {}, `Run ${at + 1}: begun at ` +
      `${duration(run.begin)}, ${isNumber(run.end) ? `${duration(run.end - run.begin)} long` : "still going on"}` +
      `${run.words ? `; ${run.words}` : ""}`))),
  outcomeKey(attempts), region("Attempts by node and time", "scroll/timeline", lanes),
  openedLater("attempts", `All ${plural(attempts.length, "attempt")}`, () =>
    attemptTable(state.report.timeline.attempts, true))];
}

// ---- Comparison

function comparisonSection({ title, settings, numbers, comparisons, only_first: onlyFirst, only_second: onlySecond }) {
  const nameOf = ({ table, row, dataset }) => {
    const known = state.report.tables.find((one) => one.id === table);
    const line = known && known.rows.find((one) => one.id === row);
    return `${known ? known.title : table}: ${line ? line.label : row}, ${columnName(dataset)}`;
  };
  const number = (cell, metric) => cellText({ ...cell, metric });
  const difference = (one) => {
    const { decimals } = metricNamed(one.metric);
    if (one.same_jobs) return "the same jobs";
    if (one.difference) return intervalText(one.difference, decimals);
    if (!isNumber(one.first.mean) || !isNumber(one.second.mean)) return "–";
    if (one.first.trials !== one.second.trials) return "other trials";
    const why = one.difference_why ? `: ${one.difference_why}` : "";
    return `${signed(one.second.mean - one.first.mean, decimals)}, no interval${why}`;
  };
  const rowsOf = (rows) => el("details", {}, el("summary", {}, plural(rows.length, "row")),
    el("ul", { class: "small" }, rows.map((row) => el("li", {}, nameOf(row)))));
  const list = (rows) => el("ul", {}, rows.map((row) => el("li", {}, nameOf(row))));
  const only = (words, rows) => (rows.length ? [el("h3", {}, words), list(rows)] : null);
  return [el("p", {}, "The other suite: ", el("strong", {}, title), "."),
    settings.length ? factTable("Settings that differ in rows of both", ["setting", "this suite", "the other", "where"],
      settings.map((one) => [one.key, valueText(one.first), valueText(one.second), rowsOf(one.rows)]))
      : el("p", {}, numbers.length ? "No setting differs in the rows of both." : "No row is in both."),
    numbers.length ? factTable(
      "Numbers of the rows of both; a difference is the other's minus this suite's, with its 95 % interval. " +
        comparisonsNote(comparisons),
      ["row", "metric", "this suite", "the other", "difference"],
      numbers.map((one) => [nameOf(one), metricNamed(one.metric).heading, number(one.first, one.metric),
        number(one.second, one.metric), difference(one)])) : null,
    only("Only in this suite", onlyFirst), only("Only in the other", onlySecond)];
}

// ---- The page

function sectionsOf(report) {
  const { tables, figures, timeline } = report;
  const sections = [];
  const add = (id, title, content) => sections.push({ id, title, content });
  if (tables.length)
    add("tables", "Tables", () => tables.map((table) =>
      block(`table/${table.id}`, [table, report.metrics], () => tableBlock(table))));
  if (tables.some((table) => table.claims.length)) add("claims", "Claims", () => claimsSection(tables));
  for (const [id, title] of FIGURE_SECTIONS) {
    const ofSection = figures.filter((figure) => figure.section === id);
    if (ofSection.length) add(id, title, () => figureGroups(id, ofSection));
  }
  if (report.galleries.length) add("galleries", "Galleries", () => galleriesSection(report));
  if (timeline.attempts.length) add("timeline", "Timeline", () => timelineSection(timeline));
  if (report.comparison) add("comparison", "Comparison", () => comparisonSection(report.comparison));
  return sections;
}

// Which section one is in, in the navigation.
const inView = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const link = document.querySelector(`nav a[href="#${entry.target.id}"]`);
    if (!link) continue;
    if (!entry.isIntersecting) {
      link.removeAttribute("aria-current");
      continue;
    }
    link.setAttribute("aria-current", "true");
    const strip = link.closest("ul");
    const left = link.offsetLeft - strip.offsetLeft;
    if (left < strip.scrollLeft || left + link.offsetWidth > strip.scrollLeft + strip.clientWidth)
      strip.scrollLeft = left - 40;
  }
}, { rootMargin: "-25% 0px -74% 0px" });

function pageOf(report) {
  // All names before any figure is made: a colour does not depend on what one has scrolled to.
  placeRows(report.tables);
  for (const figure of report.figures)
    for (const series of figure.series) if (!series.reference) placeOf(series.name);
  const sections = sectionsOf(report);
  const made = sections.map(({ id, title, content }) => el("section", { id, "aria-labelledby": `heading-${id}` },
    el("h2", { id: `heading-${id}` }, title), content()));
  inView.disconnect();
  made.forEach((section) => inView.observe(section));
  return [header(report),
    sections.length ? el("nav", { "aria-label": "Sections" }, el("ul", {}, sections.map(({ id, title }) =>
      el("li", {}, el("a", { href: `#${id}`, "data-key": `nav/${id}` }, title))))) : null,
    el("main", { id: "content", tabindex: -1 }, made.length ? made : el("p", {}, "There is nothing to show yet."))]
    .filter((one) => one);
}

// The first part of the page that is in view, and where: it is to stay there.
function anchorInView() {
  for (const node of document.querySelectorAll("section, .block[id]")) {
    const box = node.getBoundingClientRect();
    if (box.bottom > 80 && box.height < window.innerHeight * 2) return { id: node.id, top: box.top };
  }
  return null;
}

function render(report) {
  const page = document.getElementById("page");
  const focused = document.activeElement && document.activeElement.dataset.key;
  const open = [...page.querySelectorAll("details[open][data-key]")].map((one) => one.dataset.key);
  const scrolled = [...page.querySelectorAll("[data-key]")].filter((one) => one.scrollLeft)
    .map((one) => [one.dataset.key, one.scrollLeft]);
  const first = !state.report, anchor = first ? null : anchorInView(), y = window.scrollY;
  state.report = report;
  document.title = document.title || report.title;
  page.replaceChildren(...pageOf(report));
  forgetPlaces();
  if (first) return;
  for (const key of open) if (nodeWithKey(key)) openNow(nodeWithKey(key));
  for (const [key, left] of scrolled) if (nodeWithKey(key)) nodeWithKey(key).scrollLeft = left;
  const target = anchor && document.getElementById(anchor.id);
  const top = target ? window.scrollY + target.getBoundingClientRect().top - anchor.top : y;
  window.scrollTo({ top, behavior: "instant" });
  if (focused && nodeWithKey(focused)) nodeWithKey(focused).focus({ preventScroll: true });
}

const targetOf = (hash) => (hash.length > 1 ? document.getElementById(decodeURIComponent(hash.slice(1))) : null);

let arriving = null; // what one is on the way to

// A part that is far away is not laid out, and its height an estimate: once one comes near, what one came for may move away. So one goes
// there again as long as it does, unless one has gone on meanwhile.
function arrive(target) {
  arriving = target;
  let top = null, still = 0;
  const end = performance.now() + 3000;
  const step = () => {
    if (arriving !== target || targetOf(location.hash) !== target || performance.now() > end) return;
    const now = target.getBoundingClientRect().top;
    still = now === top ? still + 1 : 0;
    top = now;
    if (still > 5) target.scrollIntoView({ behavior: "instant" }); // a smooth way is left to come to its end
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

for (const input of ["wheel", "touchstart", "pointerdown", "keydown"])
  window.addEventListener(input, () => { arriving = null; }, { passive: true, capture: true });
document.addEventListener("click", ({ target }) => {
  const link = target.closest("a[href^='#']");
  if (link && targetOf(link.hash)) arrive(targetOf(link.hash));
});

function goToAnchor() {
  const target = targetOf(location.hash);
  if (!target) return;
  target.scrollIntoView({ behavior: "instant" });
  arrive(target);
}

function liveWords(status) {
  if (status.silent) return "Live: the run, on another machine, has fallen silent.";
  return status.live ? "Live: the run is at work." : "Live: no run is at work.";
}

// A page that is served while its suite runs hears of changes and asks for the document anew.
function follow(events, source) {
  const line = document.getElementById("live");
  line.hidden = false;
  const say = (words) => {
    if (line.textContent !== words) line.textContent = words;
  };
  let ended = false, asking = false, again = false, missed = false;
  const refresh = async () => {
    again = asking;
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch(source, { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      render(await answer.json());
      missed = false;
      if (!ended) say(liveWords(state.report.status));
    } catch (error) {
      missed = true;
      say("The page could not be brought up to date; it shows what was last known.");
    }
    asking = false;
    if (again) refresh();
    else if (missed && !ended) setTimeout(refresh, 2000); // nobody says once more what has changed
  };
  const stream = new EventSource(events);
  const end = () => {
    ended = true;
    stream.close();
    say("The program that served this page has ended; the page shows what was last known.");
  };
  stream.addEventListener("open", () => {
    if (!missed) say(liveWords(state.report.status));
  });
  stream.addEventListener("trouble", ({ data }) => say(data ? `The store cannot be read (${data}); the page shows what ` +
    "was last known." : liveWords(state.report.status)));
  stream.addEventListener("changed", refresh);
  stream.addEventListener("ended", end);
  stream.addEventListener("error", () => {
    if (!ended) say("The connection is lost; the page shows what was last known.");
  });
}

render(JSON.parse(document.getElementById("report").textContent));
window.addEventListener("load", () => {
  goToAnchor();
  if (state.report.figures.length) (window.requestIdleCallback || setTimeout)(loadPlotly, { timeout: 4000 });
});
if (document.body.dataset.events) follow(document.body.dataset.events, document.body.dataset.document);
