#include "datasets/split.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/sha256.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets {
namespace {

using tests::expect_error;
using tests::make_pack;
using tests::RawImages;
using tests::small_options;

// Rows of made-up images: identity i is seen by cameras[i].
std::vector<PackRow> rows_of(const std::vector<std::vector<std::int64_t>>& cameras) {
  std::vector<PackRow> rows;
  for (std::size_t i = 0; i < cameras.size(); ++i)
    for (std::size_t j = 0; j < cameras[i].size(); ++j) {
      PackRow row;
      auto identity = static_cast<std::int64_t>(i) + 1;
      std::string subset = i % 2 == 0 ? "train" : "query";
      row.sample = {fmt::format("{:04}_c{}_{}.jpg", identity, cameras[i][j], j), identity, cameras[i][j], subset};
      row.native_height = 128;
      row.native_width = 64;
      row.source_sha256 = core::sha256_hex(row.sample.path);
      rows.push_back(row);
    }
  return rows;
}

// Any sightings at all, and a few identities that make the whole divisible.
std::vector<std::vector<std::int64_t>> random_cameras() {
  auto cameras = *rc::gen::container<std::vector<std::vector<std::int64_t>>>(
      *rc::gen::inRange(0, 40),
      rc::gen::container<std::vector<std::int64_t>>(*rc::gen::inRange(1, 8), rc::gen::inRange<std::int64_t>(1, 4)));
  for (int i = 0; i < 6; ++i) cameras.push_back({1, 2, 3});
  return cameras;
}

Split split_of(const std::vector<PackRow>& rows, const SplitOptions& options) {
  return make_split(rows, "made-up", std::string(64, '0'), options);
}

RC_GTEST_PROP(Split, divides_identities_cleanly, ()) {
  auto rows = rows_of(random_cameras());
  SplitOptions options;
  options.seed = *rc::gen::arbitrary<std::uint64_t>();
  options.partition = *rc::gen::element<std::string>("random-halves", "official");
  options.train_pool = *rc::gen::element<std::string>("mlr", "hr-both-views", "hr-view-only");
  const Split split = split_of(rows, options);
  std::set<std::int64_t> train;
  std::set<std::int64_t> gallery;
  std::set<int> labels;
  for (const auto& item : split.train) {
    train.insert(item.identity);
    labels.insert(item.label);
    RC_ASSERT(rows[item.row].sample.identity == item.identity);
    bool low = item.camera == options.lr_camera;
    RC_ASSERT(item.has_hr == (!low || options.train_pool != "mlr"));
    RC_ASSERT(item.has_hr == (item.stored_rate == 1));
    if (options.train_pool == "hr-view-only") RC_ASSERT(!low);
  }
  RC_ASSERT(static_cast<int>(train.size()) == split.train_identities);
  RC_ASSERT(static_cast<int>(labels.size()) == split.train_identities);
  RC_ASSERT(*labels.begin() == 0 && *labels.rbegin() == split.train_identities - 1);
  for (const auto& item : split.gallery) {
    gallery.insert(item.identity);
    RC_ASSERT(item.camera != options.lr_camera);
    RC_ASSERT(!train.contains(item.identity));
  }
  for (const auto& item : split.query) {
    RC_ASSERT(item.camera == options.lr_camera);
    RC_ASSERT(gallery.contains(item.identity));
    RC_ASSERT(!train.contains(item.identity));
    RC_ASSERT(item.rate >= 2 && item.rate <= 4);
  }
  if (options.partition == "random-halves") {
    RC_ASSERT(gallery.size() == train.size() || gallery.size() == train.size() + 1);
    RC_ASSERT(static_cast<std::size_t>(split.left_out) + train.size() + gallery.size() ==
              static_cast<std::size_t>(rows.back().sample.identity));
  }
  RC_ASSERT(split == split_of(rows, options));
  RC_ASSERT(split == split_from_json(to_json(split), "split"));
  auto drawn = draw_gallery(split, options.seed, 3);
  std::set<std::int64_t> shown;
  for (auto item : drawn) shown.insert(split.gallery[item].identity);
  RC_ASSERT(shown == gallery && drawn.size() == gallery.size());
}

std::vector<PackRow> regular_rows(std::size_t identities) {
  return rows_of(std::vector<std::vector<std::int64_t>>(identities, {1, 1, 2, 2}));
}

TEST(Split, rates_are_drawn_uniformly_and_depend_on_the_image_alone) {
  auto rows = regular_rows(1500);
  Split split = split_of(rows, {});
  std::map<int, int> count;
  for (const auto& item : split.query) ++count[item.rate];
  for (int rate : {2, 3, 4}) EXPECT_NEAR(500, count[rate], 60);
  std::map<std::string, int> by_path;
  for (const auto& item : split.query) by_path[item.path] = item.rate;
  rows.erase(rows.begin(), rows.begin() + 400);
  for (const auto& item : split_of(rows, {}).query) {
    auto before = by_path.find(item.path);
    if (before != by_path.end()) {
      EXPECT_EQ(before->second, item.rate);
    }
  }
}

TEST(Split, other_query_rates_leave_the_halves_as_they_are) {
  auto rows = regular_rows(30);
  SplitOptions unseen;
  unseen.query_rates = {8};
  Split a = split_of(rows, {});
  Split b = split_of(rows, unseen);
  EXPECT_EQ(a.gallery, b.gallery);
  ASSERT_EQ(a.query.size(), b.query.size());
  for (std::size_t i = 0; i < a.query.size(); ++i) EXPECT_EQ(a.query[i].row, b.query[i].row);
  EXPECT_EQ(8, b.query.front().rate);
}

TEST(Split, seeds_and_draws_differ) {
  auto rows = regular_rows(40);
  SplitOptions other;
  other.seed = 1;
  Split split = split_of(rows, {});
  EXPECT_NE(split.gallery, split_of(rows, other).gallery);
  EXPECT_NE(draw_gallery(split, 0, 0), draw_gallery(split, 0, 1));
  EXPECT_EQ(draw_gallery(split, 0, 1), draw_gallery(split, 0, 1));
}

// A golden value: what is published under this hash must stay reproducible.
TEST(Split, the_hash_is_stable) {
  EXPECT_EQ("1911f87fe61a839b11141ca6462432169264131f89c5b41aa6a669409f0cadbc",
            split_sha256(split_of(regular_rows(10), {})));
}

TEST(Split, rate_one_keeps_the_original) {
  auto rows = regular_rows(20);
  SplitOptions options;
  options.query_rates = {1};
  for (const auto& item : split_of(rows, options).train) EXPECT_TRUE(item.has_hr);
}

TEST(Split, distractors_join_the_official_gallery_only) {
  auto rows = regular_rows(6);
  PackRow distractor = rows.front();
  distractor.sample = {"0000_c1_0.jpg", 0, 1, "gallery"};
  rows.push_back(distractor);
  SplitOptions options;
  auto is_distractor = [](const GalleryItem& item) { return item.identity == 0; };
  auto halves = split_of(rows, options);
  EXPECT_EQ(0, std::count_if(halves.gallery.begin(), halves.gallery.end(), is_distractor));
  options.partition = "official";
  auto official = split_of(rows, options);
  EXPECT_EQ(1, std::count_if(official.gallery.begin(), official.gallery.end(), is_distractor));
  EXPECT_EQ(3U, draw_gallery(official, 0, 0).size());
}

TEST(Split, what_cannot_be_split_is_refused) {
  auto rows = regular_rows(8);
  auto refused = [&](auto change, const std::string& part) {
    SplitOptions options;
    change(options);
    expect_error(core::ErrorKind::kInput, {part}, [&] { split_of(rows, options); });
  };
  refused([](SplitOptions& o) { o.lr_camera = 7; }, "no camera 7");
  refused([](SplitOptions& o) { o.partition = "thirds"; }, "'thirds'");
  refused([](SplitOptions& o) { o.train_pool = "all"; }, "'all'");
  refused([](SplitOptions& o) { o.query_rates = {}; }, "query_rates");
  refused([](SplitOptions& o) { o.query_rates = {2, 2}; }, "twice");
  refused([](SplitOptions& o) { o.query_rates = {99}; }, "99");
  rows = regular_rows(2);
  refused([](SplitOptions&) {}, "cannot be split");
}

TEST(Split, a_pack_without_the_rate_says_which_it_has) {
  RawImages raw(4, 2);
  make_pack(raw, small_options(), raw.pack());
  PackReader pack = PackReader::open(raw.pack());
  expect_error(core::ErrorKind::kInput, {"rates 2, 3", "needs 4", "--rates"},
               [&] { make_split(pack, SplitOptions{}); });
  SplitOptions options;
  options.query_rates = {2, 3};
  Split split = make_split(pack, options);
  EXPECT_EQ(2, split.train_identities);
  EXPECT_EQ(pack.manifest_sha256(), split.manifest_sha256);
}

TEST(Split, an_exported_manifest_is_checked_when_it_comes_back) {
  tests::TemporaryFolder folder;
  auto& files = core::real_file_system();
  SplitOptions options;
  options.seed = 5;
  Split split = split_of(regular_rows(9), options);
  auto path = export_split(files, folder.path(), split, 2);
  EXPECT_EQ("split-5.json", path.filename());
  EXPECT_EQ(split, import_split(files, path));
  std::string text = core::read_text(files, path);
  auto at = text.find("\"rate\":");
  ASSERT_NE(std::string::npos, at);
  text[at + 7] = text[at + 7] == '2' ? '3' : '2';
  core::write_atomic(files, path, text);
  expect_error(core::ErrorKind::kInput, {"split-5.json", "SHA-256"}, [&] { import_split(files, path); });
}

}  // namespace
}  // namespace resolute::datasets
