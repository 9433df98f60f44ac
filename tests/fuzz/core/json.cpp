// Any JSON: refused, or a value whose canonical text reads back to the same text.
#include "core/files/json.h"

#include "tests/fuzz/targets.h"

namespace resolute::tests::json_fuzzer {

std::vector<std::string> json_examples() {
  return {R"({"a": [1, -2, 3.5e-7, 18446744073709551615, true, null], "b\u00e4\n": {"": ""}})", "[[[[]]]]", "-0.0",
          R"("\ud83d\ude00 \"\\ \u0000")"};
}

RESOLUTE_FUZZER(json, .rounds = 100'000, .examples = json_examples, .mutate = mutate_json)(std::string_view bytes) {
  return understood([&] {
    const std::string text = core::canonical_json(core::parse_json(bytes, "text"));
    require(core::canonical_json(core::parse_json(text, "text")) == text, "a canonical text is not one");
    require(core::is_utf8(text), "a canonical text is not UTF-8");
  });
}

}  // namespace resolute::tests::json_fuzzer
