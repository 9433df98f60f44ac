// A published split file as it stands, and with its hash put right: refused, or a split that is written as it came and
// leads to nothing outside of the data set.
#include "datasets/split/split.h"

#include "core/hash/sha256.h"
#include "tests/fuzz/memory_folder.h"
#include "tests/fuzz/plain_path.h"
#include "tests/fuzz/targets.h"

namespace resolute::tests::split_fuzzer {
namespace {

bool read_all(const std::string& text) {
  return understood([&] {
    MemoryFolder files("split.json", text);
    const datasets::SplitFile file = datasets::read_split_file(files, "split.json");
    const core::Json json = core::parse_json(text, "split.json");
    require(core::canonical_json(datasets::to_json(file.split)) == core::canonical_json(json.at("split")),
            "a split is written otherwise than it was read");
    require(datasets::split_sha256(file.split) == json.at("sha256"), "a split has another hash than its file says");
    require(core::canonical_json(core::Json(file.gallery_draws)) == core::canonical_json(json.at("gallery_draws")),
            "gallery draws are read otherwise than they were written");
    for (const auto& item : file.split.train) require_plain_path(item.path);
    for (const auto& item : file.split.query) require_plain_path(item.path);
    for (const auto& item : file.split.gallery) require_plain_path(item.path);
    for (const auto& draw : file.gallery_draws)
      for (const std::string& path : draw) require_plain_path(path);
  });
}

std::string with_right_hash(const std::string& text) {
  try {
    core::Json json = core::parse_json(text, "split.json");
    if (!json.is_object() || !json.contains("split")) return text;
    json["sha256"] = core::sha256_hex(core::canonical_json(json["split"]));
    return core::canonical_json(json) + "\n";
  } catch (const core::RuntimeError&) {
    return text;
  }
}

}  // namespace

RESOLUTE_FUZZER(split, .rounds = 10'000, .mutate = mutate_json)(std::string_view bytes) {
  const std::string text(bytes);
  read_all(with_right_hash(text));
  return read_all(text);
}

}  // namespace resolute::tests::split_fuzzer
