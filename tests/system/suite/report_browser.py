#!/usr/bin/env python3
"""Opens the page of `resolute suite report` in Chromium, on a desk and on a phone: it is to keep what it promises.

Usage: report_browser.py PAGE.html [--expect SECTION,…] [--screenshots DIR]

Needs `chromium` and `chromedriver` in the PATH, and nothing else; where RESOLUTE_AXE names axe-core's axe.min.js, its rules are
checked too. Each promise that is broken is one line; then 1 is returned. The last line tells times, which are no promise: a
machine may be busy. Sections are those of docs/inside/formats/report.md, and "tables", "claims", "galleries", "timeline",
"comparison".
"""

import argparse
import base64
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PHONE, TABLET, DESK = 360, 768, 1440
HEIGHTS = {PHONE: 740, TABLET: 1024, DESK: 900}
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element in answers (WebDriver, §12)
ENTER, ESCAPE, TAB = "\ue007", "\ue00c", "\ue004"
FIGURE_SECTIONS = ["ablations", "cmc", "rates", "sweeps", "curves", "maps", "recovery", "weights", "masks", "prefixes"]

# What is far away is not laid out until one comes near; checks of the whole page want all of it.
LAY_OUT_ALL = """
const style = document.createElement("style");
style.textContent = ".block { content-visibility: visible !important; }";
document.head.append(style);
"""

STRUCTURE = """
const problems = [];
const say = (what, node) => problems.push(what + ": " + node.outerHTML.slice(0, 120).replace(/\\s+/g, " "));
const ids = new Set();
for (const node of document.querySelectorAll("[id]")) {
  if (ids.has(node.id)) problems.push(`the id "${node.id}" stands there twice`);
  ids.add(node.id);
}
for (const link of document.querySelectorAll("a[href^='#']"))
  if (!ids.has(decodeURIComponent(link.hash.slice(1)))) say("an anchor leads nowhere", link);
for (const node of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
  for (const key of ["aria-labelledby", "aria-describedby"])
    for (const id of (node.getAttribute(key) || "").split(/\\s+/))
      if (id && !ids.has(id) && !(node.id === "dialog" && !node.open)) say(`${key} names nothing`, node);
for (const image of document.querySelectorAll("img"))
  if (!(image.getAttribute("alt") || "").trim()) say("an image has no alt text", image);
for (const node of document.querySelectorAll("button, a[href], summary, input, select, [tabindex='0'], [role='img']")) {
  if (node.closest(".plot") && !node.matches(".plot")) continue;
  const by = node.getAttribute("aria-labelledby");
  const name = node.getAttribute("aria-label") || (by && document.getElementById(by) || node).textContent || node.title;
  if (!name.trim()) say("a control has no name", node);
}
let level = 0;
for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
  if (heading.closest("dialog:not([open])")) continue;
  const its = Number(heading.localName[1]);
  if (its > level + 1) say(`a heading goes from level ${level} to ${its}`, heading);
  level = its;
}
if (document.querySelectorAll("h1").length !== 1) problems.push("there is not one h1");
for (const table of document.querySelectorAll("table")) {
  if (!table.caption || !table.caption.textContent.trim()) say("a table has no caption", table);
  for (const heading of table.querySelectorAll("th"))
    if (!heading.getAttribute("scope")) say("a table's heading has no scope", heading);
}
for (const scroller of document.querySelectorAll(".scroll"))
  if (scroller.scrollWidth > scroller.clientWidth && (scroller.tabIndex !== 0 || !scroller.getAttribute("role")))
    say("what scrolls cannot be reached by keyboard", scroller);
if (!document.documentElement.lang) problems.push("the page has no lang");
if (!document.title.trim()) problems.push("the page has no title");
return problems;
"""

# Elements that stand out of the page, those aside that a scroller around them holds.
OVERFLOW = """
const width = arguments[0], problems = [];
const root = document.scrollingElement;
if (root.scrollWidth > width) problems.push(`the page is ${root.scrollWidth} px wide`);
const held = (node) => {
  for (let up = node.parentElement; up && up.id !== "page"; up = up.parentElement)
    if (/auto|scroll/.test(getComputedStyle(up).overflowX) || up.matches(".plot")) return true;
  return false;
};
for (const node of document.querySelectorAll("#page *")) {
  const box = node.getBoundingClientRect();
  if (!box.width || !box.height || (box.right <= width + 1 && box.left >= -1)) continue;
  if (node.matches(".hidden-text") || held(node)) continue;
  problems.push(`stands out by ${Math.round(box.right - width)} px: ${node.outerHTML.slice(0, 100)}`);
  if (problems.length > 4) break;
}
return problems;
"""

# WCAG 2.2, 1.4.3, of all text that is shown, by what the style sheets come to.
CONTRAST = """
const parse = (text) => {
  const parts = (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  if (text.startsWith("color(srgb")) return [...parts.slice(0, 3).map((part) => 255 * part), parts[3] ?? 1];
  return [parts[0], parts[1], parts[2], parts[3] ?? 1];
};
const over = (top, below) => below.map((part, at) => top[at] * top[3] + part * (1 - top[3]));
const light = (colour) => {
  const [r, g, b] = colour.map((part) => part / 255).map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const grounds = new Map();
const ground = (node) => {
  if (!node) return parse(getComputedStyle(document.body).backgroundColor).slice(0, 3);
  if (!grounds.has(node)) {
    const own = parse(getComputedStyle(node).backgroundColor);
    grounds.set(node, own[3] === 1 ? own.slice(0, 3) : over(own, ground(node.parentElement)));
  }
  return grounds.get(node);
};
const problems = new Map();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let count = 0;
for (let text = walker.nextNode(); text; text = walker.nextNode()) {
  const node = text.parentElement;
  if (!text.data.trim() || node.closest("script, style, noscript, title, .hidden-text, .skip")) continue;
  if (!node.checkVisibility({ visibilityProperty: true })) continue;
  const style = getComputedStyle(node);
  const below = ground(node), svg = node.namespaceURI.endsWith("svg");
  // Plotly leaves texts there that it does not show.
  if (svg && (Number(style.fillOpacity) === 0 || Number(style.opacity) === 0)) continue;
  const one = light(over(parse(svg ? style.fill : style.color), below)), two = light(below);
  const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  const size = parseFloat(style.fontSize);
  const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
  ++count;
  if (ratio < least) problems.set(`${node.localName}.${node.getAttribute("class")}`,
    `"${text.data.trim().slice(0, 40)}" in ${node.outerHTML.slice(0, 60)}: ${ratio.toFixed(2)}`);
}
if (!count) problems.set("none", "no text is shown");
return [...problems.values()];
"""

# A column of the first table that can be sorted, as one reads it: words, or numbers with null where there is none.
COLUMN = """
const [table, column] = [document.querySelectorAll("table[data-table]")[arguments[0]], arguments[1]];
const heading = table.querySelector(`th[data-column="${column}"]`);
const values = [...table.querySelectorAll("tr[data-row]")].map((line) => {
  const cell = line.children[column + 1];
  if (column < 0) return cell.textContent;
  const button = cell.querySelector("button");
  const number = button && button.textContent.replace("−", "-").match(/^-?\\d+(\\.\\d+)?/);
  return number ? Number(number[0]) : null;
});
return { order: heading.getAttribute("aria-sort"), values, words: heading.textContent };
"""


# What axe-core (Deque Systems, MPL-2.0) finds against its rules, a line for each. Its rule of contrast asks of each text what lies
# over and under it, which takes minutes on a page of eighty figures; contrast is among this file's own checks, on every page.
AXE = """
const done = arguments[arguments.length - 1];
const contrast = { enabled: document.querySelectorAll("*").length < 20000 };
axe.run(document, { resultTypes: ["violations"], rules: { "color-contrast": contrast } }).then(
  (found) => done(found.violations.map((rule) => `axe-core, ${rule.id}: ${rule.help}: ` + rule.nodes.slice(0, 3)
    .map((node) => node.html.slice(0, 100).replace(/\\s+/g, " ")).join("; "))),
  (error) => done([`axe-core did not come to its end: ${error}`]));
"""


# Down the whole page, 20 pixels a frame for at most 100 frames at each of its thirds: how long frames took, in milliseconds, ascending.
SCROLLING = """
const done = arguments[arguments.length - 1], times = [], parts = 3, most = 100;
const room = document.documentElement.scrollHeight - innerHeight;
let part = 0, frame = 0, before = null;
const step = (now) => {
  if (before !== null) times.push(now - before);
  before = now;
  if (frame === most) { part += 1; frame = 0; before = null; }
  if (part === parts) { window.scrollTo(0, 0); done(times.sort((one, other) => one - other)); return; }
  window.scrollTo({ top: Math.min(room, room * part / parts + 20 * frame), behavior: "instant" });
  frame += 1;
  requestAnimationFrame(step);
};
requestAnimationFrame(step);
"""


# The heading of a section is in view below the navigation, and near its top unless the page ends before; the navigation says so, where
# the section is long enough to be the only one in view.
ARRIVED = """
const section = document.getElementById(arguments[0]), heading = section.querySelector("h2").getBoundingClientRect();
const bar = document.querySelector("nav").getBoundingClientRect().bottom, root = document.scrollingElement;
const atEnd = root.scrollTop + innerHeight >= root.scrollHeight - 2;
const isLong = section.getBoundingClientRect().height > innerHeight;
return location.hash.slice(1) === arguments[0] && heading.top >= bar - 1 && heading.bottom <= innerHeight &&
  (atEnd || heading.top < bar + 100) &&
  (atEnd || !isLong || document.querySelector("nav a[aria-current]")?.hash === location.hash);
"""

# The focus is in a section, behind it, or nowhere because the page has ended.
BEHIND = """
const focused = document.activeElement, section = document.getElementById(arguments[0]);
return focused === document.body || Boolean(section.compareDocumentPosition(focused) & Node.DOCUMENT_POSITION_FOLLOWING);
"""


class Problem(Exception):
    """A promise that is broken so that the checks behind it have nothing to look at."""


class Driver:
    """chromedriver, spoken to as WebDriver has it."""

    def __init__(self):
        # Chromium leaves profiles and sockets in the folder for temporary files, a megabyte each time.
        self.scratch = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        said = ""
        # It takes a port that is free by IPv6, and ends where the same is not free by IPv4.
        for _ in range(5):
            self.process = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                            text=True, env={**os.environ, "TMPDIR": self.scratch.name})
            for line in self.process.stdout:
                found = re.search(r"successfully on port (\d+)", line)
                if found:
                    self.address = f"http://127.0.0.1:{found[1]}"
                    return
                said += line
            self.process.wait()
        raise RuntimeError(f"chromedriver did not start: {said}")

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"].splitlines()[0]) from None

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.scratch.cleanup()


class Browser:
    """A window of Chromium."""

    def __init__(self, driver, width):
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                            f"--window-size={width},{HEIGHTS[width]}"]}
        if width == PHONE:
            options["mobileEmulation"] = {"deviceMetrics": {"width": width, "height": HEIGHTS[width], "pixelRatio": 2,
                                                            "touch": True, "mobile": True}}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options,
                        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        self.driver, self.width = driver, width
        session = driver.ask("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self.path = "/session/" + session["sessionId"]
        if width != PHONE:
            self.resize(width)

    def ask(self, method, path, body=None):
        return self.driver.ask(method, self.path + path, body)

    def devtools(self, command, **parameters):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def resize(self, width):
        self.width = width
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=HEIGHTS[width], deviceScaleFactor=1,
                      mobile=False)

    def scheme(self, name):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name},
                                                              {"name": "prefers-reduced-motion", "value": "reduce"}])

    def open(self, address):
        self.ask("POST", "/url", {"url": address})

    def run(self, script, *arguments):
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_to_its_end(self, script, *arguments):
        """Of a script that calls the last of its arguments when it has done."""
        self.ask("POST", "/timeouts", {"script": 180_000})
        return self.ask("POST", "/execute/async", {"script": script, "args": list(arguments)})

    def until(self, script, *arguments, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.run(script, *arguments):
                return True
            time.sleep(0.03)
        return False

    def click(self, element):
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        self.ask("POST", f"/element/{element[ELEMENT]}/click", {})

    def press(self, key):
        strokes = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": strokes}]})

    def log(self, kind):
        return self.ask("POST", "/se/log", {"type": kind})

    def picture(self, path, whole=False):
        area = {"captureBeyondViewport": True} if whole else {}
        if whole:
            height = self.run("return document.documentElement.scrollHeight")
            area["clip"] = {"x": 0, "y": 0, "width": self.width, "height": min(height, 12000), "scale": 1}
        path.write_bytes(base64.b64decode(self.devtools("Page.captureScreenshot", **area)["data"]))

    def close(self):
        self.ask("DELETE", "")


class Checks:
    """Promises of a page; those that are broken are collected."""

    def __init__(self, page, screenshots):
        self.page = page.resolve()
        self.address = self.page.as_uri()
        self.screenshots = screenshots
        self.problems = []
        self.document = None

    def fail(self, words):
        self.problems.append(words)

    def fail_all(self, where, problems):
        self.problems += [f"{where}: {problem}" for problem in problems]

    def picture(self, browser, name, whole=False):
        if self.screenshots:
            browser.picture(self.screenshots / f"{name}.png", whole)

    def open(self, browser):
        browser.scheme("light")
        browser.open(self.address)
        if not browser.until("return document.querySelector('#page h1') !== null"):
            raise Problem("the page shows nothing: " + "; ".join(entry["message"] for entry in browser.log("browser")))
        self.document = browser.run("return JSON.parse(document.getElementById('report').textContent)")

    def logs(self, browser, where):
        """No error is said, and the page asks for nothing but itself."""
        for entry in browser.log("browser"):
            if entry["level"] in ("SEVERE", "WARNING"):
                self.fail(f"{where}: the console says: {entry['message'][:200]}")
        for entry in browser.log("performance"):
            message = json.loads(entry["message"])["message"]
            address = message["params"].get("request", {}).get("url") or message["params"].get("url", "")
            if message["method"] not in ("Network.requestWillBeSent", "Network.webSocketCreated"):
                continue
            if address.split("#")[0] != self.address and not address.startswith(("data:", "blob:")):
                self.fail(f"{where}: the page asks for {address[:100]}")

    def sections(self, browser, expected):
        """Sections that the document has something for are there and not empty; where some are expected, these and no others."""
        figures = {figure["section"] for figure in self.document["figures"]}
        wanted = figures | {key for key in ("tables", "galleries", "comparison") if self.document[key]}
        wanted |= {"timeline"} if self.document["timeline"]["attempts"] else set()
        wanted |= {"claims"} if any(table["claims"] for table in self.document["tables"]) else set()
        found = browser.run("""return [...document.querySelectorAll("main > section")].map((section) =>
            [section.id, [...section.children].slice(1).some((node) => node.textContent.trim())])""")
        for name in sorted(wanted - {name for name, content in found if content}):
            self.fail(f'the section "{name}" is {"empty" if name in dict(found) else "missing"}')
        for name, content in found:
            if not content:
                self.fail(f'the section "{name}" has a heading and nothing below')
        for table in self.document["tables"]:
            if not browser.run("return document.getElementById(arguments[0]) !== null", f"table-{table['id']}"):
                self.fail(f"there is no anchor #table-{table['id']}")
        if "timeline" in wanted:
            painted = browser.run("""return [...document.querySelectorAll("#timeline .track i")].map((bar) => bar.className).sort()""")
            if painted != sorted(attempt["kind"] for attempt in self.document["timeline"]["attempts"]):
                self.fail("attempts are painted as other kinds than they are")
            ticks, placed = browser.run("""return [document.querySelectorAll("#timeline .axis span").length,
                [...document.querySelectorAll("#timeline .track i")].every((bar) => bar.style.left && bar.style.width)]""")
            if not ticks or not placed:
                self.fail(f"the timeline has {ticks} ticks" + ("" if placed else " and attempts that stand at no time"))
        order = [name for name, _ in found if name in FIGURE_SECTIONS]
        if order != [name for name in FIGURE_SECTIONS if name in order]:
            self.fail(f"sections of figures stand in another order: {order}")
        if expected and [name for name, _ in found] != expected:
            self.fail(f"the sections are {[name for name, _ in found]}, expected were {expected}")
        return [name for name, _ in found]

    def figures(self, browser, where):
        """Each figure is drawn when one comes to it, and pictures are there."""
        browser.run("for (const fold of document.querySelectorAll('main section > details')) fold.open = true")
        if not browser.until("return [...document.querySelectorAll('main section > details')].every((fold) => fold.children.length > 1)"):
            self.fail(f"{where}: a fold has nothing inside")
        seconds = 8  # what keeps one figure from being drawn may keep all: then no other is waited for as long
        for figure in self.document["figures"]:
            place = f"figure-{figure['id']}"
            if not browser.run("""const node = document.getElementById(arguments[0]);
                if (node) node.scrollIntoView({ block: "center", behavior: "instant" });
                return node !== null""", place):
                self.fail(f"{where}: the figure {figure['id']} is missing")
            elif figure["series"] and not browser.until("""
                const plot = document.querySelector(`#${CSS.escape(arguments[0])} .plot`);
                return plot && Number(plot.dataset.drawn) > 0 && plot.clientHeight > 100 &&
                  plot.querySelectorAll(".cartesianlayer .trace path").length > 0""", place, seconds=seconds):
                seconds = 0.3
                self.fail(f"{where}: the figure {figure['id']} is not drawn when one comes to it")
        for at in range(browser.run("return document.querySelectorAll('#galleries article').length")):
            if not browser.until("""const block = document.querySelectorAll("#galleries article")[arguments[0]];
                block.scrollIntoView({ block: "center", behavior: "instant" });
                const isThere = (image) => image.complete && image.naturalWidth > 0;
                return [...block.querySelectorAll("img")].every(isThere)""", at):
                self.fail(f"{where}: pictures of query {at} of the galleries do not load")

    def colours(self, browser):
        """An evaluation has one look under all names that rows give it, and two rows of a table have two."""
        looks = browser.run("""return [...document.querySelectorAll("#cmc .plot")].map((plot) => Object.fromEntries(plot.data
            .filter((trace) => trace.marker).map((trace) => [trace.hovertemplate.match(/<extra>(.*?)%/)[1],
              [trace.line.color, trace.marker.symbol].join(" ")])))""")
        names = {}  # of the evaluations of a row
        for table in self.document["tables"]:
            for row in table["rows"]:
                names.setdefault(row["cells"][0]["jobs"][1], set()).add(row["label"].removesuffix(" ‡").replace("&", "&amp;").replace("<", "&lt;"))
        for same in names.values():
            if len({look[name] for look in looks for name in same if name in look}) > 1:
                self.fail(f"one evaluation has several colours or symbols under the names {sorted(same)}")
        for look in looks:
            if len(set(look.values())) < len(look):
                self.fail(f"rows of a figure look alike: {look}")

    def whole(self, browser, where):
        """Structure, width and contrast of all that is there."""
        browser.run(LAY_OUT_ALL)
        browser.run("for (const details of document.querySelectorAll('main details')) details.open = true")
        browser.until("return [...document.querySelectorAll('main details')].every((one) => one.children.length > 1)")
        self.fail_all(where, browser.run(STRUCTURE))
        self.fail_all(where, browser.run(OVERFLOW, browser.width))
        if os.environ.get("RESOLUTE_AXE"):
            browser.devtools("Runtime.evaluate", expression=pathlib.Path(os.environ["RESOLUTE_AXE"]).read_text(encoding="utf-8"))
            self.fail_all(where, browser.run_to_its_end(AXE))
        for scheme in ("light", "dark"):
            browser.scheme(scheme)
            time.sleep(0.1)
            if not browser.until("""const texts = [...document.querySelectorAll(".plot[data-drawn] .xtick text")];
                const colour = getComputedStyle(document.body).color;
                return texts.every((text) => getComputedStyle(text).fill === colour)"""):
                self.fail(f"{where}: figures do not take on the colours of the {scheme} scheme")
            self.fail_all(f"{where}, {scheme}: contrast below what WCAG asks for", browser.run(CONTRAST))
        browser.scheme("light")

    def ordered(self, column, found, where):
        """What is in a column stands as its heading says, with what is not there behind."""
        values, order = found["values"], found["order"]
        known = [value for value in values if value is not None]
        if values[:len(known)] != known:
            self.fail(f"{where}: what has no number is not last in column \"{found['words']}\"")
        if order not in ("ascending", "descending"):
            self.fail(f"{where}: aria-sort of column \"{found['words']}\" is \"{order}\"")
        elif column >= 0 and known != sorted(known, reverse=order == "descending"):
            self.fail(f"{where}: column \"{found['words']}\" is not {order}: {known}")

    def navigation(self, browser, sections):
        """Each link of the navigation, by click and by Enter, brings one to its section, and Tab goes on from there."""
        links = browser.run("return [...document.querySelectorAll('nav a')].map((link) => link.hash.slice(1))")
        if links != sections:
            self.fail(f"the navigation leads to {links}, the sections are {sections}")
        for way in ("a click", "Enter"):
            for name in [one for one in links if one in sections]:
                browser.run("location.hash = ''; scrollTo({ top: 0, behavior: 'instant' })")
                link = browser.run("return document.querySelector(`nav a[href='#${arguments[0]}']`)", name)
                if way == "Enter":
                    browser.run("arguments[0].focus()", link)
                    browser.press(ENTER)
                else:
                    browser.click(link)
                    time.sleep(0.2)  # what comes into view for the first time is laid out and may move it
                if not browser.until(ARRIVED, name, seconds=3):
                    self.fail(f'{way} on the link to "{name}" does not bring one there')
                if way == "Enter":
                    browser.press(TAB)
                    if not browser.run(BEHIND, name):
                        self.fail(f'Tab after Enter on the link to "{name}" leads to what stands before it')
        browser.run("document.activeElement.blur(); location.hash = ''; scrollTo({ top: 0, behavior: 'instant' })")

    def numbers(self, browser):
        """Cells have the digits of the tables that the program prints, which round as Python does."""
        shown = browser.run("""return [...document.querySelectorAll("table[data-table]")].map((table) => Object.fromEntries(
            [...table.querySelectorAll("tr[data-row]")].map((row) => [row.dataset.row, [...row.cells].map((cell) => cell.textContent)])))""")
        for table, cells in zip(self.document["tables"], shown):
            for row in table["rows"]:
                for at, cell in enumerate(row["cells"]):
                    if cell["mean"] is None:
                        continue
                    decimals = self.document["metrics"][cell["metric"]]["decimals"]
                    parts = [f"{one:.{decimals}f}".replace("-", "−") for one in (cell["mean"], cell["std"]) if one is not None]
                    if not cells[row["id"]][at + 1].strip().startswith(" ± ".join(parts)):
                        self.fail(f'a cell of "{row["label"]}" shows {cells[row["id"]][at + 1]!r} where tables have {" ± ".join(parts)}')

    def chances(self, browser):
        """The row of chance has what all rows of a column agree on: in a copy of the page the first row has another in the first one."""
        shown = """return [...document.querySelectorAll("table[data-table]")].map((table) =>
            [...(table.querySelector("tr.chance")?.cells ?? [])].slice(1, 3).map((cell) => cell.textContent.trim()))[0]"""
        before = browser.run(shown)
        if not before:
            return
        with tempfile.NamedTemporaryFile("w", suffix=".html") as other:
            other.write(re.sub(r'"chance":[\d.]+', '"chance":99.0', self.page.read_text(), count=1))
            other.flush()
            browser.open(pathlib.Path(other.name).as_uri())
            browser.until("return document.querySelector('#page h1') !== null")
            if browser.run(shown) != ["–", *before[1:]]:
                self.fail(f"the row of chance shows {browser.run(shown)} where rows do not agree on the first of {before}")

    def sorting(self, browser):
        """By click and by keyboard: names, a column of two numbers or more, and one in which some are missing."""
        for at, table in enumerate(self.document["tables"]):
            if len(table["rows"]) < 2:
                continue
            means = [[row["cells"][column]["mean"] for row in table["rows"]]
                     for column in range(len(table["rows"][0]["cells"]))]
            known = [column for column, its in enumerate(means) if len(set(its) - {None}) > 1]
            columns = [-1] + known[:1] + [column for column in known[1:] if None in means[column]][:1]
            for column in columns:
                before = browser.run(COLUMN, at, column)
                button = browser.run("""return document.querySelectorAll("table[data-table]")[arguments[0]]
                    .querySelector(`th[data-column="${arguments[1]}"] button`)""", at, column)
                browser.click(button)
                clicked = browser.run(COLUMN, at, column)
                self.ordered(column, clicked, "after a click")
                browser.run("arguments[0].focus()", button)
                browser.press(ENTER)
                pressed = browser.run(COLUMN, at, column)
                self.ordered(column, pressed, "after Enter")
                stays = len(set(clicked["values"])) > 1 and pressed["values"] == clicked["values"]
                if pressed["order"] == clicked["order"] or stays:
                    self.fail(f"Enter on the heading \"{before['words']}\" does not turn the order")
                if not browser.run("return document.activeElement === arguments[0]", button):
                    self.fail("a heading loses the focus when it sorts")
            if len(columns) > 1:
                return

    def dialog(self, browser):
        """A number opens a dialog that names its jobs, Escape closes it, and the focus is where it was."""
        button = browser.run("return document.querySelector('table[data-table] .number')")
        if button is None:
            return
        browser.click(button)
        if not browser.run("return document.querySelector('dialog').open"):
            raise Problem("a number's dialog does not open")
        jobs = browser.run("return document.querySelector('dialog').textContent")
        table, row, column = browser.run("""const cell = arguments[0].closest("td");
            const tables = [...document.querySelectorAll("table[data-table]")], line = cell.parentElement;
            return [tables.indexOf(line.closest("table")), line.dataset.row, cell.cellIndex - 1]""", button)
        cell = next(one for one in self.document["tables"][table]["rows"] if one["id"] == row)["cells"][column]
        if not any(job[:12] in jobs for job in cell["jobs"]):
            self.fail("a number's dialog shows no job that it stands on")
        browser.run("for (const details of document.querySelectorAll('dialog details')) details.open = true")
        browser.until("return [...document.querySelectorAll('dialog details')].every((one) => one.children.length > 1)")
        self.fail_all("in a dialog", browser.run(STRUCTURE))
        if browser.run("const box = document.querySelector('dialog'); return box.scrollWidth > box.clientWidth + 1"):
            self.fail("a number's dialog scrolls sideways")
        if not browser.run("return document.querySelector('dialog').contains(document.activeElement)"):
            self.fail("the focus is not in the dialog that opened")
        self.picture(browser, f"dialog-{browser.width}")
        browser.press(ESCAPE)
        if not browser.until("return !document.querySelector('dialog').open", seconds=1):
            self.fail("Escape does not close a number's dialog")
        elif not browser.until("return document.activeElement === arguments[0]", button, seconds=1):
            self.fail("the focus does not go back to the number when its dialog closes")

    def pictures(self, browser, sections):
        if not self.screenshots:
            return
        for scheme in ("light", "dark"):
            browser.scheme(scheme)
            time.sleep(0.5)
            for name in ["top", *sections]:
                browser.run("""const node = document.getElementById(arguments[0]);
                    if (node) node.scrollIntoView({ behavior: "instant" }); else window.scrollTo(0, 0)""", name)
                time.sleep(0.25)
                self.picture(browser, f"{browser.width}-{scheme}-{name}")
        browser.scheme("light")

    def on_desk(self, driver, expected):
        browser = Browser(driver, DESK)
        try:
            self.open(browser)
            opened = browser.run("""return [performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
                performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd]""")
            sections = self.sections(browser, expected)
            self.navigation(browser, sections)
            self.numbers(browser)
            self.sorting(browser)
            self.dialog(browser)
            self.figures(browser, "1440 px")
            self.colours(browser)
            frames = browser.run_to_its_end(SCROLLING)
            self.pictures(browser, sections)
            self.whole(browser, "1440 px")
            browser.resize(TABLET)
            time.sleep(0.3)
            self.fail_all("768 px", browser.run(OVERFLOW, TABLET))
            self.logs(browser, "1440 px")
            self.chances(browser)
            return *opened, frames
        finally:
            browser.close()

    def on_phone(self, driver, expected):
        browser = Browser(driver, PHONE)
        try:
            self.open(browser)
            sections = self.sections(browser, expected)
            self.navigation(browser, sections)
            self.dialog(browser)
            self.figures(browser, "360 px")
            self.pictures(browser, sections)
            self.whole(browser, "360 px")
            self.logs(browser, "360 px")
        finally:
            browser.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--expect", default="", help="all sections of the page in their order, with commas between")
    parser.add_argument("--screenshots", type=pathlib.Path, help="a folder for pictures of each section")
    arguments = parser.parse_args()
    if arguments.screenshots:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    checks = Checks(arguments.page, arguments.screenshots)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that who runs out of time leaves no browser behind
    driver = Driver()
    begin = time.monotonic()
    try:
        expected = [name for name in arguments.expect.split(",") if name]
        paint, ready, frames = checks.on_desk(driver, expected)
        checks.on_phone(driver, expected)
        print(f"{arguments.page.name}: painted after {paint / 1000:.2f} s, ready after {ready / 1000:.2f} s, "
              f"frames of scrolling {frames[len(frames) // 2]:.1f} ms (median) and "
              f"{frames[len(frames) * 99 // 100]:.1f} ms (99th percentile), "
              f"all checks in {time.monotonic() - begin:.1f} s")
    except Problem as problem:
        checks.fail(str(problem))
    except (OSError, RuntimeError) as error:
        checks.fail(f"the browser does not answer: {error}")
    finally:
        driver.close()
    for problem in dict.fromkeys(checks.problems):
        print(problem, file=sys.stderr)
    return 1 if checks.problems else 0


if __name__ == "__main__":
    sys.exit(main())
