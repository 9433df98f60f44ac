// manifest.json of a pack: refused, or rows that are written as they came and lead to nothing outside of the data set.
#include "datasets/manifest/manifest.h"

#include "tests/fuzz/plain_path.h"
#include "tests/fuzz/targets.h"

namespace resolute::tests::manifest_fuzzer {

RESOLUTE_FUZZER(manifest, .rounds = 20'000, .mutate = mutate_json)(std::string_view bytes) {
  const std::string text(bytes);
  return understood([&] {
    const core::Json json = core::parse_json(text, "manifest.json");
    const std::vector<datasets::PackRow> rows = datasets::manifest_from_json(json, "manifest.json");
    require(datasets::manifest_text(rows) == core::canonical_json(json) + "\n",
            "a manifest is written otherwise than it was read");
    for (const datasets::PackRow& row : rows) require_plain_path(row.sample.path);
  });
}

}  // namespace resolute::tests::manifest_fuzzer
