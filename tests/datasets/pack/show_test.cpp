// Counts and choices of `resolute data show`.

#include "datasets/pack/show.h"

#include <gmock/gmock.h>

#include <set>

#include "datasets/stand_ins/stand_in.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets::show_test {
namespace {

using testing::ElementsAre;
using testing::Pair;
using tests::ChosenImages;
using tests::RawImages;

TEST(PackShow, statistics_are_those_of_the_rows) {
  ChosenImages raw;
  raw.add({"a1.png", 1, 1, "train", 1, 0b001}, 20, 11);
  raw.add({"a2.png", 1, 2, "train", 3, 0b001}, 30, 10);
  raw.add({"a3.png", 1, 2, "train", 0, 0b001}, 21, 14);
  raw.add({"b1.png", 7, 2, "query", 1, 0b101}, 22, 12);
  raw.add({"b2.png", 7, 2, "gallery", 0, 0b101}, 23, 13);
  raw.add({"c1.png", 0, 4, "gallery", 1, 0}, 90, 90);
  const PackReader pack = raw.pack(tests::small_options(2));
  const PackStatistics all = pack_statistics(pack);
  EXPECT_EQ(all.rows, 6U);
  EXPECT_EQ(all.identities, 2U);
  EXPECT_EQ(all.distractors, 1U);
  EXPECT_THAT(all.images_per_camera, ElementsAre(Pair(1, 1U), Pair(2, 4U), Pair(4, 1U)));
  EXPECT_THAT(all.images_per_subset, ElementsAre(Pair("gallery", 2U), Pair("query", 1U), Pair("train", 3U)));
  EXPECT_EQ(all.images_per_identity, (Spread{2, 2, 3}));
  EXPECT_EQ(all.identities_in_one_camera, 1U);
  EXPECT_EQ(all.native_height, (Spread{20, 22, 90}));
  EXPECT_EQ(all.native_width, (Spread{10, 12, 90}));
  EXPECT_THAT(all.low_resolution_images, ElementsAre(Pair(0, 2U), Pair(3, 1U)));
  EXPECT_THAT(all.published_test_identities, ElementsAre(2U, 0U, 1U));

  const core::Json json = describe_pack(pack);
  EXPECT_EQ(json["low_resolution_images"], (core::Json{{"unknown", 2}, {"3", 1}}));
  EXPECT_EQ(json["native_size"]["median"], (core::Json{22, 12}));
  EXPECT_EQ(json["view_from"], "native");
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(raw.folder / "pack")) bytes += entry.file_size();
  EXPECT_EQ(pack_bytes(core::real_file_system(), raw.folder / "pack", 2), bytes);
}

TEST(PackShow, counts_are_held_against_the_published_ones) {
  PackStatistics all;
  all.identities = 4'101;
  for (std::int64_t camera = 1; camera <= 15; ++camera) all.images_per_camera[camera] = 1;
  all.images_per_subset = {{"train", 32'621}, {"query", 11'659}, {"gallery", 82'161}};
  EXPECT_EQ(published_counts(settings::Source::kMsmt17, all),
            "counts as published: 32621 training images, 11659 queries, 82161 gallery images, 4101 people, 15 cameras");
  all.images_per_subset["train"] = 30'248;
  all.images_per_camera.erase(7);
  EXPECT_EQ(published_counts(settings::Source::kMsmt17, all),
            "counts that are not the published ones: 30248 training images and not 32621, 14 cameras and not 15");
  // A source that publishes no division, and a list of anybody's.
  EXPECT_EQ(published_counts(settings::Source::kViper, all), "");
  EXPECT_EQ(published_counts(settings::Source::kCsv, all), "");
}

TEST(PackShow, of_drawn_images_no_counts_are_published) {
  ChosenImages raw;
  for (const int identity : {1, 2})
    for (const int camera : {1, 2})
      raw.add({fmt::format("{}-{}.png", identity, camera), identity, camera, identity == 1 ? "train" : "gallery"}, 20,
              10);
  settings::PackSettings options = tests::small_options(1);
  options.source = settings::Source::kMarket1501;
  const PackReader pack = raw.pack(options);
  const auto counts = [&] { return published_counts(core::real_file_system(), raw.folder / "pack", pack); };
  EXPECT_EQ(
      counts(),
      "counts that are not the published ones: 2 training images and not 12936, 0 queries and not 3368, 2 gallery "
      "images and not 15913, 2 people and not 1501, 2 cameras and not 6");
  core::write_atomic(core::real_file_system(), raw.folder / "pack" / kDrawnFile, std::string_view("{}\n"));
  EXPECT_EQ(counts(), "");
}

TEST(PackShow, samples_are_of_as_many_identities_as_there_are) {
  const RawImages raw(6, 2);
  const PackReader pack = tests::open_small_pack(raw);
  for (int samples = 1; samples <= 30; ++samples) {
    const std::vector<std::size_t> rows = choose_samples(pack, samples);
    EXPECT_EQ(rows.size(), static_cast<std::size_t>(std::min(samples, 24)));
    EXPECT_EQ(std::set<std::size_t>(rows.begin(), rows.end()).size(), rows.size());
    EXPECT_TRUE(std::ranges::is_sorted(rows));
    std::map<std::int64_t, int> of_identity;
    std::set<std::int64_t> cameras;
    for (const std::size_t row : rows) {
      ++of_identity[pack.row(row).sample.identity];
      cameras.insert(pack.row(row).sample.camera);
    }
    EXPECT_EQ(of_identity.size(), static_cast<std::size_t>(std::min(samples, 6)));
    int most = 0, fewest = samples;
    for (const auto& [identity, count] : of_identity) most = std::max(most, count), fewest = std::min(fewest, count);
    EXPECT_LE(most - fewest, 1) << samples;
    if (samples >= 4) {
      EXPECT_EQ(cameras.size(), 2U) << samples;
    }
  }
}

TEST(PackShow, distractors_are_chosen_where_identities_do_not_fill_the_sample) {
  ChosenImages raw;
  for (int i = 0; i < 4; ++i) raw.add({fmt::format("0{}.png", i), 0, 1, "gallery"}, 20, 10);
  raw.add({"1.png", 3, 1, "train"}, 20, 10);
  raw.add({"2.png", 3, 2, "train"}, 20, 10);
  const PackReader pack = raw.pack(tests::small_options());
  EXPECT_THAT(choose_samples(pack, 2), ElementsAre(4U, 5U));
  EXPECT_THAT(choose_samples(pack, 4), ElementsAre(0U, 2U, 4U, 5U));
}

TEST(PackShow, a_sample_has_an_image_at_least) {
  const PackReader pack = tests::open_small_pack(RawImages(3, 1));
  tests::expect_error(core::ErrorKind::kInput, {"a sample of 0 images"}, [&] { choose_samples(pack, 0); });
}

}  // namespace
}  // namespace resolute::datasets::show_test
