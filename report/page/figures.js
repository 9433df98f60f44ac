// Figures, which Plotly draws when one comes near.

// ---- Figures

const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");
const coarsePointer = window.matchMedia("(pointer: coarse)");
const drawn = new Map(); // figures that are drawn, by the place that holds them
const queue = []; // places that are to be drawn

// A training has one colour under each name that rows give it, and the same evaluation one dash and symbol too. In one table no two
// rows look the same.
function placeRows(tables) {
  const known = new Map(); // places, by the jobs of rows
  const names = []; // how many names each colour has
  const use = ({ colour, variant }) => { names[colour] = Math.max(names[colour] || 0, variant + 1); };
  const placeFor = (trainings, evaluations, taken) => {
    const same = evaluations.find((job) => known.has(job)), alike = trainings.find((job) => known.has(job));
    if (same && !taken.has(known.get(same))) return known.get(same);
    const colour = alike ? known.get(alike).colour : names.length;
    return { colour, variant: names[colour] || 0 };
  };
  const nameOf = (row) => row.label.replace(/ ‡$/, ""); // figures leave out the mark of a row that deviates from its paper
  for (const name of tables.flatMap((table) => table.rows.map(nameOf))) if (state.places.has(name)) use(state.places.get(name));
  for (const table of tables) {
    const taken = new Set(table.rows.map((row) => state.places.get(nameOf(row))));
    for (const row of table.rows) {
      const jobs = row.cells.flatMap((cell) => cell.jobs);
      const [trainings, evaluations] = [0, 1].map((part) => jobs.filter((job, at) => at % 2 === part));
      if (!state.places.has(nameOf(row))) state.places.set(nameOf(row), placeFor(trainings, evaluations, taken));
      const place = state.places.get(nameOf(row));
      taken.add(place);
      use(place);
      for (const job of jobs) if (!known.has(job)) known.set(job, place);
    }
  }
}

// Names that are no row's: data sets, identities, parts of a network.
function placeOf(name) {
  if (!state.places.has(name)) state.places.set(name, { colour: state.others++, variant: 0 });
  return state.places.get(name);
}

const cssColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// More names than colours: then dashes, symbols and patterns tell them apart.
function styleOf(name) {
  const { colour: place, variant } = placeOf(name), turn = Math.floor(place / COLOURS) + variant;
  return { variable: `--series-${place % COLOURS}`, colour: cssColour(`--series-${place % COLOURS}`),
    place, turn, symbol: (place + turn) % SYMBOLS.length, pattern: turn % PATTERNS.length };
}

// Plotly takes some markup in texts; of a document none is meant.
const plotText = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;");

// Lines of a label of an axis, at most three.
function wrapped(text, width) {
  const lines = [""];
  for (const word of String(text).split(/\s+/)) {
    const line = lines[lines.length - 1];
    if (line && line.length + word.length >= width) lines.push(word);
    else lines[lines.length - 1] = line ? `${line} ${word}` : word;
  }
  const kept = lines.slice(0, 3).map((line) => (line.length > width + 6 ? `${line.slice(0, width + 4)}…` : line));
  if (lines.length > 3) kept[2] += " …";
  return kept.map(plotText).join("<br>");
}

// Curves of many points have no symbols, so dashes tell neighbours apart.
const isPlain = (figure) => figure.kind === "lines" && figure.series.some((series) => series.x.length > 25);

function dashOf(figure, name) {
  const { place, turn } = styleOf(name);
  return (isPlain(figure) ? place + turn : turn) % DASHES.length;
}

// One list of several series, null between two of them, so that one trace draws all trials of a name.
const joined = (list, valuesOf) => list.flatMap((series, at) => (at ? [null] : []).concat(valuesOf(series)));

function errorOf(list, colour) {
  if (!list.some((series) => series.low)) return undefined;
  const ends = (end, sign) => joined(list, (series) => series.y.map((y, at) =>
    (series[end] && isNumber(y) && isNumber(series[end][at]) ? sign * (series[end][at] - y) : 0)));
  return { type: "data", symmetric: false, array: ends("high", 1), arrayminus: ends("low", -1), thickness: 1.2,
    width: 3, color: colour };
}

function withAlpha(colour, alpha) {
  const part = (at) => parseInt(colour.slice(at, at + 2), 16);
  return `rgba(${part(1)},${part(3)},${part(5)},${alpha})`;
}

function bandTrace(list, colour, alpha) {
  const outline = (series) => {
    const places = series.x.map((x, at) => at).filter((at) =>
      series.low && isNumber(series.low[at]) && isNumber(series.high[at]));
    const way = [...places.map((at) => [series.x[at], series.high[at]]),
      ...places.reverse().map((at) => [series.x[at], series.low[at]])];
    return { x: way.map((point) => point[0]), y: way.map((point) => point[1]) };
  };
  const outlines = list.map(outline);
  return { type: "scatter", mode: "lines", x: joined(outlines, (one) => one.x), y: joined(outlines, (one) => one.y),
    fill: "toself", fillcolor: withAlpha(colour, alpha), line: { width: 0 }, hoverinfo: "skip" };
}

function lineTraces(name, list, figure) {
  const style = styleOf(name);
  const asBand = list.some((series) => series.low && series.x.length > 1);
  const interval = (series, at) => (series.low && isNumber(series.low[at])
    ? ` [${[series.low[at], series.high[at]].map((end) => Number(end.toPrecision(5))).join(", ")}]` : "");
  const words = (series) => series.y.map((y, at) => [interval(series, at),
    isNumber(series.trial) ? `, trial ${series.trial}` : ""]);
  const trace = {
    type: "scatter", mode: isPlain(figure) ? "lines" : "lines+markers", connectgaps: false,
    x: joined(list, (series) => series.x), y: joined(list, (series) => series.y), customdata: joined(list, words),
    hovertemplate: `%{x}: %{y:.5~g}%{customdata[0]}<extra>${plotText(name)}%{customdata[1]}</extra>`,
    line: { color: style.colour, width: list.length > 1 ? 1.4 : 2, dash: DASHES[dashOf(figure, name)] },
    marker: { color: style.colour, symbol: SYMBOLS[style.symbol], size: 7 },
    error_y: asBand ? undefined : errorOf(list, style.colour),
  };
  return asBand ? [bandTrace(list, style.colour, namedSeries(figure).size > 3 ? 0.09 : 0.18), trace] : [trace];
}

// Bars lie, so that long names of rows can be read on a phone.
function barTraces(name, list, figure) {
  const style = styleOf(name);
  const y = joined(list, (series) => series.x), x = joined(list, (series) => series.y);
  const hovertemplate = `%{x:.5~g}<extra>${plotText(name)}</extra>`;
  if (list[0].reference) {
    // Marks stand on the bars of the series before them.
    const at = figure.series.indexOf(list[0]);
    const bars = figure.series.slice(0, at).reverse().find((series) => !series.reference);
    const line = { width: 2, color: cssColour("--text") };
    return [{ type: "scatter", mode: "markers", orientation: "h", x, y, hovertemplate,
      offsetgroup: bars ? bars.name : name,
      marker: { symbol: "diamond", size: 10, color: cssColour("--page"), line } }];
  }
  return [{ type: "bar", orientation: "h", x, y, hovertemplate, offsetgroup: name,
    error_x: errorOf(list, cssColour("--text")),
    marker: { color: style.colour, pattern: { shape: PATTERNS[style.pattern], solidity: 0.25 } } }];
}

function boxTraces(name, list) {
  const style = styleOf(name);
  const take = (key) => list.flatMap((series) => series[key]);
  return [{ type: "box", x: take("x"), median: take("y"), q1: take("q1"), q3: take("q3"), lowerfence: take("low"),
    upperfence: take("high"), offsetgroup: name, line: { color: style.colour, width: 1.6 },
    fillcolor: withAlpha(style.colour, 0.25), hoverinfo: "y", name: plotText(name) }];
}

function pointTraces(name, list) {
  const style = styleOf(name);
  return [{ type: "scatter", mode: "markers",
    x: joined(list, (series) => series.x), y: joined(list, (series) => series.y),
    text: joined(list, (series) => (series.texts || series.x.map(() => name)).map(plotText)), hoverinfo: "text",
    marker: { color: style.colour, symbol: SYMBOLS[style.symbol], size: 7, opacity: 0.85 } }];
}

const TRACES = { lines: lineTraces, bars: barTraces, boxes: boxTraces, points: pointTraces };

const namedSeries = (figure) => groupedBy(figure.series, (series) => series.name);

function heightOf(figure) {
  if (figure.kind === "points") return 400;
  if (figure.kind !== "bars") return figure.section === "sweeps" ? 240 : 320;
  const bars = [...namedSeries(figure).values()].filter((list) => !list[0].reference).length;
  return 80 + (figure.x.categories || figure.series[0].x).length * Math.max(30, 15 * bars + 10);
}

function axisOf(axis, figure, narrow) {
  const colour = cssColour("--line");
  const made = { title: { text: wrapped(axis.title || "", 40), standoff: 8 }, gridcolor: colour, zerolinecolor: colour,
    linecolor: colour, automargin: true, fixedrange: coarsePointer.matches };
  const has = (end) => isNumber(axis[end]);
  if (has("from") || has("to")) made.range = [has("from") ? axis.from : null, has("to") ? axis.to : null];
  if (axis.scale === "log") Object.assign(made, { type: "log", zeroline: false });
  if (axis.ticks) Object.assign(made, { tickmode: "array", tickvals: axis.ticks, ticktext: axis.ticks.map(String) });
  if (axis.categories) Object.assign(made, { tickmode: "array", tickvals: axis.categories.map((one, at) => at),
    ticktext: axis.categories.map((one) => wrapped(one, narrow ? 16 : 26)) });
  if (figure.kind === "points" && !axis.title) Object.assign(made, { showticklabels: false, zeroline: false,
    showgrid: false, showline: true, mirror: true });
  return made;
}

function layoutOf(figure, width) {
  const narrow = width < 480;
  let xaxis = axisOf(figure.x, figure, narrow), yaxis = axisOf(figure.y, figure, narrow);
  if (figure.kind === "bars") {
    [xaxis, yaxis] = [yaxis, xaxis];
    if (!xaxis.range) xaxis.rangemode = "tozero";
    xaxis.zerolinecolor = cssColour("--text"); // bars go both ways from there
    Object.assign(yaxis, { autorange: "reversed", zeroline: false, showgrid: false });
    delete yaxis.range;
  }
  if (figure.section === "sweeps") yaxis.title = undefined; // the heading says it
  // A mark at the upper end is not cut in half.
  else if (yaxis.range && isNumber(yaxis.range[1])) yaxis.range[1] += 0.02 * (yaxis.range[1] - (yaxis.range[0] || 0));
  // A map of features has no scale of its own, but both axes share one.
  if (figure.kind === "points" && !figure.x.title) yaxis.scaleanchor = "x";
  return {
    xaxis, yaxis, height: heightOf(figure), margin: { l: 12, r: 14, t: 10, b: 12 }, showlegend: false,
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 12, color: cssColour("--text") },
    barmode: "group", boxmode: "group", bargap: 0.25, hovermode: "closest",
    // Marks stand beside each other as bars do; points of lines stay where they are.
    ...(figure.kind === "bars" ? { scattermode: "group", scattergap: 0.25 } : {}),
    dragmode: coarsePointer.matches ? false : "zoom",
    hoverlabel: { namelength: -1, bgcolor: cssColour("--raised"), bordercolor: cssColour("--line"),
      font: { color: cssColour("--text") } },
  };
}

// As text Plotly costs nothing; a script is made of it when the first figure asks, or when there is time.
function loadPlotly() {
  const source = document.getElementById("plotly");
  if (window.Plotly || !source) return Boolean(window.Plotly);
  if (document.readyState === "loading") return false; // a part of it would be no script
  const script = el("script");
  script.textContent = source.textContent;
  source.remove();
  document.body.append(script);
  script.remove();
  return Boolean(window.Plotly);
}

function draw(place) {
  const figure = drawn.get(place);
  const hidden = state.hidden.get(figure.id) || new Set();
  const traces = [...namedSeries(figure)].flatMap(([name, list]) => (hidden.has(name) ? []
    : TRACES[figure.kind](name, list, figure)));
  window.Plotly.react(place, traces, layoutOf(figure, place.clientWidth), { responsive: true, displayModeBar: false,
    displaylogo: false }).then(() => {
    place.dataset.drawn = traces.length;
  });
}

// One figure a turn, so that scrolling goes on between two; one that cannot be drawn does not keep the others.
function drawNext() {
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", drawNext, { once: true });
    return;
  }
  const place = queue[0];
  try {
    if (place.isConnected && loadPlotly()) draw(place);
  } finally {
    queue.shift();
    if (queue.length) setTimeout(drawNext, 0);
  }
}

function drawLater(place, figure) {
  drawn.set(place, figure);
  queue.push(place);
  if (queue.length === 1) setTimeout(drawNext, 0);
}

// Places that a later edition of the page has put others in place of: Plotly keeps what it drew until it is told.
function forgetPlaces() {
  for (const place of drawn.keys())
    if (!place.isConnected) {
      if (window.Plotly) window.Plotly.purge(place);
      drawn.delete(place);
    }
}

// Colours of a scheme are in what is drawn.
darkScheme.addEventListener("change", () => {
  forgetPlaces();
  for (const [place, figure] of drawn) drawLater(place, figure);
});
// Paper has all figures.
window.addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("#curves > details")) openNow(fold);
  for (const place of document.querySelectorAll(".plot:not([data-drawn])")) {
    if (!loadPlotly()) return;
    drawn.set(place, state.report.figures.find((figure) => figure.id === place.dataset.figure));
    draw(place);
  }
});

function symbolPath(symbol) {
  return ["M18 7a4 4 0 1 0-8 0a4 4 0 1 0 8 0z", "M10.5 3.5h7v7h-7z", "M14 2l5 5l-5 5l-5-5z",
    "M12.7 3h2.6v2.7h2.7v2.6h-2.7v2.7h-2.6v-2.7h-2.7v-2.6h2.7z",
    "M11 2.6l3 3l3-3l1.4 1.4l-3 3l3 3l-1.4 1.4l-3-3l-3 3l-1.4-1.4l3-3l-3-3z",
    "M14 2.5l4.5 8h-9z", "M14 11.5l4.5-8h-9z",
    "M14 2l1.4 3.4l3.6.2l-2.8 2.3l.9 3.6l-3.1-2l-3.1 2l.9-3.6l-2.8-2.3l3.6-.2z"][symbol];
}

function swatch(figure, name, reference) {
  const { variable, symbol } = styleOf(name), dash = DASH_ARRAYS[dashOf(figure, name)];
  const colour = reference ? "var(--text)" : `var(${variable})`;
  const mark = svg("svg", { width: 28, height: 14, viewBox: "0 0 28 14", "aria-hidden": "true" });
  if (figure.kind === "lines")
    mark.append(svg("path", { d: "M0 7h28", stroke: colour, "stroke-width": 2, "stroke-dasharray": dash }));
  if (isPlain(figure)) return mark;
  const isFilled = figure.kind === "bars" || figure.kind === "boxes";
  const d = reference ? symbolPath(2) : isFilled ? "M6 2h16v10h-16z" : symbolPath(symbol);
  mark.append(svg("path", { d, fill: reference ? "var(--page)" : colour, stroke: colour,
    "stroke-width": reference ? 1.5 : 0 }));
  return mark;
}

function legendOf(figure, place) {
  const groups = namedSeries(figure);
  if (groups.size < 2) return null;
  const toggle = (name) => (event) => {
    const hidden = state.hidden.get(figure.id) || new Set();
    if (!hidden.delete(name)) hidden.add(name);
    state.hidden.set(figure.id, hidden);
    event.currentTarget.setAttribute("aria-pressed", !hidden.has(name));
    if (place.dataset.drawn) draw(place);
  };
  return el("ul", { class: "legend", "aria-label": "Series" }, [...groups].map(([name, list]) => el("li", {},
    el("button", { type: "button", "aria-pressed": String(!(state.hidden.get(figure.id) || new Set()).has(name)),
      title: "Show or hide", "data-key": `legend/${figure.id}/${name}`, onclick: toggle(name) },
    swatch(figure, name, list[0].reference), name))));
}

// All points of a figure, a row each.
function figureNumbers(figure) {
  const has = (key) => figure.series.some((series) => series[key] !== undefined && series[key] !== null);
  const lists = ["low", "high", "q1", "q3", "texts"].filter(has);
  const columns = ["series", ...(has("trial") ? ["trial"] : []), figure.x.title || "x", figure.y.title || "y",
    ...lists.map((key) => ({ low: "low end", high: "high end", texts: "what" }[key] || key))];
  const rows = figure.series.flatMap((series) => series.x.map((x, at) => [series.name,
    ...(has("trial") ? [series.trial] : []), figure.x.categories ? figure.x.categories[x] : x, series.y[at],
    ...lists.map((key) => (series[key] ? series[key][at] : null))]));
  return { columns, rows };
}

function figureDetails(figure) {
  return openedLater(`numbers/${figure.id}`, "Numbers", () => {
    const { columns, rows } = figureNumbers(figure);
    const words = rows.length > MOST_ROWS ? `The first ${MOST_ROWS} of ${rows.length} points; the CSV has all`
      : plural(rows.length, "point");
    return factTable(`${figure.title}: ${words}`, columns, rows.slice(0, MOST_ROWS).map((row) =>
      row.map((value) => (value === null || value === undefined ? "" : String(value)))));
  });
}

// \param group what stands above it: nothing, or {caption}
function figureBlock(figure, group) {
  const place = el("div", { class: "plot", "data-figure": figure.id, role: "img",
    "aria-label": `${figure.title}; its numbers are below` });
  const height = heightOf(figure);
  place.style.minHeight = `${height}px`;
  const captionId = `caption-${figure.id}`;
  const isSaid = group && group.caption === figure.caption;
  const node = el("figure", { id: `figure-${figure.id}`, class: "block", "aria-describedby": isSaid ? null : captionId },
    el(group ? "h4" : "h3", {}, group ? figure.y.title : figure.title,
      figure.stand_in ? el("span", { class: "bad" }, " – not the real data") : null),
    figure.series.length ? [place, legendOf(figure, place)] : null,
    isSaid ? null : el("figcaption", { id: captionId }, figure.caption),
    figure.columns ? factTable(figure.title, figure.columns, figure.rows || []) : null,
    figure.series.length ? [figureDetails(figure), el("div", { class: "actions" },
      csvButton(figure.title, figure.id, () => figureNumbers(figure)))] : null);
  node.style.containIntrinsicSize = `auto ${height + 190}px`;
  if (figure.series.length) whenNear(node, () => drawLater(place, figure));
  return node;
}

// Figures that stand under one heading: small ones beside each other, or, of training curves, behind a fold.
function figureGroups(section, figures) {
  const blocks = (list, group) => list.map((figure) =>
    block(`figure/${figure.id}`, [figure, group], () => figureBlock(figure, group)));
  const groups = [...groupedBy(figures, (figure) => figure.group || "")];
  return groups.map(([name, list], at) => {
    if (!name) return el("div", { class: "figures" }, blocks(list));
    if (section === "curves")
      return openedLater(`curves/${at}`, `${name}: ${plural(list.length, "figure")}`, () => el("div", { class: "figures" }, blocks(list)));
    const { caption } = list[0];
    return el("div", {}, el("h3", {}, name), el("p", { class: "small quiet" }, caption),
      el("div", { class: "figures small-multiples" }, blocks(list, { caption })));
  });
}
