"""A training step's demands on a device, as tables of Markdown: that of docs/inside/gpu.md, which the simulated accelerator wrote, beside a
GPU's."""

ALIKE = ("recordings", "waits", "bytes to the GPU", "bytes back")  # a GPU makes several kernels of an operator


def cells(row):
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def of_page(page, header):
    """The rows of the page's table that has this header."""
    lines = page.splitlines()
    rows = []
    for line in lines[lines.index(header) + 2:]:
        if not line.startswith("|"):
            break
        rows.append(line)
    return rows


def beside(page, found):
    """(lines of one table, where a GPU differs in what should be alike). found: a table, header and all"""
    header, ruler, *own = found
    simulated = {cells(row)[0]: row for row in of_page(page, header)}
    names = cells(header)
    lines, differences = [f"| on {header}", f"| --- {ruler}"], []
    for row in own:
        method = cells(row)[0]
        expected = simulated[method]
        lines += [f"| simulated {expected}", f"| GPU {row}"]
        for name, ours, theirs in zip(names, cells(expected), cells(row)):
            if name in ALIKE and ours != theirs:
                differences.append(f"{method}: {theirs} {name}, {ours} on the simulated accelerator")
    return lines, differences
