#include "datasets/split/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/datasets/pack/raw_images.h"
#include "tests/datasets/split/split_rows.h"

namespace resolute::datasets::split_test {
namespace {

using namespace tests;

TEST(Split, seeds_and_draws_differ) {
  auto rows = regular_rows(40);
  SplitSettings other{.seed = 1};
  Split split = split_of(rows, {});
  EXPECT_NE(split.gallery, split_of(rows, other).gallery);
  EXPECT_NE(draw_gallery(split, 0, 0), draw_gallery(split, 0, 1));
  EXPECT_EQ(draw_gallery(split, 0, 1), draw_gallery(split, 0, 1));
}

TEST(Split, a_gallery_of_several_shots_begins_with_the_single_one_and_holds_no_image_twice) {
  const Split split = split_of(regular_rows(30), {});
  std::map<std::int64_t, std::size_t> images;
  for (const GalleryItem& item : split.gallery) ++images[item.identity];
  for (int draw = 0; draw < 5; ++draw)
    for (const int shots : {1, 2, 3, 100}) {
      std::map<std::int64_t, std::vector<std::size_t>> of_identity;
      const std::vector<std::size_t> drawn = draw_gallery(split, 0, draw, shots);
      for (std::size_t item : drawn) of_identity[split.gallery[item].identity].push_back(item);
      EXPECT_EQ(drawn.size(), std::set(drawn.begin(), drawn.end()).size());
      EXPECT_EQ(images.size(), of_identity.size());
      const std::vector<std::size_t> single = draw_gallery(split, 0, draw);
      auto first = single.begin();
      for (const auto& [identity, items] : of_identity) {
        EXPECT_EQ(std::min<std::size_t>(static_cast<std::size_t>(shots), images[identity]), items.size());
        EXPECT_EQ(*first++, items.front());
      }
    }
}

// Golden values: what is published under a hash must stay reproducible. These are of the program before schema 3.
TEST(Split, the_hash_is_stable) {
  const auto expect_hash = [](const std::string& hash, const SplitSettings& options) {
    EXPECT_EQ(hash, split_sha256(split_of(regular_rows(10), options))) << to_json(split_of(regular_rows(10), options));
  };
  SplitSettings options;
  expect_hash("1911f87fe61a839b11141ca6462432169264131f89c5b41aa6a669409f0cadbc", options);
  options.lr_camera = 0;
  expect_hash("47559b937a06daf7b2ae28a8f601c9ef1ddd191bf7df402371547f6f9cf29e1b", options);
  options.train_identities = 3;
  expect_hash("334e479d12261bde51df2cbc63a958c559f7f5cc415680766e529669015b3594", options);
  options.partition = Partition::kOfficial;
  expect_hash("5d20ccea2c80e0ea377dc1c32071a9f33f1f67c56d9a42906ab50e47e5f02d82", options);
  options = {};
  options.partition = Partition::kOfficial;
  options.lr_camera = 1;
  options.train_pool = TrainPool::kHrViewOnly;
  options.seed = 9;
  expect_hash("f92eb67d3114b012bc4d3b062bb3b9c8926a254997abd0f05ebb9f861ab8e18a", options);
  options.train_pool = TrainPool::kHrBothViews;
  options.query_rates = {1, 8};
  options.train_identities = 2;
  expect_hash("f415c42f0e45584e0187d3bd2ffabf204f4de5e135c9c4d5ed237d43b921517e", options);
}

SplitSettings any_camera() { return {.lr_camera = 0}; }

TEST(Split, what_schema_1_cannot_say_has_schema_2_and_contradicts_nothing) {
  const auto rows = regular_rows(10);
  SplitSettings fewer{.train_identities = 3};
  EXPECT_EQ(1, to_json(split_of(rows, {})).at("schema"));
  EXPECT_EQ(2, to_json(split_of(rows, fewer)).at("schema"));
  EXPECT_EQ(2, to_json(split_of(rows, any_camera())).at("schema"));
  EXPECT_EQ(4, settings::schema_of(SplitSettings{.lr_side = LrSide::kQuery}));
  const auto refused = [](core::Json json, const std::string& part) {
    expect_error(core::ErrorKind::kInput, {part}, [&] { split_from_json(json, "split"); });
  };
  core::Json json = to_json(split_of(rows, any_camera()));
  json["schema"] = 6;
  refused(json, "split schema 6 is unknown");
  json["schema"] = 1;
  refused(json, "train_identities");
  json = to_json(split_of(rows, {}));
  json["options"]["lr_camera"] = 0;
  refused(json, "such a split has schema 2");
  json = to_json(split_of(rows, fewer));
  using Wrong = std::pair<int, const char*>;
  for (const auto& [asked, part] :
       {Wrong{0, "has schema 1"}, {-1, "has the value -1"}, {2, "is 3 (its options ask for 2)"}}) {
    json["options"]["train_identities"] = asked;
    refused(json, part);
  }
}

// People of two images each by two cameras, and images of nobody: (identity, camera) with 0 for them.
std::vector<PackRow> rows_with_distractors(int people, const std::vector<std::pair<std::int64_t, int>>& nobody) {
  std::vector<PackRow> rows = rows_of(std::vector<std::vector<std::int64_t>>(static_cast<std::size_t>(people), {1, 2}));
  for (const auto& [camera, images] : nobody)
    for (int i = 0; i < images; ++i) {
      rows.push_back(rows.front());
      rows.back().sample = {fmt::format("nobody_c{}_{:04}.jpg", camera, i), 0, camera, "gallery"};
    }
  return rows;
}

// PRID 2011's test: 200 people in both cameras, 185 in the first alone and 549 in the second.
TEST(Split, random_halves_show_distractors_where_they_are_asked_to) {
  const auto rows = rows_with_distractors(200, {{1, 185}, {2, 549}});
  SplitSettings options{.lr_camera = 1, .test_identities = 100};
  const Split without = split_of(rows, options);
  EXPECT_EQ(100U, without.gallery.size());
  EXPECT_EQ(1, to_json(split_of(rows, SplitSettings{.lr_camera = 1})).at("schema"));
  options.distractors = Distractors::kAlways;
  const Split with = split_of(rows, options);
  EXPECT_EQ(100U, with.query.size());
  EXPECT_EQ(649U, with.gallery.size());
  EXPECT_EQ(without.query, with.query);
  EXPECT_EQ(without.train, with.train);
  EXPECT_EQ(100U, draw_gallery(with, 0, 0).size());  // nobody is drawn
  const core::Json json = to_json(with);
  EXPECT_EQ(4, json.at("schema"));
  EXPECT_EQ("always", json.at("options").at("distractors"));
  EXPECT_FALSE(to_json(without).at("options").contains("distractors"));
  EXPECT_EQ(with, split_from_json(json, "split"));
  core::Json other = json;
  other["options"]["distractors"] = "official";  // the default does not stand there
  expect_error(core::ErrorKind::kInput, {"key 'distractors' has its default"},
               [&] { split_from_json(other, "split"); });
  other["options"].erase("distractors");
  expect_error(core::ErrorKind::kInput, {"such a split has schema 3"}, [&] { split_from_json(other, "split"); });
}

// QMUL GRID: six cameras, two views.
TEST(Split, cameras_of_one_view_are_the_lr_side_together) {
  const auto rows = rows_of({{1, 4}, {2, 5}, {3, 6}, {1, 6}, {2, 4}, {3, 5}, {1, 2}, {5, 6}});
  SplitSettings options;
  options.lr_cameras = {1, 2, 3};
  const Split split = split_of(rows, options);
  EXPECT_EQ(3U, split.query.size());
  for (const QueryItem& item : split.query) EXPECT_LE(item.camera, 3);
  EXPECT_EQ(3U, split.gallery.size());
  for (const GalleryItem& item : split.gallery) EXPECT_GE(item.camera, 4);
  for (const TrainItem& item : split.train) EXPECT_TRUE(item.has_hr == (item.camera > 3)) << item.path;
  EXPECT_EQ(2, split.left_out);  // who is in one view alone
  EXPECT_EQ(split, split_from_json(to_json(split), "split"));
  EXPECT_EQ(4, to_json(split).at("schema"));
  core::Json other = to_json(split);
  other["options"]["lr_cameras"] = {1, 2};
  expect_error(core::ErrorKind::kInput, {"camera 3"}, [&] { split_from_json(other, "split"); });
  options.lr_cameras = {1, 7};
  expect_error(core::ErrorKind::kInput, {"pack 'made-up' has no camera 7", "set lr_cameras to some of them"},
               [&] { split_of(rows, options); });
}

TEST(Split, what_cannot_be_split_is_refused) {
  auto rows = regular_rows(8);
  auto refused = [&](auto change, const std::string& part) {
    SplitSettings options;
    change(options);
    expect_error(core::ErrorKind::kInput, {part}, [&] { split_of(rows, options); });
  };
  refused([](SplitSettings& o) { o.lr_camera = 7; }, "no camera 7");
  refused([](SplitSettings& o) { o.query_rates = {}; }, "query_rates");
  refused([](SplitSettings& o) { o.train_identities = 5; }, "train_identities is 5 (4 identities of pack 'made-up'");
  refused(
      [](SplitSettings& o) {
        o.lr_camera = 0;
        o.train_pool = TrainPool::kHrViewOnly;
      },
      "key 'train_pool' has the value 'hr-view-only'");
  rows = regular_rows(2);
  refused([](SplitSettings&) {}, "cannot be split");
  refused([](SplitSettings& o) { o.lr_camera = 0; },
          "images of any camera low-resolution); it has 2 identities, and two to train and one to test are the fewest");
  rows = regular_rows(4);
  for (PackRow& row : rows) row.sample.camera = 1;
  const std::string one_camera = "all its images are of one camera: set lr_camera to 0";
  refused([](SplitSettings& o) { o.lr_camera = 1; }, "low-resolution); " + one_camera);
  refused([](SplitSettings&) {}, "(its cameras are 1); " + one_camera);
  refused([](SplitSettings& o) { o.lr_cameras = {2, 3}; }, one_camera + " and leave lr_cameras out");
  rows = regular_rows(4);
  for (PackRow& row : rows) row.sample.subset = "gallery";
  refused([](SplitSettings& o) { o.partition = Partition::kOfficial; },
          "by the column subset); set split.partition to \"random-halves\"");
}

TEST(Split, a_pack_without_the_rate_says_which_it_has) {
  RawImages raw(4, 2);
  PackReader pack = open_small_pack(raw);
  expect_error(core::ErrorKind::kInput, {"rates 2, 3", "needs 4", "--rates"},
               [&] { make_split(pack, SplitSettings{}); });
  SplitSettings options{.query_rates = {2, 3}};
  Split split = make_split(pack, options);
  EXPECT_EQ(2, split.train_identities);
  EXPECT_EQ(pack.manifest_sha256(), split.manifest_sha256);
}

TEST(Split, an_exported_manifest_is_checked_when_it_comes_back) {
  tests::TemporaryFolder folder;
  auto& files = core::real_file_system();
  SplitSettings options{.seed = 5};
  Split split = split_of(regular_rows(9), options);
  auto path = export_split(files, folder.path(), split, 2);
  EXPECT_EQ("split-5.json", path.filename());
  EXPECT_EQ(split, import_split(files, path));
  options.lr_camera = 0;
  options.train_identities = 3;
  options.seed = 6;
  const Split of_any = split_of(regular_rows(9), options);
  EXPECT_EQ(of_any, import_split(files, export_split(files, folder.path(), of_any, 2)));
  std::string text = core::read_text(files, path);
  auto at = text.find("\"rate\":");
  ASSERT_NE(std::string::npos, at);
  text[at + 7] = text[at + 7] == '2' ? '3' : '2';
  core::write_atomic(files, path, text);
  expect_error(core::ErrorKind::kInput, {"split-5.json", "SHA-256"}, [&] { import_split(files, path); });
}

}  // namespace
}  // namespace resolute::datasets::split_test
