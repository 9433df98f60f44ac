"""The GPU part of a page of figures: lines of Markdown for each question, and what was not measured. The page is its own record: a run adds
to what it finds there, and each write is a whole file."""

import dataclasses
import datetime
import os
import re

BEGIN, END = "<!-- gpu: begin -->", "<!-- gpu: end -->"
MISSING = "Failed or not measured"


@dataclasses.dataclass
class Answer:
    """text, a table and more lines. A table's rows are known by their first cells: rows that the page has besides stay. Without a table the
    lines take the place of the section's."""
    question: str
    text: list = dataclasses.field(default_factory=list)
    head: list = None
    rows: list = dataclasses.field(default_factory=list)
    lines: list = dataclasses.field(default_factory=list)
    troubles: list = dataclasses.field(default_factory=list)


class OtherDevice(Exception):
    """The page has figures of another device, which this one's cannot join."""


def table(head, rows):
    """Lines of Markdown."""
    return ["| " + " | ".join(map(str, row)) + " |" for row in [head, ["---"] * len(head), *rows]]


def key(line):
    return re.split(r" \||: ", line[2:], maxsplit=1)[0]


def rows_under(lines, head):
    """({first cell: row} of the table with this head, {begin: note} of the list), or nothing."""
    if head not in lines:
        return {}, {}
    begin = lines.index(head) + 2
    end = next((number for number in range(begin, len(lines)) if not lines[number].startswith("|")), len(lines))
    return {key(row): row for row in lines[begin:end]}, {key(line): line for line in lines[end:] if line.startswith("- ")}


class Page:
    def __init__(self, file, device, adds):
        """device: a line that tells what was measured. adds: figures of another device are an error, or this run begins anew. Raises
        OtherDevice and OSError."""
        self.file, self.device, self.sections, self.missing = file, device, {}, {}
        self.before, self.after = "# Measured\n\n## GPU (`bench/gpu/run`)\n\n", "\n"
        whole = file.read_text(encoding="utf-8") if file.exists() else ""
        if BEGIN in whole and END in whole:
            self.before, rest = whole.split(BEGIN, 1)
            own, self.after = rest.split(END, 1)
            self.read(own.strip("\n"), adds)
        elif whole:
            self.before = whole.rstrip("\n") + self.before.removeprefix("# Measured")
        self.write()

    def read(self, own, adds):
        first, *sections = re.split(r"^### ", own, flags=re.MULTILINE)
        if first.strip() and first.splitlines()[0] != self.device:
            if adds:
                raise OtherDevice(first.splitlines()[0])
            return
        for section in sections:
            question, _, text = section.partition("\n")
            self.sections[question] = text.strip("\n").splitlines()
        for item, trouble in re.findall(r"^- `([^`]*)`: (.*)$", "\n".join(self.sections.pop(MISSING, [])), flags=re.MULTILINE):
            self.missing.setdefault(item, []).append(trouble)

    def note(self, item, troubles):
        """Puts these troubles of an item in the place of those that the page has."""
        self.missing[item] = troubles
        if not troubles:
            del self.missing[item]

    def answer(self, answer):
        today = f"{datetime.date.today()}"
        if answer.head is None:
            lines = [*answer.text, *answer.lines, "", f"Measured on {today}."]
        else:
            head, ruler, *rows = table([*answer.head, "date"], [[*row, today] for row in answer.rows])
            all_rows, notes = rows_under(self.sections.get(answer.question, []), head)
            all_rows |= {key(row): row for row in rows}
            notes |= {key(line): line for line in answer.lines}
            lines = [*answer.text, *[""] * bool(answer.text), head, ruler, *all_rows.values(), *[""] * bool(notes), *notes.values()]
        self.sections[answer.question] = lines

    def write(self):
        text = [self.device, ""]
        missing = [f"- `{item}`: {trouble}" for item, troubles in self.missing.items() for trouble in troubles]
        for question, lines in (self.sections | ({MISSING: missing} if missing else {})).items():
            text += [f"### {question}", "", *lines, ""]
        part = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        try:
            with open(part, "w", encoding="utf-8") as out:
                out.write(f"{self.before}{BEGIN}\n" + "\n".join(text) + f"{END}{self.after}")
                out.flush()
                os.fsync(out.fileno())
            part.replace(self.file)
        finally:
            part.unlink(missing_ok=True)
