#include "datasets/split/split.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/datasets/pack/raw_images.h"
#include "tests/datasets/split/split_rows.h"

namespace resolute::datasets::split_test {
namespace {

using namespace tests;

RC_GTEST_PROP(Split, asks_validation_people_of_the_training_half_in_the_place_of_the_test, ()) {
  const auto rows = rows_of(random_cameras());
  SplitSettings options{.partition = *rc::gen::element(Partition::kRandomHalves, Partition::kOfficial),
                        .seed = *rc::gen::arbitrary<std::uint64_t>(),
                        .lr_camera = *rc::gen::inRange(0, 3),
                        .distractors = Distractors::kOfficial};
  const auto identities = [](const auto& items) {
    std::set<std::int64_t> found;
    for (const auto& item : items) found.insert(item.identity);
    return found;
  };
  const Split whole = split_of(rows, options);
  const std::set<std::int64_t> training = identities(whole.train), tested = identities(whole.gallery);
  options.validation_identities = 1;
  std::set<std::int64_t> asked_before;
  for (; options.validation_identities + 2 <= static_cast<int>(training.size()); ++options.validation_identities) {
    Split held;
    try {
      held = split_of(rows, options);
    } catch (const core::RuntimeError& error) {  // who has one image alone, or none of a side, cannot be asked for
      RC_ASSERT(std::string(error.what()).find("validation_identities is") == 0U);
      break;
    }
    const std::set<std::int64_t> asked = identities(held.gallery);
    RC_ASSERT(static_cast<int>(asked.size()) == options.validation_identities);
    RC_ASSERT(identities(held.query) == asked);
    RC_ASSERT(std::ranges::includes(training, asked) && std::ranges::includes(asked, asked_before));
    std::set<std::int64_t> rest = identities(held.train);
    rest.insert(asked.begin(), asked.end());
    RC_ASSERT(rest == training);
    RC_ASSERT(held.train_identities + options.validation_identities == whole.train_identities);
    RC_ASSERT(held == split_from_json(to_json(held), "split"));
    RC_ASSERT(to_json(held)["schema"] == 7);
    asked_before = asked;
  }
  RC_TAG(asked_before.empty() ? "none" : "some");
}

RC_GTEST_PROP(Split, divides_identities_cleanly, ()) {
  auto rows = rows_of(random_cameras());
  SplitSettings options{
      .partition = *rc::gen::element(Partition::kRandomHalves, Partition::kOfficial),
      .seed = *rc::gen::arbitrary<std::uint64_t>(),
      .train_pool = *rc::gen::element(TrainPool::kMlr, TrainPool::kHrBothViews, TrainPool::kHrViewOnly)};
  const Split split = split_of(rows, options);
  std::set<std::int64_t> train;
  std::set<std::int64_t> gallery;
  std::set<int> labels;
  for (const auto& item : split.train) {
    train.insert(item.identity);
    labels.insert(item.label);
    RC_ASSERT(rows[item.row].sample.identity == item.identity);
    bool low = item.camera == options.lr_camera;
    RC_ASSERT(item.has_hr == (!low || options.train_pool != TrainPool::kMlr));
    RC_ASSERT(item.has_hr == (item.stored_rate == 1));
    if (options.train_pool == TrainPool::kHrViewOnly) RC_ASSERT(!low);
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
  if (options.partition == Partition::kRandomHalves) {
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
  SplitSettings unseen{.query_rates = {8}};
  Split a = split_of(rows, {});
  Split b = split_of(rows, unseen);
  EXPECT_EQ(a.gallery, b.gallery);
  ASSERT_EQ(a.query.size(), b.query.size());
  for (std::size_t i = 0; i < a.query.size(); ++i) EXPECT_EQ(a.query[i].row, b.query[i].row);
  EXPECT_EQ(8, b.query.front().rate);
}

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

TEST(Split, rate_one_keeps_the_original) {
  auto rows = regular_rows(20);
  SplitSettings options{.query_rates = {1}};
  for (const auto& item : split_of(rows, options).train) EXPECT_TRUE(item.has_hr);
}

TEST(Split, distractors_join_the_official_gallery_only) {
  auto rows = regular_rows(6);
  PackRow distractor = rows.front();
  distractor.sample = {"0000_c1_0.jpg", 0, 1, "gallery"};
  rows.push_back(distractor);
  SplitSettings options;
  auto is_distractor = [](const GalleryItem& item) { return item.identity == 0; };
  auto halves = split_of(rows, options);
  EXPECT_EQ(0, std::count_if(halves.gallery.begin(), halves.gallery.end(), is_distractor));
  options.partition = Partition::kOfficial;
  auto official = split_of(rows, options);
  EXPECT_EQ(1, std::count_if(official.gallery.begin(), official.gallery.end(), is_distractor));
  EXPECT_EQ(3U, draw_gallery(official, 0, 0).size());
  options.lr_camera = 0;
  official = split_of(rows, options);
  EXPECT_EQ(1, std::count_if(official.gallery.begin(), official.gallery.end(), is_distractor));
}

SplitSettings any_camera() { return {.lr_camera = 0}; }

// lr_camera 0 by brute force: who takes part, one gallery image of each test identity, all others its queries, training
// images HR or stored at a query rate, and nothing twice.
RC_GTEST_PROP(Split, of_any_camera_keeps_one_image_of_each_test_identity_in_high_resolution, ()) {
  const auto rows = rows_of(random_cameras());
  SplitSettings options = any_camera();
  options.seed = *rc::gen::arbitrary<std::uint64_t>();
  options.partition = *rc::gen::element(Partition::kRandomHalves, Partition::kOfficial);
  options.train_pool = *rc::gen::element(TrainPool::kMlr, TrainPool::kHrBothViews);
  options.query_rates = *rc::gen::elementOf(std::vector<std::vector<int>>{{2, 3, 4}, {4}, {1, 3}, {1}});
  const Split split = split_of(rows, options);
  std::map<std::int64_t, std::vector<std::size_t>> images;
  for (std::size_t i = 0; i < rows.size(); ++i) images[rows[i].sample.identity].push_back(i);
  std::map<std::int64_t, std::vector<std::size_t>> train, query, gallery;
  for (const auto& item : split.train) train[item.identity].push_back(item.row);
  for (const auto& item : split.query) query[item.identity].push_back(item.row);
  for (const auto& item : split.gallery) gallery[item.identity].push_back(item.row);
  int left_out = 0;
  for (const auto& [identity, own] : images) {
    const bool trains = train.contains(identity);
    const bool tested = gallery.contains(identity);
    RC_ASSERT(tested == query.contains(identity));
    RC_ASSERT(!(trains && tested));
    RC_ASSERT((trains || tested) == (own.size() >= 2));
    left_out += own.size() < 2;
    if (options.partition == Partition::kOfficial && own.size() >= 2)
      RC_ASSERT(trains == (rows[own[0]].sample.subset == "train"));
    if (trains) RC_ASSERT(train[identity] == own);
    if (!tested) continue;
    RC_ASSERT(gallery[identity].size() == 1U);
    std::vector<std::size_t> both = query[identity];
    both.push_back(gallery[identity].front());
    std::sort(both.begin(), both.end());
    RC_ASSERT(both == own);
  }
  RC_ASSERT(split.left_out == left_out);
  if (options.partition == Partition::kRandomHalves) {
    RC_ASSERT(gallery.size() == train.size() || gallery.size() == train.size() + 1);
  }
  for (const auto& item : split.query)
    RC_ASSERT(std::count(options.query_rates.begin(), options.query_rates.end(), item.rate) == 1);
  for (const auto& item : split.train) {
    RC_ASSERT(item.has_hr == (item.stored_rate == 1));
    RC_ASSERT(item.has_hr || (options.train_pool == TrainPool::kMlr &&
                              std::count(options.query_rates.begin(), options.query_rates.end(), item.stored_rate)));
  }
  RC_ASSERT(split == split_of(rows, options));
  RC_ASSERT(split == split_from_json(to_json(split), "split"));
  std::vector<std::size_t> all(split.gallery.size());
  for (const int draw : {0, 1}) {
    auto drawn = draw_gallery(split, options.seed, draw);
    std::sort(drawn.begin(), drawn.end());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    RC_ASSERT(drawn == all);
  }
}

TEST(Split, of_any_camera_training_images_stay_or_shrink_with_equal_probability) {
  std::map<int, int> count;
  for (const auto& item : split_of(regular_rows(1500), any_camera()).train) ++count[item.stored_rate];
  for (int rate : {1, 2, 3, 4}) EXPECT_NEAR(750, count[rate], 100);
  EXPECT_EQ(4U, count.size());
}

// Which image that is depends on the seed and the identity: not on others, nor on what is asked of them.
TEST(Split, of_any_camera_the_gallery_is_drawn_by_seed_and_identity) {
  auto rows = regular_rows(60);
  SplitSettings options = any_camera();
  options.partition = Partition::kOfficial;
  const auto kept = [](const Split& split) {
    std::map<std::int64_t, std::string> paths;
    for (const auto& item : split.gallery) paths[item.identity] = item.path;
    return paths;
  };
  const auto before = kept(split_of(rows, options));
  std::set<std::string> numbers;
  for (const auto& [_, path] : before) numbers.insert(path.substr(5));
  EXPECT_EQ(4U, numbers.size());  // each of the four images is somebody's
  SplitSettings other = options;
  other.query_rates = {8};
  other.train_identities = 5;
  EXPECT_EQ(before, kept(split_of(rows, other)));
  other.seed = 1;
  EXPECT_NE(before, kept(split_of(rows, other)));
  rows.erase(rows.begin(), rows.begin() + 80);
  for (const auto& [identity, path] : kept(split_of(rows, options))) EXPECT_EQ(before.at(identity), path);
}

// By brute force: of every n, so many identities, those of every smaller n among them; the images, rates and test of
// those that stay are as with all of them, and labels count from 0 in the identities' order.
TEST(Split, training_sets_of_growing_size_hold_the_smaller_ones) {
  const auto rows = regular_rows(24);
  for (const int camera : {0, 2})
    for (const Partition partition : {Partition::kRandomHalves, Partition::kOfficial}) {
      SplitSettings options{.partition = partition, .seed = 3, .lr_camera = camera};
      const Split all = split_of(rows, options);
      ASSERT_EQ(12, all.train_identities);
      std::set<std::int64_t> smaller;
      for (int n = 2; n <= 12; ++n) {
        options.train_identities = n;
        const Split split = split_of(rows, options);
        std::set<std::int64_t> identities;
        for (const auto& item : split.train) identities.insert(item.identity);
        EXPECT_EQ(static_cast<std::size_t>(n), identities.size());
        EXPECT_EQ(n, split.train_identities);
        EXPECT_EQ(all.left_out + 12 - n, split.left_out);
        EXPECT_TRUE(std::includes(identities.begin(), identities.end(), smaller.begin(), smaller.end()));
        std::vector<TrainItem> expected;
        for (TrainItem item : all.train) {
          if (!identities.contains(item.identity)) continue;
          item.label = static_cast<int>(std::distance(identities.begin(), identities.find(item.identity)));
          expected.push_back(item);
        }
        EXPECT_EQ(expected, split.train);
        EXPECT_EQ(all.query, split.query);
        EXPECT_EQ(all.gallery, split.gallery);
        EXPECT_EQ(split, split_from_json(to_json(split), "split"));
        smaller = identities;
      }
      options.train_identities = 6;
      const auto of_seed = [&](std::uint64_t seed) {
        options.seed = seed;
        std::set<std::int64_t> identities;
        for (const auto& item : split_of(rows, options).train) identities.insert(item.identity);
        return identities;
      };
      EXPECT_NE(of_seed(4), of_seed(5));
    }
}

TEST(Split, what_schema_1_cannot_say_has_schema_2_and_contradicts_nothing) {
  const auto rows = regular_rows(10);
  SplitSettings fewer{.train_identities = 3};
  EXPECT_EQ(1, to_json(split_of(rows, {})).at("schema"));
  EXPECT_EQ(2, to_json(split_of(rows, fewer)).at("schema"));
  EXPECT_EQ(2, to_json(split_of(rows, any_camera())).at("schema"));
  const auto refused = [](core::Json json, const std::string& part) {
    expect_error(core::ErrorKind::kInput, {part}, [&] { split_from_json(json, "split"); });
  };
  core::Json json = to_json(split_of(rows, any_camera()));
  json["schema"] = 8;
  refused(json, "split schema 8 is unknown");
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

// Market-1501's usual test: the source's queries, of any camera, against the source's gallery.
TEST(Split, the_sources_queries_ask_in_low_resolution_and_its_gallery_stays) {
  std::vector<PackRow> rows;
  const auto add = [&](std::int64_t identity, std::int64_t camera, const char* subset) {
    PackRow row{{fmt::format("{:04}.jpg", rows.size()), identity, camera, subset}, 128, 64, {}};
    row.source_sha256 = core::sha256_hex(row.sample.path);
    rows.push_back(std::move(row));
  };
  for (std::int64_t identity = 1; identity <= 3; ++identity)
    for (std::int64_t camera = 1; camera <= 3; ++camera) add(identity, camera, "train");
  for (std::int64_t identity = 4; identity <= 6; ++identity)
    for (std::int64_t camera = 1; camera <= 3; ++camera)
      for (const char* subset : {"query", "gallery", "gallery"}) add(identity, camera, subset);
  add(7, 2, "query");  // whom no other camera shows
  add(7, 2, "gallery");
  add(0, 1, "gallery");
  const SplitSettings options{.partition = Partition::kOfficial, .lr_camera = 1, .lr_side = LrSide::kQuery};
  const Split split = split_of(rows, options);
  EXPECT_EQ(9U, split.query.size());
  for (const QueryItem& item : split.query) {
    EXPECT_EQ("query", rows[item.row].sample.subset);
    EXPECT_TRUE(item.rate >= 2 && item.rate <= 4);
  }
  EXPECT_EQ(3 * 3 * 2 + 2U, split.gallery.size());  // whatever its camera, the distractor and whom nobody asks for
  for (const GalleryItem& item : split.gallery) EXPECT_EQ("gallery", rows[item.row].sample.subset);
  EXPECT_EQ(9U, split.train.size());
  for (const TrainItem& item : split.train) EXPECT_EQ(item.camera != 1, item.has_hr) << item.path;
  EXPECT_EQ(4, to_json(split).at("schema"));
  EXPECT_EQ(split, split_from_json(to_json(split), "split"));
}

// Somebody's published list of those who are tested, as DIL's: whatever the seed, it is they.
TEST(Split, a_list_says_who_is_tested_and_all_others_train) {
  const auto rows = regular_rows(10);
  SplitSettings options;
  options.tested = {2, 3, 9};
  for (const std::uint64_t seed : {0U, 1U}) {
    options.seed = seed;
    const Split split = split_of(rows, options);
    std::set<std::int64_t> train, query, gallery;
    for (const TrainItem& item : split.train) train.insert(item.identity);
    for (const QueryItem& item : split.query) query.insert(item.identity);
    for (const GalleryItem& item : split.gallery) gallery.insert(item.identity);
    EXPECT_EQ(train, std::set<std::int64_t>({1, 4, 5, 6, 7, 8, 10}));
    EXPECT_EQ(query, std::set<std::int64_t>({2, 3, 9}));
    EXPECT_EQ(gallery, query);
    EXPECT_EQ(split, split_from_json(to_json(split), "split"));
  }
  const core::Json json = to_json(split_of(rows, options));
  EXPECT_EQ(6, json.at("schema"));
  EXPECT_FALSE(to_json(split_of(rows, {})).at("options").contains("tested"));
  core::Json other = json;
  other["options"]["tested"] = {2, 3, 8};
  expect_error(core::ErrorKind::kInput, {"identity 8", "its options have it tested"},
               [&] { split_from_json(other, "split"); });
  other["options"]["tested"] = {2, 3};
  expect_error(core::ErrorKind::kInput, {"identity 9", "its options do not have it tested"},
               [&] { split_from_json(other, "split"); });
  // One whom the LR camera did not see is in the gallery, and does not ask.
  const auto cameras = rows_of({{1, 2}, {1, 2}, {1, 2}, {1, 1}});
  options.tested = {3, 4};
  const Split uneven = split_of(cameras, options);
  EXPECT_EQ(uneven.query.size(), 1U);
  EXPECT_EQ(uneven.gallery.size(), 3U);
  options.tested = {3, 11};
  expect_error(core::ErrorKind::kInput, {"'tested' names identity 11", "pack 'made-up' has none of that number"},
               [&] { split_of(cameras, options); });
  options.tested = {3};
  options.test_identities = 1;
  expect_error(core::ErrorKind::kInput, {"'tested' names who is tested", "set it to 0"},
               [&] { split_of(cameras, options); });
  options.test_identities = 0;
  options.partition = Partition::kOfficial;
  expect_error(core::ErrorKind::kInput, {"key 'tested' has the value 1 identities", "partition 'official'"},
               [&] { split_of(cameras, options); });
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

// Rows of an image that stands twice: the bytes decide, not the name.
void add_copy(std::vector<PackRow>& rows, const PackRow& row, const std::function<void(Sample&)>& change) {
  PackRow copy = row;
  copy.sample.path = "copy_of_" + copy.sample.path;
  change(copy.sample);
  rows.push_back(copy);
}

bool ranks_itself(const std::vector<PackRow>& rows, const Split& split, bool cameras_count) {
  return std::ranges::any_of(split.query, [&](const QueryItem& query) {
    return std::ranges::any_of(split.gallery, [&](const GalleryItem& item) {
      const bool junk = cameras_count && item.identity == query.identity && item.camera == query.camera;
      return !junk && rows[item.row].source_sha256 == rows[query.row].source_sha256;
    });
  });
}

TEST(Split, a_query_never_ranks_itself_whatever_the_set) {
  // VeRi-776: each query stands in image_test too. With cameras these copies are junk, and without they are not shown.
  auto veri = regular_rows(12);
  for (PackRow& row : veri) row.sample.subset = row.sample.identity % 2 == 0 ? "gallery" : "train";
  for (std::size_t i = 0, count = veri.size(); i < count; ++i)
    if (const PackRow row = veri[i]; row.sample.subset == "gallery" && row.sample.camera == 2)
      add_copy(veri, row, [](Sample& sample) { sample.subset = "query"; });
  SplitSettings options{.partition = Partition::kOfficial, .lr_side = LrSide::kQuery};
  EXPECT_EQ(12U, split_of(veri, options).query.size()) << "6 identities, 2 images of camera 2";
  options = {.partition = Partition::kOfficial, .lr_camera = 0};
  for (options.seed = 0; options.seed < 20; ++options.seed) {
    const Split split = split_of(veri, options);
    EXPECT_FALSE(ranks_itself(veri, split, false));
    EXPECT_LT(split.query.size(), 6U * 5) << "of some identity the image of its gallery stood twice";
    EXPECT_GE(split.query.size(), 6U * 4);
  }
  // A list of images in which one photograph has two cameras.
  auto listed = regular_rows(12);
  for (std::size_t i = 0, count = listed.size(); i < count; ++i)
    if (const PackRow row = listed[i]; row.sample.camera == 2 && i % 3 == 0)
      add_copy(listed, row, [](Sample& sample) { sample.camera = 1; });
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Split split = split_of(listed, {.seed = seed});
    EXPECT_FALSE(ranks_itself(listed, split, true));
    EXPECT_FALSE(split.query.empty());
  }
  // A distractor that is a test person's photograph.
  auto distracted = regular_rows(12);
  const Split before = split_of(distracted, {.distractors = Distractors::kAlways});
  add_copy(distracted, distracted[before.query.front().row], [](Sample& sample) {
    sample.identity = 0;
    sample.camera = 1;
    sample.subset = "gallery";
  });
  const Split split = split_of(distracted, {.distractors = Distractors::kAlways});
  EXPECT_EQ(before.query.size() - 1, split.query.size());
  EXPECT_EQ(split.shown_queries, std::vector{before.query.front().path});
  EXPECT_FALSE(ranks_itself(distracted, split, true));
}

TEST(Split, of_raw_images_that_are_not_hashed_yet_no_query_is_missed) {
  auto rows = regular_rows(12);
  const std::size_t queries = split_of(rows, {}).query.size();
  for (PackRow& row : rows) row.source_sha256.clear();
  EXPECT_EQ(queries, split_of(rows, {}).query.size());
}

}  // namespace
}  // namespace resolute::datasets::split_test
