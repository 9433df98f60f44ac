#!/usr/bin/env python3
"""Mutates base.toml, a key, table or value at a time, and writes what the program must say of each to corpus.txt.

Usage: make_corpus.py [--check]     the seed is fixed: the same corpus for the same base.toml

With --check it writes nothing and says where corpus.txt is not what it would write; the exit code is then 1.

A line of corpus.txt is PLACE, KEY, HELP and EDIT with tabs between: where the refusal is (LINE:COLUMN, or the option), the key
that it names, what it suggests or says is needed, and the mutation: `=N TEXT` puts TEXT in the place of line N, `+N TEXT`
after it, `-N` takes line N away, `--set …` and `--profile …` are options. PLACE, KEY and HELP follow from base.toml and its
comments, not from the program. A backslash is doubled; \\xHH is a byte.
"""

import difflib
import pathlib
import random
import re
import sys

HERE = pathlib.Path(__file__).parent
BASE = (HERE / "base.toml").read_text().split("\n")
PROFILE_KEYS = ["datasets", "stand_ins"]  # that are no settings
ROW_KEYS = ["id", "label", "latex", "grid", "set", "reference", "start_from", "freeze", "joined_with", "search"]
DATASET_KEYS = ["id", "source"]
TABLE_KEYS = ["id", "title", "metrics", "datasets", "reference", "row", "compare_with", "mean_of", "published", "margin",
              "strict_classes", "evaluate_on"]
SUITE_KEYS = ["suite", "title", "worker", "worker_files", "worker_files_sha256", "method", "method_schemas", "include", "included",
              "only_tables", "stand_ins", "defaults", "profiles", "dataset", "table", "search"]
REQUIRED = {"suite": ["suite", "title"], "dataset": ["id", "source", "root"], "table": ["id", "title", "metrics", "datasets"],
            "row": ["id", "label"]}
NAMES = {"suite": "the suite", "dataset": "[[dataset]]", "table": "[[table]]", "row": "[[table.row]]"}
random.seed("resolute")
records = []


def record(place, key, hint, edit):
    records.append((place, key, hint, edit))


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(last + (x != y), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def misspelt(word, others=(), prefix=""):
    """The word with a letter dropped, doubled, replaced or swapped, so that it is the nearest of all."""
    while True:
        at = random.randrange(len(word))
        wrong = random.choice([word[:at] + word[at + 1:], word[:at] + word[at] + word[at:],
                               word[:at] + random.choice("aeioux") + word[at + 1:],
                               word[:at] + word[at + 1:at + 2] + word[at] + word[at + 2:]])
        near = distance(wrong, word)
        if not re.fullmatch("[A-Za-z][A-Za-z0-9_-]*", wrong) or near not in (1, 2) or near >= len(prefix + word):
            continue
        if all(distance(prefix + wrong, other) > near for other in others if other != prefix + word):
            return wrong


class Line:
    """A key of base.toml: its line, what stands round it, its value, its comment."""

    def __init__(self, number, kind, header, section, key, value, comment):
        self.number, self.kind, self.header, self.section = number, kind, header, section
        self.key, self.value, self.comment = key, value, comment
        self.last = key.rsplit(".", 1)[-1]
        self.full = "network.backbone" if key == "backbone" else section + key
        self.place = f"{number}:{len(key) - len(self.last) + 1}"

    def replaced(self, value):
        return f"={self.number} {self.key} = {value}".rstrip()


def read_base():
    lines, header, kind, section = [], 1, "suite", ""
    for number, text in enumerate(BASE, 1):
        if found := re.fullmatch(r"(\[+)([a-z_.]+)\]+", text):
            header, name = number, found[2]
            kind = {"dataset": "dataset", "dataset.stand_in": "stand_in", "table": "table", "table.row": "row"}.get(name, "settings")
            section = name.removeprefix("defaults.") + "." if name.startswith("defaults.") else ""
        elif found := re.fullmatch(r"([a-z_.]+) = (.*?)(?:  # (.*))?", text):
            its_kind = "profile" if kind == "settings" and found[1] in PROFILE_KEYS else kind
            lines.append(Line(number, its_kind, header, section, found[1], found[2], found[3] or ""))
    return lines


LINES = read_base()
SETTINGS = [line.full for line in LINES if line.kind == "settings" and line.key != "train.steps"] + ["backbone"]


def line_of(full, kind="settings"):
    return next(line for line in LINES if line.full == full and line.kind == kind)


def known_beside(line):
    if line.kind in ("suite", "table"):
        return SUITE_KEYS if line.kind == "suite" else TABLE_KEYS
    own = [x.key for x in LINES if x.kind == line.kind]
    if line.kind == "stand_in":
        return own
    return SETTINGS + {"settings": [], "profile": PROFILE_KEYS, "dataset": [*own, "stand_in"], "row": ROW_KEYS}[line.kind]


def table_place(line):
    return "1:1" if line.kind == "suite" else f"{line.header}:1"


def misspelt_keys():
    for line in LINES:
        prefix = (line.section + line.key)[:-len(line.last)]
        wrong = misspelt(line.last, known_beside(line), prefix)
        written = line.key[:-len(line.last)] + wrong
        edit = f"={line.number} {written} = {line.value}"
        if line.last in REQUIRED.get(line.kind, []):
            record(table_place(line), line.last, f"is '{wrong}' at s.toml:{line.place} meant for it", edit)
        elif line.kind == "row" and line.value[0] == "{":  # taken for a table of settings
            inner = re.match(r'\{ ("?)([a-z_.{}]+)', line.value)
            record(f"{line.number}:{len(written) + 4 + inner.start(1)}", f"{wrong}.{inner[2]}", f"did you mean '{line.key}'", edit)
        else:
            record(line.place, prefix + wrong, f"did you mean '{line.section}{line.key}'", edit)
    deep = BASE.index("[profiles.deep]") + 1
    for word, hint in (("learning_rate", "'train.learning_rate'"), ("levels", "'rain.levels'"), ("evaluate.learning_rate", "'train.learning_rate'"),
                       ("evaluate.backbone", "'network.backbone'"), ("evaluation.drawz", "'evaluate.draws'"), ("optimizer", "'train.optimiser'"),
                       ("train.dampening", "train.learning_rate"), ("zebra.stripes", "evaluate"), ("rain.levels.first", "'rain.levels'")):
        record(f"{deep + 1}:{word.rfind('.') + 2}", word, hint, f"+{deep} {word} = 1")


def misspelt_tables():
    for number, text in enumerate(BASE, 1):
        found = re.fullmatch(r"\[defaults\.([a-z_]+)\]", text)
        if not found:
            continue
        first = next(line for line in LINES if line.number == number + 1)
        wrong = misspelt(found[1], [line.section[:-1] for line in LINES if line.section])
        record(first.place, f"{wrong}.{first.key}", f"did you mean '{first.full}'", f"={number} [defaults.{wrong}]")
    at = line_of("train.steps").header - 1
    record(f"{at + 1}:2", "defautls", "did you mean 'defaults'", f"+{at} [defautls.train]")
    long = BASE.index("[profiles.long]") + 1
    record(f"{long}:2", "profile", "did you mean 'profiles'", f"={long} [profile.long]")
    first_table = BASE.index("[[table]]") + 1
    record(f"{first_table}:3", "tabel", "did you mean 'table'", f"+{first_table - 1} [[tabel]]")
    last = len(BASE) - 1
    record(f"{last + 1}:3", "datasets", "did you mean 'dataset'", f"+{last} [[datasets]]")
    record(f"{last + 1}:9", "rows", "did you mean 'row'", f"+{last} [[table.rows]]")


def type_of(value):
    for pattern, name in ((r'"', "a string"), (r"\[", "a list"), (r"true|false", "true or false"), (r"-?\d+$", "an integer"),
                          (r"\{", "a table"), (r"-?\d", "a number")):
        if re.match(pattern, value):
            return name
    raise ValueError(value)


WRONG = {"a string": ["3", "true", "2.5", '["x"]'], "a list": ["5", '"five"', "true"],
         "true or false": ["1", '"true"', "0.5"], "an integer": ['"ten"', "1.5", "true", "[1]"],
         "a number": ['"half"', "true", "[0.5]"]}


def wrong_types():
    for line in LINES:
        needed = type_of(line.value)
        if needed == "a table":
            record(line.place, line.key, "table", line.replaced(random.choice(["3", '"x"', "true"])))
            continue
        record(line.place, line.full, f"{needed} is needed", line.replaced(random.choice(WRONG[needed])))
        if needed == "a list":
            items = "a number" if re.match(r"\[\d+\.", line.value) else "an integer" if line.value[1].isdigit() else "a string"
            wrong = f'[{line.value[1:-1]}, {random.choice(["[1]", "true"])}]'
            record(line.place, f"{line.full}[{line.value.count(',') + 1}]", f"{items} is needed", line.replaced(wrong))
        if needed == "an integer" and line.kind == "settings":
            record(line.place, line.full, "an integer in range is needed", line.replaced("99999999999"))


def text_of(number):
    return str(int(number)) if number == int(number) else str(number)


def out_of_range():
    for line in LINES:
        comment, *otherwise = line.comment.split("; ")  # "below: WORDS", "above: WORDS" where other members refuse first
        found = re.fullmatch(r"(?:each (?:must be )?|)(above 0 and at most|-?\d+ to) ([0-9.]+)", comment)
        if not found:
            continue
        step = 0.5 if type_of(line.value) == "a number" else 1
        low = 0 if found[1].startswith("above") else float(found[1].split()[0]) - step
        high = float(found[2]) + step + (line.key == "lanes")  # ranks must divide it
        for value in (low, high):
            said = "an integer in range" if value > 2147483647 and step == 1 else found[0].split("each ")[-1]
            said = re.sub("^must be ", "", said)
            said = dict(words.split(": ") for words in otherwise).get("below" if value == low else "above", said)
            wrong = text_of(value)
            if type_of(line.value) == "a list":
                wrong = re.sub(r"\d+", wrong, line.value, count=1)
            record(line.place, line.full, said, line.replaced(wrong))
    for full, value, said in (("seed", "-1", "an integer in range"), ("ranks", "3", "divide")):
        line = line_of(full, "dataset" if full == "seed" else "settings")
        record(line.place, full, said, line.replaced(value))
    for full in ("rates", "train.train_rates", "split.query_rates", "evaluate.sample_rates", "rain.levels", "train.milestones"):
        record(line_of(full).place, full, "they must ascend", line_of(full).replaced("[3, 3]"))
    for full in ("msifla.scales", "resolution_adaptive.level_rates"):
        record(line_of(full).place, full, "they must descend", line_of(full).replaced("[3, 4, 2, 1]"))
    for full, value in (("train.copies.rate", "[4.0, 2.5]"), ("train.copies.noise", "[3.0]"), ("train.copies.jpeg", "[30, 90, 95]")):
        record(line_of(full, "row").place, full, "the lowest value and the highest are needed", line_of(full, "row").replaced(value))
    for full in ("train.gamma", "rain.margin"):
        record(line_of(full).place, line_of(full).key, "not finite", line_of(full).replaced("nan"))


def words_outside_their_choice():
    for line in LINES:
        if not line.comment.startswith("one of "):
            continue
        choices = line.comment.removeprefix("one of ")
        word = line.value.strip('"')
        wrong = misspelt(word, choices.split(", "))
        record(line.place, line.full, f"did you mean '{word}'", line.replaced(f'"{wrong}"'))
        record(line.place, line.full, choices, line.replaced('"zebra-crossing"'))
    weights = line_of("weights")
    record(weights.place, "weights", "did you mean 'imagenet'", weights.replaced('"imagnet"'))
    record(weights.place, "weights", "import them", weights.replaced('"zebra"'))
    record(weights.place, "weights", "a-z, 0-9", weights.replaced('"../x"'))


def twice():
    for line in random.sample([line for line in LINES if "." not in line.key], 16):
        record(f"{line.number + 1}:1", line.last, "stands twice", f"+{line.number} {line.key} = {line.value}")
    trials = line_of("trials").number
    record(f"{line_of('network.backbone').number + 1}:1", "network.backbone", f"first at s.toml:{trials + 1}:1",
           f'+{trials} backbone = "resnet50"')
    long = BASE.index("[profiles.long]") + 1
    record(f"{long + 2}:11", "profiles.long", "stands twice", f"+{long + 1} [profiles.long]")
    record(f"{long}:11", "defaults.train", "stands twice", f"+{long - 1} [defaults.train]")
    for kind in ("dataset", "row"):
        first, second = [line for line in LINES if line.kind == kind and line.key == "id"][:2]
        record(second.place, "id", "stands twice", second.replaced(first.value))
    grid = line_of("grid", "row")
    metrics = line_of("metrics", "table")
    record(metrics.place, "metrics", "names 'mAP' twice", metrics.replaced('["mAP", "rank1", "mAP"]'))


def both_of_a_pair():
    for steps in ("steps", "milestones", "warmup_steps"):
        epochs = {"steps": "epochs", "milestones": "milestone_epochs", "warmup_steps": "warmup_epochs"}[steps]
        above, in_row = line_of(f"train.{steps}"), line_of(f"train.{epochs}", "row")
        record(f"{above.number + 1}:1", f"train.{epochs}", "leave one of them out", f"+{above.number} {epochs} = {in_row.value}")
        record(f"{in_row.number + 1}:7", f"train.{steps}", f"at s.toml:{in_row.place}",
               f"+{in_row.number} train.{steps} = {above.value}")


def tables_and_values():
    deep = BASE.index("[profiles.deep]") + 1
    for section in ("network", "train", "split", "evaluate", "baseline", "rain", "ftwa", "msifla", "resolution_adaptive", "cadnet", "vpfa"):
        record(f"{deep + 1}:1", section, f"it holds keys such as '{section}.", f"+{deep} {section} = 3")
    for line in random.sample([line for line in LINES if line.kind == "settings" and line.key != "train.steps"], 10):
        record(f"{line.number}:{len(line.key) + 6}", f"{line.full}.{'of'}", f"'{line.full}'", line.replaced("{ of = 1 }"))
        record(line.place, line.full, "a value is needed", line.replaced("[{ of = 1 }]"))
    for key, kind in (("suite", "suite"), ("metrics", "table"), ("id", "row"), ("source", "dataset"), ("worker", "suite")):
        record(line_of(key, kind).place, key, "a value is needed", line_of(key, kind).replaced("{ a = 1 }"))
    defaults = BASE.index("[defaults]") + 1
    record(f"{defaults}:3", "[defaults]", "a table of keys is needed", f"={defaults} [[defaults]]")
    record(f"{deep}:12", "[profiles.deep]", "a table of keys is needed", f"={deep} [[profiles.deep]]")
    contrast, stand_in = line_of("fine_contrast", "dataset").number, BASE.index("[dataset.stand_in]") + 1
    record(f"{contrast + 1}:1", "stand_in", "leave it out", f"+{contrast} stand_in = {{ seed = 1 }}")
    record(f"{stand_in}:1", "stand_in", "a table of keys is needed", f"={stand_in} stand_in = 3")
    record(f"{stand_in}:11", "stand_in", "a table of keys is needed", f"={stand_in} [[dataset.stand_in]]")
    table = BASE.index("[[table]]") + 1
    record(f"{table}:2", "table", "double brackets", f"={table} [table]")


def missing():
    for line in LINES:
        if line.last in REQUIRED.get(line.kind, []):
            if [x.number for x in LINES if x.kind == line.kind and x.key == line.key][0] == line.number:
                record(table_place(line), line.last, f"{NAMES[line.kind]} needs it", f"-{line.number}")
    first_row = line_of("id", "row").number - 1
    record(f"{first_row - 1}:1", "method", "set it in the row or in [defaults]", f"-{line_of('method').number}")
    record(f"{first_row - 1}:1", "train.steps", "1 to 100000000", f"-{line_of('train.steps').number}")
    references = [line for line in LINES if line.key == "reference"]
    record(references[1].place, "paper", "'reference' needs it", references[0].replaced('{ dataset = "mlr-cuhk03" }'))
    record(references[1].place, "dataset", "'reference' needs it", references[0].replaced('{ paper = "rain" }'))
    record(references[1].place, "table", "'reference' needs it", references[1].replaced('{ method = "baseline" }'))
    record(references[1].place, "method", "'reference' needs it", references[1].replaced('{ table = "table1" }'))


def broken_toml():
    steps, title = line_of("train.steps"), line_of("title", "suite")
    for value, column, said in (
            ('"100', 9, "is not closed"), ('"a\\\\q"', 12, "escape"), ("2024-13-01", 16, "month"), ("100 200", 13, "whitespace"),
            ("", 8, "value"), ("tru", 12, "double quotes"), ("hundred", 9, "double quotes"), ("0100", 13, "leading zeroes"),
            ("1__0", 11, "underscores"), ("1.", 11, "digit"), (".5", 9, "digit"), ("'100", 9, "is not closed"),
            ("{ a = 1", 16, "inline table"), ("{ a = 1, }", 18, "comma"), ("0x", 11, "digit"),
            ("99999999999999999999", 29, "64 bits"), ("1e99999", 16, "value"), ('"\\\\ud800"', 16, "surrogates"),
            ('"a\\x00b"', 11, "control characters"), ("# nothing", 9, "value")):
        record(f"{steps.number}:{column}", "steps", said, steps.replaced(value))
    record(f"{steps.number + 1}:1", "-", "array", steps.replaced("[1, 2"))
    record(steps.place, "steps", "no key takes one", steps.replaced("2024-01-01"))
    record(steps.place, "steps", "no key takes one", steps.replaced("12:30:00"))
    # Near the head of the file: the parser looks at blocks of it, and what comes before decides the column that it names.
    record(f"{title.number}:9", "title", "utf-8", title.replaced('"\\xff\\xfe"'))
    record(f"{title.number}:1", "-", "not TOML", f"={title.number} = 3")
    record(f"{title.number}:7", "-", "not TOML", f"={title.number} title too = 3")
    record(f"{title.number}:1", "-", "not TOML", f"={title.number} \\xc3\\xa9 = 1")
    record(f"{steps.header}:16", "-", "not TOML", f"={steps.header} [defaults.train")
    record(f"{steps.header}:2", "-", "not TOML", f"={steps.header} []")
    record(f"{title.number}:1", "x", "mixes tables and values", f"={title.number} x = [1, {{ a = 1 }}]")
    record(f"{title.number}:1", "x", "a list of lists of tables", f"={title.number} x = [[{{ a = 1 }}]]")
    record(f"{title.number}:37", "-", "nested deeper than 32", f"={title.number} x = " + "[" * 40)
    record(f"{title.number}:66", "-", "nested deeper than 32", f"={title.number} a" + ".a" * 40 + " = 1")


def unknown_references():
    metrics, datasets, compare = (line_of(key, "table") for key in ("metrics", "datasets", "compare_with"))
    for wrong, hint in (("rank2", "'rank1'"), ("map", "'mAP'"), ("accuracy", "rank1")):
        record(metrics.place, "metrics", hint, metrics.replaced(f'["{wrong}"]'))
    record(metrics.place, "metrics", "at least one is needed", metrics.replaced("[]"))
    record(datasets.place, "datasets", "did you mean 'easy'", datasets.replaced('["esay"]'))
    record(datasets.place, "datasets", "known are easy, market", datasets.replaced('["cuhk03"]'))
    chosen = line_of("datasets", "profile")
    record(chosen.place, "datasets", "did you mean 'market'", chosen.replaced('["makret"]'))
    record(chosen.place, "datasets", "known are easy, market", chosen.replaced('["easy", "cuhk03"]'))
    record(chosen.place, "datasets", "at least one is needed", chosen.replaced("[]"))
    record(chosen.place, "datasets", "twice", chosen.replaced('["easy", "easy"]'))
    record(compare.place, "compare_with", "did you mean 'baseline'", compare.replaced('"basline"'))
    record(compare.place, "compare_with", "known are baseline, without-classification", compare.replaced('"zebra"'))
    _, first, second = (line for line in LINES if line.key == "reference")
    for line, part, value in ((first, "table", "table1"), (first, "method", "baseline"), (second, "variant", "no-{loss}")):
        wrong = misspelt(value, ["table1", "table3", "baseline", "rain"]) if "{" not in value else "n-{loss}"
        hint = "'no-classification'" if "{" in value else f"'{value}'"
        record(line.place, "reference", f"did you mean {hint}", f"={line.number} {line.key} = " + line.value.replace(f'"{value}"', f'"{wrong}"', 1))
    table = next(line for line in LINES if line.key == "reference")
    record(first.place, "reference", "known is rain", table.replaced('{ paper = "zebra", dataset = "mlr-cuhk03" }'))
    record(first.place, "reference", "did you mean 'mlr-cuhk03'", table.replaced('{ paper = "rain", dataset = "mlr-cuhk3" }'))
    record(second.place, "reference.on", "did you mean 'easy'", second.replaced(second.value.replace('["easy"]', '["esy"]')))
    row_id, label, grid, chosen = (line_of(key, "row") for key in ("id", "label", "grid", "set"))
    second_id = row_id.number + 4
    record(f"{second_id}:1", "id", "did you mean 'loss'", f'={second_id} id = "without-{{los}}"')
    record(f"{second_id + 1}:1", "label", "known is loss", f'={second_id + 1} label = "RAIN without {{zebra}}"')
    record(f"{chosen.number}:9", "set", "did you mean 'loss'", chosen.replaced('{ "rain.{lss}" = false }'))
    record(f"{chosen.number}:9", "set.rain.levels", "did you mean 'loss'", chosen.replaced('{ "rain.levels" = "{lss}" }'))
    record(f"{chosen.number}:9", "rain.zebra", "known are", chosen.replaced('{ "rain.zebra" = false }'))
    record(f"{grid.number}:10", "grid.loss", "no values", grid.replaced("{ loss = [] }"))
    record(f"{grid.number}:10", "grid.loss", "strings, numbers or booleans", grid.replaced("{ loss = [[1]] }"))


def impossible_together():
    for full, value, said in (
            ("train.identities", "3", "raise it to 4 or lower 'lanes'"), ("train.images", "1", "0 to 0"), ("trials", "2000", "1 to 1000"),
            ("train.train_rates", "[2, 8]", "add 8 to its key 'rates'"), ("split.query_rates", "[5]", "add 5 to its key 'rates'"),
            ("train.identities", "17", "'split.train_identities' leaves 16"), ("train.schedule", '"cosine"', "leave them out"),
            ("split.lr_cameras", "[3]", "has cameras 1 to 2"), ("split.lr_side", '"pair"', "leave it out, or split.lr_side"),
            ("split.partition", '"official"', "leave it out or set split.partition"), ("rain.levels", "[]", 'set rain.adversary = "off"'),
            ("ftwa.transformation", "false", "set ftwa.weighting = false"),
            ("msifla.ir_width", "7", "set it to 8"), ("msifla.scales", "[3, 2]", "end it with 1"),
            ("msifla.scales", "[5, 1]", "add 5 to 'train.train_rates'"), ("resolution_adaptive.widths", "[8]", "name 4 widths"),
            ("resolution_adaptive.stage_steps", "30", "set it to"), ("height", "62", "set it to 64"),
            ("evaluate.distance", '"hr"', "compares by one embedding"), ("evaluate.query_level", '"highest"', "leave it out"),
            ("evaluate.query_expansion", "5", 'set evaluate.distance = "cosine"'),
            ("train.optimiser", '"adamw"', 'set train.optimiser = "sgd"'), ("train.momentum", "0", "leave it out"), ("train.power", "2", 'set train.schedule = "polynomial"')):
        key = {"train.schedule": "train.milestones", "train.images": "train.lr_images", "split.lr_side": "split.lr_cameras",
               "split.partition": "split.tested", "ftwa.transformation": "ftwa.weighting",
               "train.optimiser": "train.momentum", "train.momentum": "train.nesterov"}.get(full, full)
        record(line_of(key).place, key, said, line_of(full).replaced(value))
    views = line_of("degradation.blur").header
    record(f"{views + 1}:1", "degradation.rate", "name one rate above 1", f"+{views} rate = [2.0, 4.0]")
    drawn = line_of("train.copies.rate", "row")
    record(drawn.place, drawn.full, 'set train.copies_from = "network"', line_of("train.copies_from", "row").replaced('"native"'))
    msifla = next(line.number for line in LINES if line.kind == "row" and line.key == "method" and line.value == '"msifla"')
    for step, interval in (("blur", "[0.0, 1.0]"), ("jpeg", "[30, 90]")):
        record(f"{msifla + 1}:14", f"train.copies.{step}", "set it to [] for these rows", f"+{msifla} train.copies.{step} = {interval}")


def options():
    for line in random.sample([line for line in LINES if line.kind == "settings" and line.key != "train.steps"], 12):
        wrong = line.section + misspelt(line.key, SETTINGS, line.section)
        record(f"--set {wrong}", wrong, f"did you mean '{line.section + line.key}'", f"--set {wrong}={line.value}")
        needed = type_of(line.value)
        record(f"--set {line.full}", line.full, f"{needed} is needed", f"--set {line.full}={random.choice(WRONG[needed])}")
    for text, hint in (("train.steps=0", "1 to 100000000"), ("train.schedule=cosin", "did you mean 'cosine'"),
                       ("suite=x", "backbone, baseline"), ("train=3", "it holds keys such as"), ("train.steps=", "an integer is needed"),
                       ("train.steps={ a = 1 }", "an integer is needed"), ("identities=8", "did you mean 'train.identities'")):
        record(f"--set {text.split('=')[0]}", text.split("=")[0], hint, f"--set {text}")
    record("--profile logn", "-", "did you mean 'long'", "--profile logn")
    record("--profile zebra", "-", "known are deep, long", "--profile zebra")


def included_files():
    at = next(line for line in LINES if line.key == "worker").number
    for text, key, column, hint in (
            ('include = "part.toml"', "include", 1, "a list is needed"), ("include = [1]", "include[0]", 1, "a string is needed"),
            ("include = []", "include", 1, "name suite files, or leave it out"),
            ('include = ["nowhere.toml"]', "include", 1, "there is no file 'nowhere.toml'"),
            ('include = ["s.toml"]', "include", 1, "leave one of the two out"), ('inclde = ["s.toml"]', "inclde", 1, "did you mean 'include'"),
            ("only_tables = []", "only_tables", 1, "at least one is needed"), ("only_tables = [1]", "only_tables[0]", 1, "a string is needed"),
            ('only_tables = ["zebra"]', "only_tables", 1, "there is none of that name"),
            ('included = [{ file = "part.toml" }]', "text", 13, "[[included]] needs it"),
            ('included = [{ file = "part.toml", text = 3 }]', "text", 35, "a string is needed"),
            ('included = [{ file = "part.toml", text = "", name = "x" }]', "name", 46, "known are file, text")):
        record(f"{at + 1}:{column}", key, hint, f"+{at} {text}")


def main():
    for mutate in (misspelt_keys, misspelt_tables, wrong_types, out_of_range, words_outside_their_choice, twice, both_of_a_pair, tables_and_values,
                   missing, broken_toml, unknown_references, impossible_together, options, included_files):
        mutate()
    corpus, lines = HERE / "corpus.txt", ["\t".join(fields) + "\n" for fields in records]
    if "--check" not in sys.argv:
        corpus.write_text("".join(lines))
    elif stale := [line for line in difflib.unified_diff(corpus.read_text().splitlines(True), lines, "corpus.txt", "make_corpus.py")]:
        sys.exit("".join(stale))
    print(f"{len(records)} mutated suites")


if __name__ == "__main__":
    main()
