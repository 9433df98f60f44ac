// manifest.json of a pack: refused, or rows that are written as they came and lead to nothing outside of the data set.
#include "datasets/manifest/manifest.h"

#include "tests/fuzz/plain_path.h"
#include "tests/fuzz/targets.h"

RESOLUTE_FUZZER(manifest)(const std::uint8_t* data, std::size_t size) {
  using namespace resolute;
  const std::string text(reinterpret_cast<const char*>(data), size);
  return tests::understood([&] {
    const core::Json json = core::parse_json(text, "manifest.json");
    const std::vector<datasets::PackRow> rows = datasets::manifest_from_json(json, "manifest.json");
    tests::require(datasets::manifest_text(rows) == core::canonical_json(json) + "\n",
                   "a manifest is written otherwise than it was read");
    for (const datasets::PackRow& row : rows) tests::require_plain_path(row.sample.path);
  });
}
