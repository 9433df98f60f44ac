#include "datasets/sources/cuhk03.h"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "core/sha256.h"
#include "tests/datasets/sources/cuhk03_scratch.h"

namespace resolute::datasets::cuhk03_test {
namespace {

using sources::Cuhk03Contents;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(Cuhk03, lists_the_boxes_of_identities_with_two_images) {
  EXPECT_THAT(
      list_samples(files_, Source::kCuhk03, root_),
      ElementsAre(
          Sample{"labeled/1_001_1_01.ppm", 1, 1, "gallery", 1, 0b101},
          Sample{"labeled/1_001_1_02.ppm", 1, 1, "gallery", 1, 0b101},
          Sample{"labeled/1_001_2_06.ppm", 1, 2, "gallery", 1, 0b101},
          Sample{"labeled/1_001_2_10.ppm", 1, 2, "gallery", 1, 0b101},
          Sample{"labeled/1_002_2_07.ppm", 2, 2, "train", 1, 0}, Sample{"labeled/1_002_2_08.ppm", 2, 2, "train", 1, 0},
          Sample{"labeled/2_001_1_03.ppm", 4, 3, "train", 1, 0b10},
          Sample{"labeled/2_001_2_06.ppm", 4, 4, "train", 1, 0b10},
          Sample{"labeled/3_001_1_01.ppm", 5, 5, "train", 1, 0}, Sample{"labeled/3_001_2_06.ppm", 5, 6, "train", 1, 0},
          Sample{"labeled/3_002_1_02.ppm", 6, 5, "train", 1, 0}, Sample{"labeled/3_002_2_09.ppm", 6, 6, "train", 1, 0},
          Sample{"labeled/5_001_1_05.ppm", 8, 9, "gallery", 1, 1},
          Sample{"labeled/5_001_2_10.ppm", 8, 10, "gallery", 1, 1}));
}

TEST_F(Cuhk03, the_same_identities_have_the_same_numbers_in_detected_boxes) {
  std::set<std::int64_t> identities;
  const auto samples = list_samples(files_, Source::kCuhk03Detected, root_);
  for (const Sample& sample : samples) {
    identities.insert(sample.identity);
    EXPECT_THAT(sample.path, StartsWith("detected/"));
  }
  EXPECT_THAT(identities, ElementsAre(1, 2, 3, 5, 6, 8));  // 3 has a second box there, 4 but one
  EXPECT_EQ(samples.size(), 3u + 2 + 2 + 2 + 2 + 2);
}

TEST_F(Cuhk03, images_are_read_as_ppm_of_what_was_written) {
  const Cuhk03Contents contents = small_contents();
  const auto reader = open_raw(files_, Source::kCuhk03, root_);
  for (const Source source : {Source::kCuhk03, Source::kCuhk03Detected})
    for (const Sample& sample : list_samples(files_, source, root_)) {
      const auto& boxes = sample.path[0] == 'l' ? contents.labeled : contents.detected;
      const std::string name = sample.path.substr(sample.path.find('/') + 1);
      const auto& cell = boxes.at(static_cast<std::size_t>(name[0] - '1'))
                             .at(static_cast<std::size_t>(std::stoi(name.substr(2, 3)) - 1))
                             .at(static_cast<std::size_t>(std::stoi(name.substr(8, 2)) - 1));
      ASSERT_TRUE(cell.has_value()) << sample.path;
      const core::Bytes bytes = reader->read(sample.path);
      EXPECT_EQ(decode_image(bytes, reader->place(sample.path)), *cell) << sample.path;
      const std::string header = fmt::format("P6\n{} {}\n255\n", cell->width, cell->height);
      EXPECT_EQ(core::as_text(bytes).substr(0, header.size()), header);
    }
  EXPECT_EQ(reader->place("labeled/1_001_1_01.ppm"), file().string() + ":labeled/1_001_1_01.ppm");
}

TEST_F(Cuhk03, paths_that_were_not_listed_are_refused) {
  const auto reader = open_raw(files_, Source::kCuhk03, root_);
  for (const char* path :
       {"", "labeled", "labeled/", "../cuhk-03.mat", "labeled/1_001_2_01.ppm", "labeled/1_1_1_01.ppm",
        "labeled/0_001_1_01.ppm", "labeled/6_001_1_01.ppm", "labeled/1_000_1_01.ppm", "labeled/1_004_1_01.ppm",
        "labeled/1_001_1_00.ppm", "labeled/1_001_2_11.ppm", "labeled/1_001_1_01.png", "labeled/1_001_1_01.ppm ",
        "Labeled/1_001_1_01.ppm", "labeled/1_001_1_01\n.ppm", "testsets/1_001_1_01.ppm",
        "labeled/4294967297_001_1_01.ppm"})
    try {
      reader->read(path);
      ADD_FAILURE() << path << " was read";
    } catch (const core::RuntimeError& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kInput);
      EXPECT_THAT(error.what(), HasSubstr("has no image '")) << path;
    }
  EXPECT_THROW(reader->read("labeled/1_003_1_01.ppm"), core::RuntimeError);  // an empty cell
}

TEST_F(Cuhk03, the_parent_of_its_folder_will_do) {
  const auto expected = list_samples(files_, Source::kCuhk03, root_);
  std::filesystem::create_directories(root_ / "data/cuhk03_release");
  std::filesystem::rename(file(), root_ / "data/cuhk03_release/cuhk-03.mat");
  EXPECT_EQ(list_samples(files_, Source::kCuhk03, root_ / "data"), expected);
  EXPECT_EQ(list_samples(files_, Source::kCuhk03, root_ / "data/cuhk03_release"), expected);
}

TEST_F(Cuhk03, many_threads_read_at_once) {
  const auto samples = list_samples(files_, Source::kCuhk03, root_);
  const auto reader = open_raw(files_, Source::kCuhk03, root_);
  std::vector<core::Bytes> expected;
  for (const Sample& sample : samples) expected.push_back(reader->read(sample.path));
  std::vector<int> right(6, 0);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < right.size(); ++t)
      threads.emplace_back([&, t] {
        for (std::size_t i = 0; i < samples.size(); ++i) {
          const std::size_t which = (i + t) % samples.size();
          right[t] += reader->read(samples[which].path) == expected[which];
        }
      });
  }
  EXPECT_THAT(right, testing::Each(static_cast<int>(samples.size())));
}

StandInSettings small_stand_in(bool irregular) {
  StandInSettings options{{}, Source::kCuhk03};
  options.identities = 24;
  options.images_per_camera = 3;
  options.height = 56;
  options.width = 28;
  options.seed = 5;
  options.irregular = irregular;
  return options;
}

// Identities count over the pairs in order, in the stand-in as in its listing.
TEST_F(Cuhk03, the_stand_in_holds_the_images_as_they_are_rendered) {
  for (const bool irregular : {false, true}) {
    const StandInSettings options = small_stand_in(irregular);
    const std::filesystem::path raw = root_ / (irregular ? "irregular" : "regular");
    write_stand_in(files_, raw, options);
    const auto samples = list_samples(files_, Source::kCuhk03, raw);
    const auto reader = open_raw(files_, Source::kCuhk03, raw);
    for (const Sample& sample : samples) {
      const int slot = std::stoi(sample.path.substr(sample.path.size() - 6, 2)) - 1;
      EXPECT_EQ(decode_image(reader->read(sample.path), sample.path),
                sources::stand_in_image(options, static_cast<int>(sample.identity - 1),
                                        static_cast<int>(sample.camera - 1), slot % 5));
    }
    if (!irregular) {
      EXPECT_EQ(samples.size(), 24u * 2 * 3);
    }
  }
}

TEST_F(Cuhk03, the_stand_in_has_what_the_real_file_has) {
  write_stand_in(files_, root_ / "raw", small_stand_in(true));
  const core::Bytes bytes = files_.read(root_ / "raw/cuhk-03.mat");
  EXPECT_THAT(std::string(core::as_text(bytes).substr(0, 128)), StartsWith("MATLAB 7.3 MAT-file, Platform: "));
  EXPECT_EQ(core::as_text(bytes).substr(512, 9), std::string_view("\x89HDF\r\n\x1a\n\0", 9));  // superblock 0
  const auto labeled = list_samples(files_, Source::kCuhk03, root_ / "raw");
  const auto detected = list_samples(files_, Source::kCuhk03Detected, root_ / "raw");
  std::map<std::int64_t, std::set<std::int64_t>> cameras;
  std::set<std::int64_t> pairs;
  std::map<int, std::set<std::int64_t>> tested;
  for (const Sample& sample : labeled) {
    cameras[sample.identity].insert(sample.camera);
    pairs.insert((sample.camera + 1) / 2);
    for (int k = 0; k < 64; ++k)
      if ((sample.test_sets >> k & 1) != 0) tested[k].insert(sample.identity);
  }
  EXPECT_THAT(pairs, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(cameras.size(), 23u);  // one identity has a single image
  EXPECT_EQ(std::ranges::count_if(cameras, [](const auto& seen) { return seen.second.size() == 1; }), 1);
  EXPECT_EQ(tested.size(), 20u);
  for (const auto& [set, identities] : tested) EXPECT_EQ(identities.size(), 11u) << set;
  EXPECT_LT(labeled.size(), 23u * 6 - 3);
  EXPECT_LT(detected.size(), 23u * 6 - 3);
  // Boxes of other sizes, images in one piece and compressed ones.
  const auto reader = open_raw(files_, Source::kCuhk03, root_ / "raw");
  std::set<std::string> hashes;
  std::size_t large = 0;
  for (const Sample& sample : detected) {
    const core::Bytes image = reader->read(sample.path);
    hashes.insert(core::sha256_hex(image));
    large += image.size() > 4200;
  }
  EXPECT_EQ(hashes.size(), detected.size());
  for (const Sample& sample : labeled) hashes.insert(core::sha256_hex(reader->read(sample.path)));
  EXPECT_GT(hashes.size(), detected.size() + labeled.size() / 2);
  EXPECT_GT(large, 5u);
  EXPECT_LT(large, detected.size() - 5);
}

TEST_F(Cuhk03, a_stand_in_that_its_layout_cannot_have_is_refused) {
  const auto refusal_of = [&](const StandInSettings& options) -> std::string {
    try {
      write_stand_in(files_, root_ / "raw", options);
    } catch (const core::RuntimeError& error) {
      return error.what();
    }
    return "made";
  };
  StandInSettings options = small_stand_in(false);
  options.cameras = 3;
  EXPECT_EQ(refusal_of(options), "cameras of a stand-in for 'cuhk03' is 3 (its layout has 2); set it to 2");
  options.cameras = 2;
  options.images_per_camera = 6;
  EXPECT_THAT(refusal_of(options), StartsWith("images per camera of a stand-in for 'cuhk03' is 6"));
  options.images_per_camera = 5;
  options.identities = 4;
  EXPECT_THAT(refusal_of(options), StartsWith("identities of a stand-in for 'cuhk03' is 4"));
  EXPECT_FALSE(files_.exists(root_ / "raw"));
}

}  // namespace
}  // namespace resolute::datasets::cuhk03_test
