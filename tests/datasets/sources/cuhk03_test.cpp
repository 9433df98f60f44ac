// A folder as script/cuhk03_images makes it. What the script reads of MATLAB's file:
// tests/script/cuhk03_images_test.py.
#include <algorithm>
#include <map>
#include <set>

#include "core/files/json.h"
#include "datasets/image/image.h"
#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets::cuhk03_test {
namespace {

using core::Json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class Cuhk03 : public Scratch {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    write(small_list());
  }
  //! Pair 1: seen by both cameras twice, by the second one alone, once. Pair 4: nobody.
  static Json small_list() {
    return {{"schema", 1},
            {"identities", {3, 1, 2, 1, 1}},
            {"test_sets", Json::parse("[[[1, 1], [5, 1]], [[2, 1], [1, 3]], [[1, 1], [4, 1]]]")},
            {"labeled",
             {"1_001_1_01.png", "1_001_1_02.png", "1_001_2_06.png", "1_001_2_10.png", "1_002_2_07.png",
              "1_002_2_08.png", "1_003_1_04.png", "2_001_1_03.png", "2_001_2_06.png", "3_001_1_01.png",
              "3_001_2_06.png", "3_002_1_02.png", "3_002_2_09.png", "5_001_1_05.png", "5_001_2_10.png"}},
            {"detected",
             {"1_001_1_01.png", "1_001_2_06.png", "1_001_2_10.png", "1_002_2_07.png", "1_002_2_08.png",
              "1_003_1_04.png", "1_003_2_06.png", "2_001_2_06.png", "3_001_1_01.png", "3_001_2_06.png",
              "3_002_1_02.png", "3_002_2_09.png", "5_001_1_05.png", "5_001_2_10.png"}}};
  }
  //! Other pixels for another name.
  static Image image_of(const std::string& path) {
    Image image = make_image(4 + path[path.size() - 5] % 5, 3 + path.front() % 4);
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
      image.pixels[i] = static_cast<std::uint8_t>(i * 7 + std::hash<std::string>()(path));
    return image;
  }
  fs::path list() const { return root_ / "cuhk-03.json"; }
  //! The list and what images it names.
  void write(const Json& contents) {
    for (const char* boxes : {"labeled", "detected"})
      for (const std::string name : contents.at(boxes)) {
        const std::string path = fmt::format("images_{}/{}", boxes, name);
        core::replace_unsynced(files_, root_ / path, core::as_text(encode_png(image_of(path))));
      }
    core::replace_unsynced(files_, list(), contents.dump());
  }
  //! What is said of the list after a change of it.
  template <class Change>
  std::string refusal_after(const Change& change) {
    Json contents = small_list();
    change(contents);
    core::replace_unsynced(files_, list(), contents.dump());
    return refusal(Source::kCuhk03);
  }
};

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

TEST_F(Cuhk03, images_are_read_as_ppm) {
  const auto reader = open_raw(files_, Source::kCuhk03, root_);
  for (const Source source : {Source::kCuhk03, Source::kCuhk03Detected})
    for (const Sample& sample : list_samples(files_, source, root_)) {
      const std::string file = fmt::format("images_{}.png", sample.path.substr(0, sample.path.size() - 4));
      const Image image = image_of(file);
      const core::Bytes bytes = reader->read(sample.path);
      EXPECT_EQ(decode_image(bytes, sample.path), image) << sample.path;
      EXPECT_THAT(std::string(core::as_text(bytes)),
                  StartsWith(fmt::format("P6\n{} {}\n255\n", image.width, image.height)));
      EXPECT_EQ(reader->place(sample.path), root_ / file);
    }
  EXPECT_THROW(reader->read("labeled/1_003_1_01.ppm"), core::RuntimeError);
}

TEST_F(Cuhk03, the_parent_of_its_folder_will_do) {
  const auto expected = list_samples(files_, Source::kCuhk03, root_);
  fs::create_directories(root_ / "data/cuhk03_release");
  for (const char* name : {"cuhk-03.json", "images_labeled", "images_detected"})
    fs::rename(root_ / name, root_ / "data/cuhk03_release" / name);
  EXPECT_EQ(list_samples(files_, Source::kCuhk03, root_ / "data"), expected);
  EXPECT_EQ(list_samples(files_, Source::kCuhk03, root_ / "data/cuhk03_release"), expected);
}

// The set as its authors send it, by its folder, that folder's parent or the file.
TEST_F(Cuhk03, the_file_itself_is_refused_with_the_command_that_helps) {
  fs::remove(list());
  EXPECT_EQ(
      refusal(Source::kCuhk03),
      "file 'cuhk-03.json' is missing in 'ROOT' (script/cuhk03_images makes it of 'cuhk-03.mat'); name the folder "
      "that holds it");
  touch("cuhk03_release/cuhk-03.mat");
  for (const char* root : {"cuhk03_release/cuhk-03.mat", "cuhk03_release", ""})
    EXPECT_EQ(
        refusal_at(Source::kCuhk03Detected, root_ / root),
        "'ROOT/cuhk03_release/cuhk-03.mat' is not read itself (its images are read as files, which 'cuhk-03.json' "
        "beside it lists); run: script/cuhk03_images 'ROOT/cuhk03_release/cuhk-03.mat'")
        << root;
}

TEST_F(Cuhk03, every_truncation_of_the_list_is_refused) {
  const std::string whole = small_list().dump();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    core::replace_unsynced(files_, list(), std::string_view(whole).substr(0, length));
    const std::string message = refusal(Source::kCuhk03);
    EXPECT_THAT(message, StartsWith("'ROOT/cuhk-03.json': not JSON (")) << length;
    EXPECT_THAT(message, testing::EndsWith("; run script/cuhk03_images again")) << length;
  }
}

TEST_F(Cuhk03, an_image_that_is_listed_and_not_there_is_refused) {
  fs::remove(root_ / "images_detected/3_001_2_06.png");
  EXPECT_EQ(list_samples(files_, Source::kCuhk03, root_).size(), 14U);  // of the other boxes
  EXPECT_EQ(
      refusal(Source::kCuhk03Detected),
      "image 'ROOT/images_detected/3_001_2_06.png' is missing ('cuhk-03.json' lists it); run script/cuhk03_images "
      "again");
  fs::remove_all(root_ / "images_labeled");
  EXPECT_THAT(refusal(Source::kCuhk03), StartsWith("image 'ROOT/images_labeled/1_001_1_01.png' is missing"));
}

TEST_F(Cuhk03, a_list_of_something_else_is_refused) {
  const auto wrong = [](const std::string& why) {
    return fmt::format("'ROOT/cuhk-03.json': no list of CUHK03's images ({}); run script/cuhk03_images again", why);
  };
  EXPECT_EQ(refusal_after([](Json& json) { json["schema"] = 2; }), wrong("it has schema 2, 1 is known"));
  for (const char* counts : {"[3, 1, 2, 1]", "[3, 1, 2, 1, 1, 1]", "[3, 1, 2, 1, -1]", "[10001, 1, 2, 1, 1]"})
    EXPECT_EQ(refusal_after([&](Json& json) { json["identities"] = Json::parse(counts); }),
              wrong("each of 5 pairs has 0 to 10000 identities"));
  for (const char* tested : {"[0, 1]", "[6, 1]", "[1, 0]", "[1, 4]", "[1]", "[1, 1, 1]"})
    EXPECT_EQ(refusal_after([&](Json& json) { json["test_sets"][1][0] = Json::parse(tested); }),
              wrong(fmt::format("test set 2 has {}, no pair and identity", tested)));
  for (const char* name : {"1_001_2_01.png", "1_1_1_01.png", "0_001_1_01.png", "6_001_1_01.png", "1_000_1_01.png",
                           "1_004_1_01.png", "1_001_1_00.png", "1_001_2_11.png", "1_001_1_01.ppm", "1_001_1_01.png ",
                           "../1_001_1_01.png", "4294967297_001_1_01.png", ""})
    EXPECT_EQ(refusal_after([&](Json& json) { json["labeled"][0] = name; }),
              wrong(fmt::format("'{}' is no image of it", name)));
  EXPECT_EQ(refusal_after([](Json& json) { json["labeled"][1] = "1_001_1_01.png"; }),
            wrong("'1_001_1_01.png' is out of order"));
  EXPECT_EQ(refusal_after([](Json& json) { json["test_sets"][0] = Json::parse("[[4, 1], [1, 3]]"); }),
            wrong("its first test set leaves no identity with two images for the test"));
  EXPECT_EQ(refusal_after([](Json& json) {
              json["labeled"] = {"1_001_1_01.png", "1_001_1_02.png", "1_001_2_06.png"};
            }),
            wrong("its first test set leaves no identity with two images for training"));
  EXPECT_EQ(refusal_after([](Json& json) { json["test_sets"] = std::vector<Json>(65, Json::array()); }),
            wrong("65 test sets, over 64"));
  for (const char* key : {"schema", "identities", "test_sets", "labeled", "detected"}) {
    EXPECT_THAT(refusal_after([&](Json& json) { json.erase(key); }),
                HasSubstr(fmt::format("key '{}' is missing", key)));
    EXPECT_THAT(refusal_after([&](Json& json) { json[key] = Json::object(); }),
                HasSubstr(fmt::format("key '{}' has the value", key)));
  }
  EXPECT_THAT(refusal_after([](Json& json) { json["other"] = 1; }), HasSubstr("unknown key 'other'"));
}

TEST_F(Cuhk03, sixty_four_test_sets_have_a_bit_each) {
  Json contents = small_list();
  contents["test_sets"] = std::vector<Json>(64, contents["test_sets"][0]);
  write(contents);
  EXPECT_EQ(list_samples(files_, Source::kCuhk03, root_)[0].test_sets, ~std::uint64_t{0});
}

StandInSettings small_stand_in(bool irregular) {
  return {{.identities = 24, .images_per_camera = 3, .height = 56, .width = 28, .seed = 5}, Source::kCuhk03, irregular};
}

// Identities count over the pairs in order, in the stand-in as in its listing.
TEST_F(Cuhk03, the_stand_in_holds_the_images_as_they_are_rendered) {
  for (const bool irregular : {false, true}) {
    const StandInSettings options = small_stand_in(irregular);
    const fs::path raw = root_ / (irregular ? "irregular" : "regular");
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
  const auto reader = open_raw(files_, Source::kCuhk03, root_ / "raw");
  std::set<std::string> hashes;
  for (const Sample& sample : detected) hashes.insert(core::sha256_hex(reader->read(sample.path)));
  EXPECT_EQ(hashes.size(), detected.size());
  for (const Sample& sample : labeled) hashes.insert(core::sha256_hex(reader->read(sample.path)));
  EXPECT_GT(hashes.size(), detected.size() + labeled.size() / 2);  // boxes of other sizes
}

TEST_F(Cuhk03, a_stand_in_that_its_layout_cannot_have_is_refused) {
  const auto refusal_of = [&](const StandInSettings& options) {
    return tests::refusal([&] { write_stand_in(files_, root_ / "raw", options); });
  };
  StandInSettings options = small_stand_in(false);
  options.cameras = 3;
  EXPECT_EQ(refusal_of(options), "key 'cameras' has the value 3 (a stand-in for 'cuhk03' has 2); set it to 2");
  options.cameras = 2;
  options.images_per_camera = 6;
  EXPECT_THAT(refusal_of(options),
              StartsWith("key 'images_per_camera' has the value 6 (a stand-in for 'cuhk03' has 2 to 5)"));
  options.images_per_camera = 5;
  options.identities = 4;
  EXPECT_THAT(refusal_of(options),
              StartsWith("key 'identities' has the value 4 (a stand-in for 'cuhk03' has 5 to 9999)"));
  EXPECT_FALSE(files_.exists(root_ / "raw"));
}

}  // namespace
}  // namespace resolute::datasets::cuhk03_test
