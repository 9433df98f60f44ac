#include <algorithm>
#include <map>
#include <set>

#include "core/hash/sha256.h"
#include "datasets/split/split.h"
#include "tests/datasets/sources/scratch.h"
#include "tests/support/forwarding_file_system.h"

namespace resolute::datasets::market1501_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class Market1501 : public Scratch {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    for (const char* name : {"bounding_box_train/0002_c1s1_000451_03.jpg", "bounding_box_train/0002_c2s1_000776_01.jpg",
                             "bounding_box_train/Thumbs.db", "bounding_box_train/._0002_c1s1_000451_03.jpg",
                             "bounding_box_test/0000_c1s1_000151_01.jpg", "bounding_box_test/-1_c3s1_000401_03.jpg",
                             "bounding_box_test/0001_c1s1_001051_03.JPG", "bounding_box_test/0001_c6s3_001051_03.png",
                             "query/0001_c2s1_001051_00.bmp", "query/readme.txt", "readme.txt"})
      touch(name);
  }
};

// The real file system behind a listing in reverse order, as another machine's readdir may give it.
class Reversed final : public tests::ForwardingFileSystem {
 public:
  std::vector<std::string> list(const fs::path& folder) override {
    auto names = ForwardingFileSystem::list(folder);
    std::ranges::reverse(names);
    return names;
  }
};

TEST_F(Market1501, synthetic_images_are_listed_by_their_settings_as_in_their_folder) {
  StandInSettings settings = stand_in_settings(Source::kSynthetic);
  settings.identities = 5;  // two train
  settings.cameras = 3;
  settings.images_per_camera = 2;
  settings.height = 32;
  settings.width = 16;
  write_stand_in(files_, root_ / "synthetic", settings);
  EXPECT_EQ(list_samples(files_, Source::kSynthetic, root_ / "synthetic"), list_synthetic(settings));
}

TEST_F(Market1501, lists_images_by_path_with_distractors_and_without_junk) {
  EXPECT_THAT(list_samples(files_, Source::kMarket1501, root_),
              ElementsAre(Sample{"bounding_box_test/0000_c1s1_000151_01.jpg", 0, 1, "gallery"},
                          Sample{"bounding_box_test/0001_c1s1_001051_03.JPG", 1, 1, "gallery"},
                          Sample{"bounding_box_test/0001_c6s3_001051_03.png", 1, 6, "gallery"},
                          Sample{"bounding_box_train/0002_c1s1_000451_03.jpg", 2, 1, "train"},
                          Sample{"bounding_box_train/0002_c2s1_000776_01.jpg", 2, 2, "train"},
                          Sample{"query/0001_c2s1_001051_00.bmp", 1, 2, "query"}));
}

TEST_F(Market1501, does_not_depend_on_the_order_of_the_folder) {
  Reversed reversed;
  EXPECT_EQ(list_samples(reversed, Source::kMarket1501, root_), list_samples(files_, Source::kMarket1501, root_));
}

TEST_F(Market1501, is_what_synthetic_is_read_as) {
  EXPECT_EQ(list_samples(files_, Source::kSynthetic, root_), list_samples(files_, Source::kMarket1501, root_));
}

TEST_F(Market1501, near_misses_of_the_pattern_are_refused) {
  expect_names_refused(
      Source::kMarket1501, "query/", " is not a Market-1501 image name",
      {"0002_c0s1_000451_03.jpg", "0002_c1s1_000451_03_x.jpg", "0002_c1s1_000451.jpg", "_c1s1_000451_03.jpg",
       "-2_c1s1_000451_03.jpg", "-1_c1.jpg", "0002_C1s1_000451_03.jpg", "0002_c1s1_000451.jpg_03.jpg",
       "0002_c1s1_000451_03.jpg_3x.jpg", "0002_c1s1_000451_03.jpg.png.jpg", "0002_c1s1_000451_03.jpgjpg.jpg",
       "12345678901_c1s1_000451_03.jpg", "0002_c99999999999999999999s1_000451_03.jpg", "+2_c1s1_000451_03.jpg",
       " 0002_c1s1_000451_03.jpg", "0002_c1s1_000451_03\n.jpg", "0003_c1s1_000451_03\xff.jpg"});
}

// 24 of the published set do so, of identity 1488, distractors and junk.
TEST_F(Market1501, names_that_end_in_jpg_more_than_once_are_read) {
  const std::vector<Sample> before = list_samples(files_, Source::kMarket1501, root_);
  touch("bounding_box_test/-1_c4s6_022316_11.jpg.jpg");
  touch("bounding_box_test/0000_c1s6_023071_04.jpg.jpg");
  touch("bounding_box_test/1488_c1s6_009446_02.jpg.jpg");
  touch("query/1488_c2s6_014307_00.jpg.jpg.JPG");
  std::vector<Sample> expected = before;
  for (const Sample& more : {Sample{"bounding_box_test/0000_c1s6_023071_04.jpg.jpg", 0, 1, "gallery"},
                             Sample{"bounding_box_test/1488_c1s6_009446_02.jpg.jpg", 1488, 1, "gallery"},
                             Sample{"query/1488_c2s6_014307_00.jpg.jpg.JPG", 1488, 2, "query"}})
    expected.push_back(more);
  std::ranges::sort(expected, {}, &Sample::path);
  EXPECT_EQ(list_samples(files_, Source::kMarket1501, root_), expected);
}

TEST_F(Market1501, what_does_not_fit_is_refused) {
  expect_refused(
      Source::kMarket1501,
      {{"a wrong name is told the pattern",
        {"query/0003-c1.jpg"},
        "'query/0003-c1.jpg' is not a Market-1501 image name (expected IDENTITY_cCAMERAsSEQUENCE_FRAME_BOX.jpg, as "
        "0002_c1s1_000451_03.jpg); give the file its published name, or move a file that is not part of the data set "
        "out of the folder"},
       {"one image that ends in jpg once and twice",
        {"bounding_box_train/0002_c1s1_000451_03.jpg.jpg"},
        "'bounding_box_train/0002_c1s1_000451_03.jpg' and 'bounding_box_train/0002_c1s1_000451_03.jpg.jpg' are one "
        "image by their names; take one of them out"},
       {"an identity with one image",
        {"bounding_box_train/0009_c4s1_000451_03.jpg"},
        "identity 9 has only one image, 'bounding_box_train/0009_c4s1_000451_03.jpg' (a match needs two); add "
        "another image of it"},
       {"an identity in training and in test",
        {"bounding_box_train/0001_c4s1_000451_03.jpg"},
        HasSubstr("identity 1 is both in training ('bounding_box_train/0001_c4s1_000451_03.jpg') and in test "
                  "('bounding_box_test/0001_c1s1_001051_03.JPG')")},
       {"a distractor outside the gallery",
        {"query/0000_c1s1_000151_01.jpg"},
        HasSubstr("'query/0000_c1s1_000151_01.jpg' has identity 0")},
       {"two formats of one image",
        {"bounding_box_test/0001_c6s3_001051_03.jpg"},
        "'bounding_box_test/0001_c6s3_001051_03.jpg' and 'bounding_box_test/0001_c6s3_001051_03.png' are one image "
        "by their names; take one of them out"},
       {"one image with and without leading zeros",
        {"query/1_c2s1_1051_0.bmp"},
        StartsWith("'query/0001_c2s1_001051_00.bmp' and 'query/1_c2s1_1051_0.bmp' are")},
       {"a missing folder",
        {},
        "folder 'query' is missing in 'ROOT' (the layout is bounding_box_train, bounding_box_test, query); name the "
        "folder that holds them",
        {"query"}},
       {"an empty folder",
        {},
        HasSubstr("folder 'ROOT/bounding_box_train' has no images in it"),
        {"bounding_box_train/0002_c1s1_000451_03.jpg", "bounding_box_train/0002_c2s1_000776_01.jpg"}},
       {"a file in place of a folder", {"query"}, HasSubstr("cannot list 'ROOT/query'"), {"query"}}});
  EXPECT_THAT(refusal_at(Source::kMarket1501, root_ / "nowhere"), HasSubstr("folder 'ROOT/nowhere' does not exist"));
  touch("set.zip");
  for (const Source source : {Source::kMarket1501, Source::kViper, Source::kCsv, Source::kMsmt17})
    EXPECT_THAT(refusal_at(source, root_ / "set.zip"),
                testing::AllOf(HasSubstr("folder 'ROOT/set.zip' is a file ("),
                               testing::EndsWith("; unpack an archive, and name the folder "
                                                 "that holds its files")));
}

// One run tells of all that there is to mend.
TEST_F(Market1501, all_files_that_do_not_fit_are_named_at_once) {
  for (const char* name : {"query/0003-c1.jpg", "bounding_box_test/person.png", "query/0000_c1s1_000151_01.jpg",
                           "bounding_box_train/0002_c1s1_000451_03.jpg.jpg",
                           "bounding_box_train/0001_c4s1_000451_03.jpg", "bounding_box_train/0009_c4s1_000451_03.jpg"})
    touch(name);
  const auto named = [&] {
    std::vector<std::string> files;
    try {
      list_samples(files_, Source::kMarket1501, root_);
    } catch (const RefusedFiles& refused) {
      for (const RefusedFile& one : refused.named()) {
        files.push_back(one.file);
        EXPECT_THAT(one.problem, HasSubstr(one.file));
      }
    }
    return files;
  };
  EXPECT_THAT(named(), ElementsAre("bounding_box_test/person.png", "bounding_box_train/0002_c1s1_000451_03.jpg.jpg",
                                   "query/0000_c1s1_000151_01.jpg", "query/0003-c1.jpg",
                                   "bounding_box_train/0001_c4s1_000451_03.jpg"));
  EXPECT_THAT(refusal(Source::kMarket1501), testing::EndsWith("; 4 more files are refused"));
  // A person's single image shows once every name is right: a wrong one may be the other's.
  for (const std::string& file : named()) files_.remove(root_ / file);
  EXPECT_THAT(named(), ElementsAre("bounding_box_train/0009_c4s1_000451_03.jpg"));
}

// Copies made for torchvision's ImageFolder have a folder for each person.
TEST_F(Market1501, a_copy_with_a_folder_for_each_person_is_refused_with_the_layout) {
  touch("pytorch/train/0002/0002_c1s1_000451_03.jpg");
  EXPECT_THAT(
      refusal_at(Source::kMarket1501, root_ / "pytorch"),
      StartsWith("folder 'bounding_box_test' is missing in 'ROOT/pytorch' (the layout is bounding_box_train, "));
}

TEST_F(Market1501, what_is_left_out_is_counted) {
  touch("query/query/0001_c2s1_001051_00.bmp");  // unpacked twice
  touch("query/query/0001_c3s1_001051_00.bmp");
  touch("query/0001_c2s1_001052_00.AVIF");
  EXPECT_THAT(list_data_set(files_, Source::kMarket1501, root_).left_out,
              ElementsAre(testing::Pair("in folder 'query/query', which is not read", 2),
                          testing::Pair("junk (identity -1)", 1), testing::Pair("not named as an image", 3),
                          testing::Pair("pictures that are neither .jpg, .jpeg, .png nor .bmp", 1)));
}

// A query's box may be of the same frame as one of the gallery, and each junk image may be there twice.
TEST_F(Market1501, one_name_in_two_folders_is_two_images) {
  const std::size_t before = list_samples(files_, Source::kMarket1501, root_).size();
  touch("bounding_box_test/0001_c2s1_001051_00.jpg");
  touch("bounding_box_test/-1_c3s1_401_3.jpg");
  EXPECT_EQ(list_samples(files_, Source::kMarket1501, root_).size(), before + 1);
}

// 3,368 queries of all cameras against 15,913 gallery images, in small.
TEST_F(Market1501, its_usual_test_asks_with_all_queries_in_low_resolution) {
  write_stand_in(
      files_, root_ / "made",
      {{.identities = 6, .cameras = 3, .images_per_camera = 2, .height = 32, .width = 16}, Source::kMarket1501, true});
  std::vector<PackRow> rows;
  std::map<std::string, std::size_t> images;
  for (const Sample& sample : list_samples(files_, Source::kMarket1501, root_ / "made")) {
    rows.push_back({sample, 32, 16, core::sha256_hex(sample.path)});
    ++images[sample.subset];
  }
  const Split split = make_split(rows, "market", std::string(64, '0'),
                                 {.partition = Partition::kOfficial, .lr_camera = 1, .lr_side = LrSide::kQuery});
  // The last person was seen by one camera alone: its query has no match.
  EXPECT_EQ(split.query.size() + 1, images["query"]);
  EXPECT_EQ(split.gallery.size(), images["gallery"]);
  EXPECT_EQ(split.train.size(), images["train"]);
  std::set<std::int64_t> cameras;
  for (const QueryItem& item : split.query) cameras.insert(item.camera);
  EXPECT_EQ(cameras, (std::set<std::int64_t>{1, 2, 3}));
}

TEST_F(Market1501, an_irregular_stand_in_has_names_that_end_in_jpg_twice) {
  StandInSettings options{
      {.identities = 4, .images_per_camera = 2, .height = 32, .width = 16}, Source::kMarket1501, true};
  const auto doubled = [&](const char* name, const char* folder) {
    write_stand_in(files_, root_ / name, options);
    std::vector<std::string> found = files_.list(root_ / name / folder);
    std::erase_if(found, [](const std::string& image) { return !image.ends_with(".jpg.jpg"); });
    return found;
  };
  EXPECT_THAT(doubled("made", "bounding_box_test"),
              ElementsAre("-1_c1s1_000001_00.jpg.jpg", "0000_c1s1_000001_00.jpg.jpg", "0003_c1s1_000002_00.jpg.jpg",
                          "0003_c2s1_000002_00.jpg.jpg"));
  EXPECT_THAT(doubled("made", "query"), ElementsAre("0003_c1s1_000001_00.jpg.jpg", "0003_c2s1_000001_00.jpg.jpg"));
  EXPECT_THAT(doubled("made", "bounding_box_train"), ElementsAre());
  options.irregular = false;
  EXPECT_THAT(doubled("plain", "bounding_box_test"), ElementsAre());
}

}  // namespace
}  // namespace resolute::datasets::market1501_test
