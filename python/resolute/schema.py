"""The options of a method's file, read without running it: `python -m resolute.schema FILE.py` prints it as JSON.

    {"class":"Mine","line":9,"options":[{"default":64,"line":12,"name":"width","optional":false,"type":"int"}],
     "revision":1,"schema":1,"sha256":"…"}

An option without a "default" has to be given. `"recovers":true` stands there where the class has a recover(). So a suite is checked where neither PyTorch nor the method's packages are."""

import ast
import hashlib
import importlib.util
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, NoReturn

from .errors import Error, InputError, let_packages_win

_TYPES = ("bool", "float", "int", "str")
_NEEDS = ("h5py", "numpy", "safetensors", "torch")  # of every training and evaluation here


def _last_name(node: ast.expr) -> str:
    """`Method` of `Method` and of `resolute.Method`."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


class _File:
    def __init__(self, source: bytes, path: str):
        self._path = path
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self._refuse(getattr(error, "lineno", None) or 1, f"it is not Python ({getattr(error, 'msg', None) or error})")
        self._classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self._roots = set[str]()  # dotted names of resolute.Method
        for node in ast.walk(tree):  # wherever it is imported: in a `try:` too
            if isinstance(node, ast.Import):
                self._roots |= {f"{name.asname or name.name}.Method" for name in node.names if name.name == "resolute"}
            elif isinstance(node, ast.ImportFrom) and node.module == "resolute" and node.level == 0:
                self._roots |= {name.asname or name.name for name in node.names if name.name == "Method"}

    def _refuse(self, line: int, problem: str) -> NoReturn:
        raise InputError(f"{self._path}:{line}: {problem}")

    def _is_root(self, base: ast.expr) -> bool:
        return ast.unparse(base) in self._roots

    def _base_in_file(self, base: ast.expr, kind: ast.ClassDef) -> ast.ClassDef | None:
        """The class of this file, before the one that derives from it."""
        found = self._classes.get(base.id) if isinstance(base, ast.Name) else None
        return found if found is not None and found.lineno < kind.lineno else None

    def _is_method(self, kind: ast.ClassDef) -> bool:
        return any(self._is_root(base) or (found := self._base_in_file(base, kind)) is not None and self._is_method(found)
                   for base in kind.bases)

    def method(self) -> ast.ClassDef:
        """The one that derives from resolute.Method and that no other class of the file derives from."""
        bases = {base.id for kind in self._classes.values() for base in kind.bases if isinstance(base, ast.Name)}
        found = [kind for kind in self._classes.values() if kind.name not in bases and self._is_method(kind)]
        if not found:
            self._refuse(1, "no class derives from resolute.Method (bases of other files are not looked at); write `class Mine("
                            "resolute.Method)`")
        if len(found) > 1:
            self._refuse(found[1].lineno, f"'{found[0].name}' and '{found[1].name}' derive from resolute.Method (a file has one "
                                          "method); keep one of them here")
        return found[0]

    def _lines(self, kind: ast.ClassDef) -> Iterator[ast.stmt]:
        """The body of a class, and behind it those of its bases in this file."""
        yield from kind.body
        for base in kind.bases:
            if (found := self._base_in_file(base, kind)) is not None:
                yield from self._lines(found)
            elif not self._is_root(base):
                yield ast.Expr(base)  # who looks further than this is told where

    def revision(self, kind: ast.ClassDef) -> int:
        for line in self._lines(kind):
            targets = line.targets if isinstance(line, ast.Assign) else [line.target] if isinstance(line, ast.AnnAssign) else []
            if any(_last_name(target) == "revision" for target in targets):
                value = line.value  # type: ignore[attr-defined]
                if not isinstance(value, ast.Constant) or type(value.value) is not int or not 1 <= value.value < 2**31:
                    self._refuse(line.lineno, "'revision' is not a whole number from 1 on")
                return value.value
        return 1

    def recovers(self, kind: ast.ClassDef) -> bool:
        return any(isinstance(line, ast.FunctionDef) and line.name == "recover" or
                   isinstance(line, ast.Assign) and "recover" in map(_last_name, line.targets) for line in self._lines(kind))

    def options(self, kind: ast.ClassDef) -> list[dict[str, Any]]:
        for line in self._lines(kind):
            if isinstance(line, ast.ClassDef) and line.name == "Options":
                return self._fields(line)
            if isinstance(line, ast.Expr) and _last_name(line.value):
                self._refuse(kind.lineno, f"'{kind.name}' may have the options of '{ast.unparse(line.value)}' (which stands in another "
                                          "file, and no file is run); write `class Options` here")
        return []

    def _fields(self, options: ast.ClassDef) -> list[dict[str, Any]]:
        marks = [mark.func if isinstance(mark, ast.Call) else mark for mark in options.decorator_list]
        if [_last_name(mark) for mark in marks] != ["dataclass"] or options.bases:
            self._refuse(options.lineno, "'Options' is not a dataclass without bases; write `@dataclass` before `class Options`")
        fields = [self._field(line) for line in options.body
                  if isinstance(line, ast.AnnAssign) and not ast.unparse(line.annotation).startswith(("ClassVar", "typing.ClassVar"))]
        for place, field in enumerate(fields):
            if field["name"] in (other["name"] for other in fields[:place]):
                self._refuse(field["line"], f"the option '{field['name']}' stands twice")
        return fields

    def _field(self, line: ast.AnnAssign) -> dict[str, Any]:
        name = _last_name(line.target)
        word, optional = self._type(line.annotation)
        if word not in _TYPES:
            self._refuse(line.lineno, f"the option '{name}' is of type {ast.unparse(line.annotation)} (it is int, float, bool or str, or "
                                      "one of these and None)")
        field = {"name": name, "line": line.lineno, "type": word, "optional": optional}
        value = line.value
        if isinstance(value, ast.Call) and _last_name(value.func) == "field":
            given = {keyword.arg: keyword.value for keyword in value.keywords}
            if value.args or not given.keys() <= {"default", "metadata", "repr", "compare", "hash", "kw_only"}:
                self._refuse(line.lineno, f"the option '{name}' has a field() of more than `default` and `metadata`")
            value = given.get("default")
        if value is not None:
            field["default"] = self._default(name, line.lineno, value, word, optional)
        return field

    def _type(self, annotation: ast.expr) -> tuple[str, bool]:
        """Its name, and whether None may stand for it."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            try:
                return self._type(ast.parse(annotation.value, mode="eval").body)
            except SyntaxError:
                return "", False
        if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
            sides = [annotation.left, annotation.right]
            others = [side for side in sides if not (isinstance(side, ast.Constant) and side.value is None)]
            return (self._type(others[0])[0], True) if len(others) == 1 else ("", False)
        if isinstance(annotation, ast.Subscript) and _last_name(annotation.value) == "Optional":
            return self._type(annotation.slice)[0], True
        return (annotation.id, False) if isinstance(annotation, ast.Name) else ("", False)

    def _default(self, name: str, line: int, node: ast.expr, word: str, optional: bool) -> Any:
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            self._refuse(line, f"the default of '{name}' is no literal (nothing of the file is run); write the value itself")
        if value is None and optional:
            return None
        if word == "float" and type(value) is int and abs(value) < 2**53:
            value = float(value)
        fits = type(value).__name__ == word and (word != "float" or math.isfinite(value)) and (word != "int" or abs(value) < 2**63)
        if not fits or word == "str" and not value.isprintable():
            self._refuse(line, f"the default of '{name}' is {ast.unparse(node)} (it is of type {word}{', or None' if optional else ''})")
        return value


def schema_of(source: bytes, path: str) -> dict[str, Any]:
    """The document above for a file's bytes. Raises InputError, opening with `path:LINE:`, for a file whose options cannot be read."""
    file = _File(source, path)
    kind = file.method()
    return {"schema": 1, "class": kind.name, "line": kind.lineno, "revision": file.revision(kind), "options": file.options(kind),
            "sha256": hashlib.sha256(source).hexdigest(), **({"recovers": True} if file.recovers(kind) else {})}


def _imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, int]]:
    """Packages that the file cannot do without, with the line: what a `try:` or an `if` imports it may do without."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((name.name.partition(".")[0], node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.partition(".")[0], node.lineno
        elif not isinstance(node, (ast.Try, ast.If)):
            yield from _imports(ast.iter_child_nodes(node))


def import_beside(source: bytes, path: str) -> None:
    """From now on modules beside the method's file can be imported, behind packages that are installed: what a package imports is not a
    user's file of that name. Raises InputError where the method's file imports a name that both have."""
    file = os.path.realpath(path)
    folder = os.path.dirname(os.path.abspath(path))
    sys.path.append(folder)
    for name, line in _imports([ast.parse(source)]):
        beside = PathFinder.find_spec(name, [folder])
        if beside is None or beside.origin is None or os.path.realpath(beside.origin) == file:
            continue  # a folder without __init__.py has no origin, and no file imports itself
        found = importlib.util.find_spec(name)
        if found and found.origin and os.path.realpath(found.origin) != os.path.realpath(beside.origin):
            raise InputError(f"{path}:{line}: '{name}' stands for two modules ({beside.origin} and {found.origin}); rename the first")


def _missing_packages(source: bytes) -> list[str]:
    """Packages that this Python lacks for a training of the file's method, each once. None is loaded."""
    needed = {name: f"'{name}'" for name in _NEEDS}
    for name, line in _imports([ast.parse(source)]):
        needed.setdefault(name, f"'{name}' of line {line}")
    return [words for name, words in needed.items() if name not in sys.modules and importlib.util.find_spec(name) is None]


def _print(words: list[str]) -> None:
    if len(words) != 1:
        raise InputError("one file is needed; usage: python -m resolute.schema FILE.py")
    try:
        source = Path(words[0]).read_bytes()
    except OSError as error:
        raise InputError(f"'{words[0]}' cannot be read ({error.strerror})") from None
    print(json.dumps(schema_of(source, words[0]), sort_keys=True, separators=(",", ":")))
    try:
        import_beside(source, words[0])  # as where it trains
    except InputError as error:  # a warning: tables of what has trained are still made
        print(f"resolute: {error}", file=sys.stderr)
        return
    if missing := _missing_packages(source):
        print(f"resolute: '{words[0]}' cannot train by {sys.executable or 'this Python'} (no package {', '.join(missing)}); install what is "
              "missing, or name another Python by RESOLUTE_PYTHON", file=sys.stderr)


if __name__ == "__main__":
    let_packages_win()
    try:
        _print(sys.argv[1:])
    except Error as error:
        print(f"resolute: {error}", file=sys.stderr)
        sys.exit(2)
