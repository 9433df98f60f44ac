"""No two files define one name for a class: the linker would take either's destructor for both, and say nothing."""

import re
import unittest
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_CODE = re.compile(r'//[^\n]*|R"(?P<mark>\w*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"', re.DOTALL)
BRACES = re.compile(r"namespace (?P<space>[\w:]*)\s*\{"
                    r"|(?:struct|class|union|enum)\s+(?P<name>\w+)(?:\s+final)?\s*(?::(?!:)[^;{(]*)?\{"
                    r"|[{}]")


def classes(text):
    """The classes and enumerations that C++ defines outside functions and unnamed namespaces, each with its namespaces and outer classes."""
    found, open_braces = [], []
    for brace in BRACES.finditer(NOT_CODE.sub("", text)):
        if brace.group("space") is not None:
            open_braces.append(brace.group("space") or "(unnamed)")
        elif brace.group("name"):
            path = [*open_braces, brace.group("name")]
            if not {"(unnamed)", "{"} & set(path):
                found.append("::".join(path))
            open_braces.append(brace.group("name"))
        elif brace.group() == "{":
            open_braces.append("{")
        elif open_braces:
            open_braces.pop()
    return found


class ClassNames(unittest.TestCase):
    def test_classes_are_known_by_their_namespaces(self):
        self.assertEqual(classes("""namespace a::b {
            // class Said {};
            struct Outer final : Base<int> { enum class Kind { kOne }; struct Inner {}; void f() { struct Local {}; } };
            struct Outer::Hidden {};
            class Declared;
            namespace { struct Own {}; }
            }  // namespace a::b
            template <class T> class After {};"""), ["a::b::Outer", "a::b::Outer::Kind", "a::b::Outer::Inner", "After"])

    def test_each_name_is_one_class(self):
        places = defaultdict(list)
        for part in [listing.parent for listing in sorted(ROOT.glob("*/CMakeLists.txt"))]:
            for path in sorted([*part.rglob("*.h"), *part.rglob("*.cpp")]):
                for name in classes(path.read_text(encoding="utf-8")):
                    places[name].append(str(path.relative_to(ROOT)))
        self.assertGreater(len(places), 500)
        self.assertEqual({name: files for name, files in places.items() if len(files) > 1}, {})


if __name__ == "__main__":
    unittest.main()
