"""The reference of the Python package: docs/python_api.md, from the signatures and docstrings in python/resolute.

Usage: python_api.py write
"""

import ast
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES, PAGE = ROOT / "python/resolute", ROOT / "docs/python_api.md"
MADE_BY_USERS = {"Pack", "Suite"}  # other classes come of calls, or are derived from
HEAD = """# The Python package, name by name

Written by `script/support/python_api.py write` from the docstrings in `python/resolute`; a test holds the page to them. [From
Python](python.md) is the guide. Every call may raise `InputError` for what it was given, and `MachineError` for what the machine refuses.
"""


def tree(module):
    return ast.parse((SOURCES / f"{module}.py").read_text(encoding="utf-8"))


def described(node, name):
    text = ast.get_docstring(node)
    if not text:
        raise ValueError(f"'{name}' has no docstring")
    return text


def signature(node, name):
    """The call, without self."""
    arguments = node.args
    if arguments.args and arguments.args[0].arg == "self":
        arguments.args = arguments.args[1:]
    returned = f" -> {ast.unparse(node.returns)}".replace("'", "") if node.returns and node.name != "__init__" else ""
    call = textwrap.fill(f"{name}({ast.unparse(arguments)}){returned}", 120, subsequent_indent="    ", break_long_words=False)
    return f"```python\n{call}\n```"


def is_property(node):
    return any(isinstance(one, ast.Name) and one.id == "property" for one in node.decorator_list)


def members(node):
    found = [one for one in node.body if isinstance(one, (ast.FunctionDef, ast.ClassDef)) and not one.name.startswith("_")]
    for one in found:
        name = f"{node.name}.{one.name}"
        call = signature(one, name) + "\n\n" if isinstance(one, ast.FunctionDef) and not is_property(one) else ""
        yield f"### {name}\n\n{call}{described(one, name)}\n"


def entry(node, level="## "):
    if isinstance(node, ast.FunctionDef):
        return f"{level}{node.name}\n\n{signature(node, node.name)}\n\n{described(node, node.name)}\n"
    call = ""
    if node.name in MADE_BY_USERS:
        made = next(one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__")
        call = signature(made, node.name) + "\n\n"
    return "\n".join([f"{level}{node.name}\n\n{call}{described(node, node.name)}\n", *members(node)])


def page():
    package = tree("__init__")
    modules = next(ast.literal_eval(one.value) for one in package.body if isinstance(one, ast.Assign) and one.targets[0].id == "_FROM")
    blocks = [HEAD]
    for module, names in modules.items():
        nodes = {one.name: one for one in tree(module).body if isinstance(one, (ast.FunctionDef, ast.ClassDef))}
        blocks += [entry(nodes[name]) for name in names]
    drop_in = tree("drop_in")
    blocks.append(f"## resolute.drop_in\n\n{described(drop_in, 'drop_in')}\n")
    blocks += [entry(one, "### ") for one in drop_in.body if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")]
    return "\n".join(blocks)


if __name__ == "__main__":
    if sys.argv[1:] != ["write"]:
        sys.exit(__doc__)
    PAGE.write_text(page(), encoding="utf-8")
