// The examples of docs/inside/formats are what the code reads.

#include <gtest/gtest.h>

#include "core/hash/sha256.h"
#include "datasets/manifest/manifest.h"
#include "datasets/pack/pack_file.h"
#include "datasets/sources/source.h"
#include "datasets/split/split.h"
#include "tests/datasets/pack/raw_images.h"
#include "tests/support/pages.h"

namespace resolute::datasets::formats_test {
namespace {

// The text of the `number`th block of JSON on a page.
std::string example(const std::string& page, std::size_t number) {
  return tests::fenced_blocks(tests::page_text("inside/formats/" + page), "json").at(number);
}

// Blocks `first` and `first` + 1 of manifest.md are a manifest and its split, as the program writes them.
void expect_manifest_and_split(std::size_t first, int schema_of_manifest, int schema_of_split) {
  auto& files = core::real_file_system();
  core::Json manifest = core::parse_json(example("manifest.md", first), "manifest.md");
  EXPECT_EQ(schema_of_manifest, manifest.at("schema"));
  std::vector<PackRow> rows = manifest_from_json(manifest, "manifest.md");
  EXPECT_EQ(core::canonical_json(manifest) + "\n", manifest_text(rows));
  const core::Json document = core::parse_json(example("manifest.md", first + 1), "manifest.md");
  EXPECT_EQ(schema_of_split, document.at("split").at("schema"));
  tests::TemporaryFolder folder;
  core::write_atomic(files, folder / "split.json", example("manifest.md", first + 1));
  Split split = import_split(files, folder / "split.json");
  EXPECT_EQ(core::sha256_hex(core::canonical_json(manifest) + "\n"), split.manifest_sha256);
  EXPECT_EQ(split, make_split(rows, split.pack, split.manifest_sha256, split.options));
  auto exported = export_split(files, folder / "again", split, static_cast<int>(document.at("gallery_draws").size()));
  EXPECT_EQ(document, core::parse_json(core::read_text(files, exported), "split"));
}

TEST(Formats, the_example_manifest_and_its_split_are_read) { expect_manifest_and_split(0, 1, 1); }
TEST(Formats, the_example_of_images_that_came_in_low_resolution_is_read) { expect_manifest_and_split(2, 2, 3); }

TEST(Formats, the_example_seal_is_read) {
  auto& files = core::real_file_system();
  tests::TemporaryFolder folder;
  core::Json json = core::parse_json(example("pack.md", 0), "pack.md");
  core::write_atomic(files, folder / "pack.json", core::canonical_json(json) + "\n");
  PackFile pack = read_pack_file(files, folder.path()).pack;
  EXPECT_EQ(2U, pack.shards.size());
  EXPECT_EQ(core::canonical_json(json) + "\n", pack_text(pack));
  // And what the two commands beside it leave.
  write_stand_in(files, folder / "raw", stand_in_settings(Source::kMarket1501));
  const std::vector<Sample> samples = list_samples(files, pack.options.source, folder / "raw");
  const auto raw = open_raw(files, pack.options.source, folder / "raw");
  for (int shard = 0; shard < pack.options.shards; ++shard)
    write_shard(files, *raw, samples, pack.options, shard, folder / "made");
  seal_pack(files, folder / "made", pack.options);
  EXPECT_EQ(core::read_text(files, folder / "pack.json"), core::read_text(files, folder / "made/pack.json"));
}

// They say the same twice; what says two things is none of ours.
TEST(Formats, options_that_contradict_their_settings_are_refused) {
  const core::Json options = core::parse_json(example("pack.md", 0), "pack.md").at("options");
  EXPECT_EQ(options, options_json(options_from_json(options, "pack.md")));
  const auto refused = [&](const core::Json& patch) {
    core::Json changed = options;
    changed.merge_patch(patch);
    EXPECT_THROW(options_from_json(changed, "pack.md"), core::RuntimeError) << changed;
  };
  refused({{"width", 16}});
  refused({{"settings", {{"width", 16}}}});
  refused({{"view_from", "native"}});  // it stands there only where it is not
  refused({{"settings", {{"view_from", "native"}}}});
  refused({{"settings", nullptr}});
  refused({{"more", 1}});
  refused({{"shards", 2.0}});
}

}  // namespace
}  // namespace resolute::datasets::formats_test
