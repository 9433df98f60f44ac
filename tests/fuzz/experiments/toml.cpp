// Any TOML: refused with its place, or a tree without dates, infinities and NaN. And the value of a --set.
#include "core/files/file_system.h"
#include "experiments/language/toml_document.h"
#include "tests/fuzz/targets.h"
#include "tests/support/folders.h"

namespace resolute::tests::toml_fuzzer {
namespace {

void check(const experiments::Node& node) {
  require(!node.place.empty(), "a value without a place");
  if (node.kind == experiments::Node::Kind::kValue) core::canonical_json(node.value);
  for (const experiments::Member& member : node.members) check(member.node);
  for (const experiments::Node& table : node.tables) check(table);
}

}  // namespace

std::vector<std::string> toml_examples() {
  return {"a = 1\nb.c = [1.5, -2e3, 0x1f]\n[d]\ne = '''x\ny'''\n[[f]]\ng = {h = true}\n[[f]]\n", "\"\" = \"\\u00e4\"",
          core::read_text(core::real_file_system(), source_folder() / "tests/system/tiny.toml")};
}

RESOLUTE_FUZZER(toml, .rounds = 40'000, .examples = toml_examples, .mutate = mutate_lines)(std::string_view bytes) {
  understood([&] { check(experiments::parse_toml_value(std::string(bytes), "--set x")); });
  return understood([&] { check(experiments::parse_toml(bytes, "s.toml")); });
}

}  // namespace resolute::tests::toml_fuzzer
