"""What the quickstart's tables must show, trial by trial (mAP in per cent): every cell complete, LR copies worth 4 points to a
baseline, and the adversarial loss a gain.

Usage: check_quickstart.py TABLES.json
"""

import json
import sys


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        suite = json.load(file)
    wrong = []
    values = {}
    for table in suite["tables"]:
        for row in table["rows"]:
            for cell in row["cells"]:
                if not cell["complete"]:
                    wrong.append(f"{table['id']}/{row['id']} {cell['metric']} is {cell['status']}")
                if cell["metric"] == "mAP":
                    values[table["id"], row["id"]] = cell["values"]
    claims = [
        ("Baseline (HR & LR) over Baseline (HR)", ("levels", "baseline-hr-lr"), ("levels", "baseline-hr"), 4.0),
        ("RAIN, multi-level, over Baseline (HR & LR)", ("levels", "multi-level"), ("levels", "baseline-hr-lr"), 0.0),
    ]
    for name, better, worse, least in claims:
        gains = [a - b for a, b in zip(values[better], values[worse], strict=True)]
        print(f"{name}: {', '.join(f'{gain:+.1f}' for gain in gains)} mAP")
        if len(gains) < 5 or min(gains) <= least:
            wrong.append(f"{name}: more than {least} is needed in each of five trials")
    for text in wrong:
        print(f"quickstart: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
