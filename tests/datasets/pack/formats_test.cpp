// The examples of docs/formats are what the code reads.

#include <gtest/gtest.h>

#include "core/sha256.h"
#include "datasets/manifest.h"
#include "datasets/pack/pack_file.h"
#include "datasets/split.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets {
namespace {

// The text of the `number`th block of JSON on a page.
std::string example(const std::string& page, int number) {
  std::string text =
      core::read_text(core::real_file_system(), std::filesystem::path(RESOLUTE_SOURCE_DIR) / "docs/formats" / page);
  const std::string opening = "```json\n";
  std::size_t at = 0;
  for (int i = 0; i <= number; ++i) {
    at = text.find(opening, at);
    if (at == std::string::npos) throw core::input_error("no such example");
    at += opening.size();
  }
  return text.substr(at, text.find("```", at) - at);
}

TEST(Formats, the_example_manifest_and_its_split_are_read) {
  auto& files = core::real_file_system();
  core::Json manifest = core::parse_json(example("manifest.md", 0), "manifest.md");
  std::vector<PackRow> rows = manifest_from_json(manifest, "manifest.md");
  EXPECT_EQ(manifest, manifest_to_json(rows));
  tests::TemporaryFolder folder;
  core::write_atomic(files, folder / "split-0.json", example("manifest.md", 1));
  Split split = import_split(files, folder / "split-0.json");
  EXPECT_EQ(core::sha256_hex(core::canonical_json(manifest) + "\n"), split.manifest_sha256);
  EXPECT_EQ(split, make_split(rows, split.pack, split.manifest_sha256, split.options));
  auto exported = export_split(files, folder / "again", split, 2);
  EXPECT_EQ(core::parse_json(example("manifest.md", 1), "manifest.md"),
            core::parse_json(core::read_text(files, exported), "split"));
}

TEST(Formats, the_example_seal_is_read) {
  auto& files = core::real_file_system();
  tests::TemporaryFolder folder;
  core::Json json = core::parse_json(example("pack.md", 0), "pack.md");
  core::write_atomic(files, folder / "pack.json", core::canonical_json(json) + "\n");
  PackFile pack = read_pack_file(files, folder.path()).pack;
  EXPECT_EQ(2U, pack.shards.size());
  EXPECT_EQ(core::canonical_json(json) + "\n", pack_text(pack));
}

}  // namespace
}  // namespace resolute::datasets
