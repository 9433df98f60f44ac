// What `resolute data show` counts and draws.

#include "datasets/pack/show.h"

#include <gmock/gmock.h>

#include <set>

#include "datasets/image/lettering.h"
#include "datasets/image/low_resolution.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets::show_test {
namespace {

using testing::ElementsAre;
using testing::Pair;
using tests::RawImages;

// Raw images of chosen sizes and samples.
struct Raw {
  tests::TemporaryFolder folder;
  std::vector<Sample> samples;

  void add(const Sample& sample, int height, int width) {
    core::write_atomic(core::real_file_system(), folder / "raw" / sample.path,
                       encode_png(tests::noise_image(height, width, samples.size())));
    samples.push_back(sample);
  }
  PackReader pack(PackSettings options) {
    const RawFolder reader(core::real_file_system(), folder / "raw");
    std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) { return a.path < b.path; });
    for (int shard = 0; shard < options.shards; ++shard)
      write_shard(core::real_file_system(), reader, samples, options, shard, folder / "pack");
    seal_pack(core::real_file_system(), folder / "pack", options);
    return PackReader::open(folder / "pack");
  }
};

bool contains(const Image& sheet, const Image& part) {
  const auto row_bytes = static_cast<std::ptrdiff_t>(part.width) * 3;
  const auto place = [](const Image& image, int y, int x) {
    return image.pixels.begin() + 3 * (static_cast<std::ptrdiff_t>(y) * image.width + x);
  };
  for (int top = 0; top + part.height <= sheet.height; ++top)
    for (int left = 0; left + part.width <= sheet.width; ++left) {
      int y = 0;
      while (y < part.height &&
             std::equal(place(part, y, 0), place(part, y, 0) + row_bytes, place(sheet, top + y, left)))
        ++y;
      if (y == part.height) return true;
    }
  return false;
}

Image words(std::string_view text, int scale, const std::array<std::uint8_t, 3>& ink) {
  Image image = make_image(kLetterHeight * scale, text_width(text, scale));
  std::fill(image.pixels.begin(), image.pixels.end(), std::uint8_t{255});
  draw_text(image, 0, 0, text, ink, scale);
  return image;
}

constexpr std::array<std::uint8_t, 3> kInk{30, 30, 30}, kLowInk{190, 20, 30};

PackSettings large_options() {
  PackSettings options = tests::small_options(2);
  options.height = 256;
  options.width = 128;
  return options;
}

TEST(PackShow, statistics_are_those_of_the_rows) {
  Raw raw;
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
  for (const auto& entry : std::filesystem::directory_iterator(raw.folder / "pack")) bytes += entry.file_size();
  EXPECT_EQ(pack_bytes(core::real_file_system(), raw.folder / "pack", 2), bytes);
}

TEST(PackShow, samples_are_of_as_many_identities_as_there_are) {
  const RawImages raw(6, 2);
  const PackReader pack = tests::open_small_pack(raw);
  for (int samples = 1; samples <= 30; ++samples) {
    const std::vector<std::size_t> rows = choose_samples(pack, samples);
    EXPECT_EQ(rows.size(), static_cast<std::size_t>(std::min(samples, 24)));
    EXPECT_EQ(std::set<std::size_t>(rows.begin(), rows.end()).size(), rows.size());
    EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
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

TEST(PackShow, distractors_are_drawn_where_identities_do_not_fill_the_sheet) {
  Raw raw;
  for (int i = 0; i < 4; ++i) raw.add({fmt::format("0{}.png", i), 0, 1, "gallery"}, 20, 10);
  raw.add({"1.png", 3, 1, "train"}, 20, 10);
  raw.add({"2.png", 3, 2, "train"}, 20, 10);
  const PackReader pack = raw.pack(tests::small_options());
  EXPECT_THAT(choose_samples(pack, 2), ElementsAre(4U, 5U));
  EXPECT_THAT(choose_samples(pack, 4), ElementsAre(0U, 2U, 4U, 5U));
}

TEST(PackShow, the_sheet_has_each_image_enlarged_and_at_its_true_size_and_says_what_it_is) {
  Raw raw;
  raw.add({"a1.png", 12, 3, "train"}, 60, 30);
  raw.add({"a2.png", 12, 4, "query"}, 600, 300);
  const PackReader pack = raw.pack(large_options());
  const Image sheet = decode_image(contact_sheet_png(pack, 2), "sheet");
  for (std::size_t row = 0; row < 2; ++row) {
    Image image = make_image(256, 128);
    pack.read_hr(row, image.pixels);
    EXPECT_TRUE(contains(sheet, image));
    for (const int rate : {2, 3}) {
      pack.read_view(row, rate, image);
      EXPECT_TRUE(contains(sheet, enlarge(image, 256, 128))) << rate;
      // A view of 300×150 has no room beside one of 256×128.
      EXPECT_EQ(contains(sheet, image), row == 0 || rate == 3) << rate;
    }
  }
  for (const char* word : {"HR", "/2 VIEW", "/3 VIEW", "ID 12", "CAMERA 3", "CAMERA 4", "TRAIN", "QUERY", "600X300",
                           "256X128", "30X15", "20X10", "200X100", "NOISE FROM CSV: 2 IMAGES, 1 IDENTITIES"})
    EXPECT_TRUE(contains(sheet, words(word, 2, kInk))) << word;
  EXPECT_FALSE(contains(sheet, words("ID 13", 2, kInk)));
}

TEST(PackShow, an_image_that_came_in_low_resolution_is_marked_and_has_no_hr_image) {
  Raw raw;
  raw.add({"a1.png", 5, 1, "train"}, 60, 30);
  raw.add({"a2.png", 5, 2, "train", 3}, 20, 10);
  raw.add({"a3.png", 5, 2, "train", 0}, 20, 10);
  const PackReader pack = raw.pack(large_options());
  const Image sheet = decode_image(contact_sheet_png(pack, 3), "sheet");
  for (const char* word : {"LR, RATE 3", "LR, RATE ?", "AS IT CAME"})
    EXPECT_TRUE(contains(sheet, words(word, 2, kLowInk))) << word;
  EXPECT_TRUE(contains(sheet, words("NONE", 2, kInk)));
  for (std::size_t row = 0; row < 3; ++row) {
    Image image = make_image(256, 128);
    pack.read_hr(row, image.pixels);
    EXPECT_TRUE(contains(sheet, image)) << row;
  }
}

TEST(PackShow, small_packs_are_shown_enlarged_and_impossible_sheets_refused) {
  const RawImages raw(3, 2);
  PackSettings options = tests::small_options();
  options.rates = {1};
  const PackReader pack = tests::open_small_pack(raw, options);
  const Image sheet = decode_image(contact_sheet_png(pack, 100), "sheet");
  EXPECT_GE(sheet.height, 12 * 8 * 12);  // 12 images of 12 pixels, eight times as large
  EXPECT_FALSE(contains(sheet, words("/2 VIEW", 1, kInk)));
  tests::expect_error(core::ErrorKind::kInput, {"a sheet of 0 samples"}, [&] { contact_sheet_png(pack, 0); });

  const RawImages many(20, 3);
  options.height = 200;
  options.width = 100;
  tests::make_pack(many, options, many.pack());
  tests::expect_error(core::ErrorKind::kInput, {"a sheet of 120 samples", "16384"},
                      [&] { contact_sheet_png(PackReader::open(many.pack()), 1000); });
}

}  // namespace
}  // namespace resolute::datasets::show_test
