#include <algorithm>
#include <map>

#include "datasets/samples/listing.h"
#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets::listed_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kTrain = "train_test_split/train_list.txt";
constexpr const char* kTest = "train_test_split/test_list_1200.txt";
const std::string kMark = "\xef\xbb\xbf";  // that Windows' editors put first

class Vru : public Scratch {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    for (const char* image : {"a1", "a2", "b1", "b2", "c1", "c2", "of_a_larger_test"})
      touch(folder_ + "Pic/" + image + ".jpg");
    touch(folder_ + "Pic/Thumbs.db");
    write(kTrain, "a1 0\nb2 7\na2 0\nb1 7\n");
    write(kTest, "c2 12\nc1 12\n");
    write("train_test_split/test_list_2400.txt", "c2 12\nc1 12\nof_a_larger_test 13\n");
  }
  void write(const std::string& path, const std::string& text) {
    touch(folder_ + path);
    std::ofstream(root_ / (folder_ + path), std::ios::binary) << text;
  }

  std::string folder_;  // below root_
};

// Vehicle 0 is one like others here; identity 0 is a distractor.
TEST_F(Vru, lists_train_and_the_smallest_test_with_identities_from_one) {
  EXPECT_THAT(list_samples(files_, Source::kVru, root_),
              ElementsAre(Sample{"Pic/a1.jpg", 1, 1, "train"}, Sample{"Pic/a2.jpg", 1, 1, "train"},
                          Sample{"Pic/b1.jpg", 8, 1, "train"}, Sample{"Pic/b2.jpg", 8, 1, "train"},
                          Sample{"Pic/c1.jpg", 13, 1, "gallery"}, Sample{"Pic/c2.jpg", 13, 1, "gallery"}));
}

TEST_F(Vru, lists_are_taken_as_any_editor_leaves_them) {
  const auto expected = list_samples(files_, Source::kVru, root_);
  for (const std::string& text :
       {std::string("a1 0\r\nb2  7\r\na2\t0\r\nb1 7"), kMark + "a1 0\nb2 7\na2 0\nb1 7\n",
        std::string("a1 0\nb2 7\na2 0\nb1 7\n\n \n"), kMark + "a1 0\r\nb2 7\r\na2 0\r\nb1 7\r\n\r\n"}) {
    write(kTrain, text);
    EXPECT_EQ(list_samples(files_, Source::kVru, root_), expected) << text;
  }
}

TEST_F(Vru, lines_that_do_not_fit_are_refused_with_their_place) {
  for (const char* line : {"b1", "b1 ", " 7", "", "b1 seven", "b1 7 8", "b1 -7", "b1 7.jpg", "b1 1234567890"}) {
    write(kTrain, std::string("a1 0\na2 0\n") + line + "\nb2 7\n");
    EXPECT_THAT(refusal(Source::kVru),
                StartsWith(fmt::format("'{}', line 3: '{}' is not 'IMAGE VEHICLE' (", kTrain, line)));
  }
  write(kTrain, "a1 0\na2 0\nb\x01 7 \n");
  EXPECT_THAT(refusal(Source::kVru), HasSubstr("'b? 7 ' is not"));
}

TEST_F(Vru, images_that_are_missing_or_outside_of_pic_are_refused) {
  for (const char* image : {"b3", "b1.jpg", "../Pic/b1", "/etc/passwd", "Thumbs"}) {
    write(kTrain, fmt::format("a1 0\n{} 7\n", image));
    EXPECT_THAT(refusal(Source::kVru),
                StartsWith(fmt::format("'{}', line 2: image '{}' is not in 'ROOT/Pic'", kTrain, image)));
  }
}

TEST_F(Vru, an_image_in_two_lines_is_refused) {
  write(kTrain, "a1 0\na2 0\na1 7\n");
  EXPECT_EQ(refusal(Source::kVru),
            fmt::format("'{0}', line 3: image 'a1' is listed again (first in '{0}', line 1); take one "
                        "of the lines out",
                        kTrain));
  SetUp();
  write(kTest, "c1 12\nc2 12\na1 0\n");
  EXPECT_THAT(refusal(Source::kVru), HasSubstr(fmt::format("(first in '{}', line 1)", kTrain)));
}

TEST_F(Vru, a_vehicle_in_training_and_test_or_seen_once_is_refused) {
  write(kTest, "c1 7\nc2 7\n");
  EXPECT_THAT(refusal(Source::kVru),
              StartsWith("identity 8 is both in training ('Pic/b1.jpg') and in test ('Pic/c1.jpg')"));
  write(kTest, "c1 12\nc2 13\n");
  EXPECT_THAT(refusal(Source::kVru), StartsWith("identity 13 has only one image, 'Pic/c1.jpg'"));
}

TEST_F(Vru, two_images_of_one_name_are_refused) {
  touch("Pic/a1.png");
  EXPECT_THAT(refusal(Source::kVru), StartsWith("'Pic/a1.jpg' and 'Pic/a1.png' have one name"));
}

// Names are free in this layout, but not what could not stand in a manifest.
TEST_F(Vru, listed_names_that_are_no_plain_text_are_refused) {
  for (const char* name : {"a\x01z", "a\xffz", "a\xc0\xafz", "a\xed\xa0\x80z", "a\xc2\x9bz", "a\\z"}) {
    touch(std::string("Pic/") + name + ".jpg");
    write(kTrain, fmt::format("a1 0\na2 0\n{} 0\n", name));
    const std::string message = refusal(Source::kVru);
    EXPECT_THAT(message, testing::MatchesRegex("'Pic/a.*z\\.jpg' cannot stand in a manifest \\(.*\\); rename it"));
    EXPECT_EQ(sources::printable(message), message);
    files_.remove(root_ / "Pic" / (std::string(name) + ".jpg"));
  }
  touch("Pic/a\u00e9\u4e2d.jpg");
  write(kTrain, "a1 0\na2 0\na\u00e9\u4e2d 0\n");
  EXPECT_THAT(list_samples(files_, Source::kVru, root_),
              testing::Contains(Sample{"Pic/a\u00e9\u4e2d.jpg", 1, 1, "train"}));
}

TEST_F(Vru, a_folder_in_place_of_a_list_is_refused) {
  files_.remove(root_ / kTest);
  fs::create_directory(root_ / kTest);
  EXPECT_THAT(refusal(Source::kVru), StartsWith(fmt::format("cannot read 'ROOT/{}'", kTest)));
}

TEST_F(Vru, an_irregular_stand_in_has_an_image_in_no_list) {
  write_stand_in(
      files_, root_ / "made",
      {{.identities = 5, .cameras = 1, .images_per_camera = 3, .height = 32, .width = 16}, Source::kVru, true});
  std::map<std::int64_t, std::string> subsets;
  const auto samples = list_samples(files_, Source::kVru, root_ / "made");
  for (const Sample& sample : samples) subsets[sample.identity] += sample.subset[0];
  using P = std::pair<const std::int64_t, std::string>;
  EXPECT_THAT(subsets, ElementsAre(P{1, "ttt"}, P{2, "ttt"}, P{3, "ggg"}, P{4, "ggg"}, P{5, "ggg"}));
  EXPECT_TRUE(files_.exists(root_ / "made/Pic/unlisted.jpg"));
  const auto lines = [&](const std::string& list) {
    const std::string text = core::read_text(files_, root_ / "made/train_test_split" / list);
    return std::ranges::count(text, '\n');
  };
  EXPECT_EQ(lines("train_list.txt"), 6);
  EXPECT_EQ(lines("test_list_1200.txt"), 9);
  EXPECT_EQ(lines("test_list_2400.txt"), 12);
  EXPECT_EQ(lines("test_list_8000.txt"), 15);
}

TEST_F(Vru, missing_and_empty_parts_are_refused) {
  for (const std::string& empty : {std::string(), std::string("\n"), kMark + "\r\n"}) {
    write(kTest, empty);
    EXPECT_THAT(refusal(Source::kVru), StartsWith(fmt::format("file 'ROOT/{}' has no images in it", kTest)));
  }
  for (const char* list : {kTest, kTrain}) {
    files_.remove(root_ / list);
    EXPECT_THAT(refusal(Source::kVru), StartsWith(fmt::format("file '{}' is missing in 'ROOT'", list)));
  }
  fs::remove_all(root_ / "Pic");
  EXPECT_THAT(refusal(Source::kVru), StartsWith("folder 'Pic' is missing in 'ROOT'"));
}

// Training images that are a vehicle's only one teach nothing.
TEST_F(Vru, a_vehicle_that_trains_with_a_single_image_is_left_out_and_counted) {
  write(kTrain, "a1 0\nb2 7\na2 0\n");
  const Listing listing = list_data_set(files_, Source::kVru, root_);
  EXPECT_EQ(listing.samples.size(), 4U);
  EXPECT_EQ(listing.left_out.at("of people with a single image"), 1U);
}

class VehicleId : public Vru {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    for (const char* image : {"0000001", "0000002", "0000003", "0000004", "0000005", "0000006", "0000007"})
      touch(folder_ + "image/" + image + ".jpg");
    touch(folder_ + "attribute/model_attr.txt");
    write(kTrain, "0000001 0\n0000002 0\n");
    write("train_test_split/test_list_800.txt", "0000003 9\n0000004 9\n");
    write("train_test_split/test_list_1600.txt", "0000003 9\n0000004 9\n0000005 11\n0000006 11\n");
    write("train_test_split/test_list_13164.txt", "no list that is read");
  }
};

TEST_F(VehicleId, each_test_is_a_source) {
  EXPECT_THAT(
      list_samples(files_, Source::kVehicleId800, root_),
      ElementsAre(Sample{"image/0000001.jpg", 1, 1, "train"}, Sample{"image/0000002.jpg", 1, 1, "train"},
                  Sample{"image/0000003.jpg", 10, 1, "gallery"}, Sample{"image/0000004.jpg", 10, 1, "gallery"}));
  const Listing medium = list_data_set(files_, Source::kVehicleId1600, root_);
  EXPECT_EQ(medium.samples.size(), 6U);
  EXPECT_EQ(medium.left_out.at("in no list that is read"), 1U);
  EXPECT_THAT(
      refusal(Source::kVehicleId2400),
      StartsWith("file 'train_test_split/test_list_2400.txt' is missing in 'ROOT' (the layout is image/IMAGE.jp"));
}

TEST_F(VehicleId, the_folders_of_the_download_are_found_in_their_parent) {
  for (const char* name : {"VehicleID_V1.0/", "VehicleID/"}) {
    folder_ = name;
    SetUp();
    EXPECT_EQ(source_root(files_, Source::kVehicleId800, root_), root_ / fs::path(name).parent_path());
    EXPECT_EQ(list_samples(files_, Source::kVehicleId800, root_).size(), 4U);
  }
}

TEST_F(VehicleId, its_stand_in_has_larger_tests_with_more_vehicles) {
  write_stand_in(files_, root_ / "made",
                 {{.identities = 4, .cameras = 1, .images_per_camera = 2, .height = 32, .width = 16},
                  Source::kVehicleId800,
                  true});
  for (const auto& [source, images] : {std::pair(Source::kVehicleId800, 8U), std::pair(Source::kVehicleId1600, 10U),
                                       std::pair(Source::kVehicleId2400, 12U)})
    EXPECT_EQ(list_samples(files_, source, root_ / "made").size(), images) << settings::word(source);
}

class Msmt17 : public Scratch {
 protected:
  void SetUp() override { make("train", "test"); }
  void make(const std::string& train, const std::string& test) {
    Scratch::SetUp();
    for (const char* image : {"0000/0000_000_01_0303morning_0008_0_ex.jpg", "0000/0000_001_15_0303noon_0009_1.jpg",
                              "0001/0001_000_02_0303morning_0001_0.jpg", "0001/0001_001_03_0303morning_0002_0.jpg",
                              "0001/0001_002_03_0303morning_0003_0.jpg", "0001/Thumbs.db"})
      touch(train + "/" + image);
    for (const char* image : {"0000/0000_000_01_0302morning_0001_0.jpg", "0000/0000_001_14_0302morning_0002_0_ex.jpg"})
      touch(test + "/" + image);
    write("list_train.txt",
          "0000/0000_000_01_0303morning_0008_0_ex.jpg 0\n0000/0000_001_15_0303noon_0009_1.jpg 0\n"
          "0001/0001_000_02_0303morning_0001_0.jpg 1\n");
    write("list_val.txt", "0001/0001_001_03_0303morning_0002_0.jpg 1\n");
    write("list_query.txt", "0000/0000_000_01_0302morning_0001_0.jpg 0\n");
    write("list_gallery.txt", "0000/0000_001_14_0302morning_0002_0_ex.jpg 0\n");
  }
  void write(const std::string& path, const std::string& text) {
    touch(path);
    std::ofstream(root_ / path, std::ios::binary) << text;
  }
  std::vector<Sample> listed(const std::string& train, const std::string& test) {
    return {{test + "/0000/0000_000_01_0302morning_0001_0.jpg", 3, 1, "query"},
            {test + "/0000/0000_001_14_0302morning_0002_0_ex.jpg", 3, 14, "gallery"},
            {train + "/0000/0000_000_01_0303morning_0008_0_ex.jpg", 1, 1, "train"},
            {train + "/0000/0000_001_15_0303noon_0009_1.jpg", 1, 15, "train"},
            {train + "/0001/0001_000_02_0303morning_0001_0.jpg", 2, 2, "train"},
            {train + "/0001/0001_001_03_0303morning_0002_0.jpg", 2, 3, "train"}};
  }
};

// Validation images are of training people. People count from 0, and anew in the test.
TEST_F(Msmt17, both_versions_are_read_by_their_lists_with_numbers_that_go_on) {
  const Listing listing = list_data_set(files_, Source::kMsmt17, root_);
  EXPECT_EQ(listing.samples, listed("train", "test"));
  EXPECT_EQ(listing.left_out.at("in no list that is read"), 1U);
  write("list_val.txt", kMark + "0001/0001_001_03_0303morning_0002_0.jpg 1\r\n\r\n");
  EXPECT_EQ(list_samples(files_, Source::kMsmt17, root_), listed("train", "test"));
  make("mask_train_v2", "mask_test_v2");
  EXPECT_EQ(list_samples(files_, Source::kMsmt17, root_), listed("mask_train_v2", "mask_test_v2"));
}

// What macOS packs beside a folder has names of images and of lists, and is nobody's.
TEST_F(Msmt17, what_macos_leaves_is_passed_over) {
  for (const char* path : {"__MACOSX/list_train.txt", "__MACOSX/train/0000/0000_009_01_0303morning_0008_0.jpg",
                           "train/0000/._0000_000_01_0303morning_0008_0_ex.jpg", "._list_train.txt", "train/.DS_Store"})
    touch(path);
  EXPECT_EQ(list_samples(files_, Source::kMsmt17, root_), listed("train", "test"));
}

TEST_F(Msmt17, the_folder_of_a_version_is_found_in_its_parent_and_two_are_refused) {
  fs::create_directory(root_ / "parent");
  for (const char* part : {"train", "test", "list_train.txt", "list_val.txt", "list_query.txt", "list_gallery.txt"}) {
    fs::create_directories(root_ / "parent/MSMT17_V2");
    fs::rename(root_ / part, root_ / "parent/MSMT17_V2" / part);
  }
  touch("parent/__MACOSX/MSMT17_V2/._train");
  EXPECT_EQ(list_samples(files_, Source::kMsmt17, root_ / "parent"), listed("train", "test"));
  fs::create_directory(root_ / "parent/MSMT17_V1");
  EXPECT_EQ(refusal_at(Source::kMsmt17, root_ / "parent"),
            "folder 'ROOT/parent' holds 'MSMT17_V1' and 'MSMT17_V2' (source 'msmt17' reads one of them); name that "
            "folder");
}

TEST_F(Msmt17, lines_that_do_not_fit_are_refused_with_their_place) {
  for (const char* line : {"0000/0000_000_01_0303morning_0008_0_ex.jpg", "0000/0000_000_01_0303morning_0008_0_ex.jpg x",
                           "0000_000_01_0303morning_0008_0_ex.jpg 0", "0000/0000_000_00_0303morning_0008_0_ex.jpg 0",
                           "0000/0000_000_16_0303morning_0008_0_ex.jpg 0", "0000/0000_c1_0008.jpg 0",
                           "../0000_000_01_x.jpg 0", "0000/0000_000_01.jpg 0", "path,identity,camera"}) {
    write("list_val.txt", fmt::format("{}\n", line));
    EXPECT_THAT(refusal(Source::kMsmt17),
                StartsWith(fmt::format("'list_val.txt', line 1: '{}' is not 'PERSON/IMAGE PERSON' (as '0000/", line)));
  }
  for (const char* image : {"0007/0007_000_01_0303morning_0008_0.jpg", "0000/0000_000_01_x/../../../list_train.txt"}) {
    write("list_val.txt", fmt::format("{} 0\n", image));
    EXPECT_THAT(refusal(Source::kMsmt17), StartsWith("'list_val.txt', line 1: image '"));
  }
  write("list_val.txt", "0001/0001_000_02_0303morning_0001_0.jpg 1\r\n");
  EXPECT_THAT(refusal(Source::kMsmt17), HasSubstr("is listed again (first in 'list_train.txt', line 3)"));
}

TEST_F(Msmt17, a_folder_of_two_people_and_a_person_of_two_folders_are_refused) {
  const std::string zero = "0000/0000_000_01_0303morning_0008_0_ex.jpg",
                    one = "0001/0001_000_02_0303morning_0001_0.jpg";
  write("list_val.txt", "0001/0001_001_03_0303morning_0002_0.jpg 2\n");
  EXPECT_EQ(refusal(Source::kMsmt17),
            "'list_val.txt', line 1: folder 'train/0001' is of person 2 (it is of person 1 in 'list_train.txt', line "
            "3); unpack lists and images of one version again");
  SetUp();
  write("list_val.txt", "0001/0001_001_03_0303morning_0002_0.jpg 0\n");
  EXPECT_THAT(refusal(Source::kMsmt17), HasSubstr("(it is of person 1 in 'list_train.txt', line 3)"));
  SetUp();
  write("list_train.txt", fmt::format("{} 1\n", zero));
  write("list_val.txt", fmt::format("{} 1\n", one));
  EXPECT_EQ(refusal(Source::kMsmt17),
            "'list_val.txt', line 1: folder 'train/0001' is of person 1 (that person has 'train/0000' in "
            "'list_train.txt', line 1); unpack lists and images of one version again");
  SetUp();
  write("list_gallery.txt", "0000/0000_001_14_0302morning_0002_0_ex.jpg 5\n");
  EXPECT_THAT(refusal(Source::kMsmt17), HasSubstr("folder 'test/0000' is of person 5 (it is of person 0 in"));
}

TEST_F(Msmt17, people_may_have_other_numbers_than_their_folders) {
  write("list_val.txt", "0001/0001_001_03_0303morning_0002_0.jpg 9\n");
  write("list_train.txt",
        "0000/0000_000_01_0303morning_0008_0_ex.jpg 4\n0000/0000_001_15_0303noon_0009_1.jpg 4\n"
        "0001/0001_000_02_0303morning_0001_0.jpg 9\n");
  std::set<std::int64_t> people;
  for (const Sample& sample : list_samples(files_, Source::kMsmt17, root_)) people.insert(sample.identity);
  EXPECT_EQ(3U, people.size());
}

TEST_F(Msmt17, parts_that_are_missing_or_there_twice_are_refused) {
  // Many ask for the lists, which downloads of others lack.
  files_.remove(root_ / "list_gallery.txt");
  EXPECT_EQ(refusal(Source::kMsmt17),
            "file 'list_gallery.txt' is missing in 'ROOT' (the layout is train and test, or mask_train_v2 and "
            "mask_test_v2, and list_{train,val,query,gallery}.txt); name the folder that holds them");
  touch("mask_test_v2/0000/0000_000_01_0302morning_0001_0.jpg");
  EXPECT_THAT(refusal(Source::kMsmt17),
              StartsWith("'ROOT' has the folders of two versions of MSMT17 ('train', 'test' and"));
  fs::remove_all(root_ / "train");
  fs::remove_all(root_ / "test");
  EXPECT_THAT(refusal(Source::kMsmt17), StartsWith("folder 'mask_train_v2' is missing in 'ROOT' ("));
}

TEST_F(Msmt17, a_stand_in_is_of_version_1_and_an_irregular_one_of_version_2) {
  StandInSettings options = stand_in_settings(Source::kMsmt17);
  options.identities = 5;
  options.images_per_camera = 2;
  for (const bool irregular : {false, true}) {
    options.irregular = irregular;
    const fs::path made = root_ / (irregular ? "irregular" : "regular");
    write_stand_in(files_, made, options);
    std::map<std::int64_t, std::string> subsets;
    for (const Sample& sample : list_samples(files_, Source::kMsmt17, made))
      subsets[sample.identity] += sample.subset[0];
    for (auto& [identity, letters] : subsets) std::ranges::sort(letters);
    using P = std::pair<const std::int64_t, std::string>;
    EXPECT_THAT(subsets,
                ElementsAre(P{1, "tttt"}, P{2, "tttt"}, P{3, "ggqq"}, P{4, "ggqq"}, P{5, irregular ? "gq" : "ggqq"}));
    EXPECT_EQ(files_.exists(made / "mask_train_v2"), irregular);
    EXPECT_EQ(files_.exists(made / "__MACOSX"), irregular);
  }
}

}  // namespace
}  // namespace resolute::datasets::listed_test
