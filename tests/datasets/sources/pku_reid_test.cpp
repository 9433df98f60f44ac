#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets::pku_reid_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class PkuReid : public Scratch {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    for (const char* name : {"train/009/01_1.png", "train/009/02_8.png", "train/Thumbs.db", "val/004/01_2.png",
                             "val/004/02_3.png", "val/004/notes.txt", "README.md"})
      touch(name);
  }
};

TEST_F(PkuReid, lists_persons_cameras_and_subsets) {
  EXPECT_THAT(list_samples(files_, Source::kPkuReid, root_),
              ElementsAre(Sample{"train/009/01_1.png", 9, 1, "train"}, Sample{"train/009/02_8.png", 9, 2, "train"},
                          Sample{"val/004/01_2.png", 4, 1, "gallery"}, Sample{"val/004/02_3.png", 4, 2, "query"}));
}

TEST_F(PkuReid, wrong_image_names_are_refused) {
  for (const char* name : {"03_1.png", "00_1.png", "01_9.png", "01_0.png", "01_1_1.png", "011.png", "a1_1.png"}) {
    touch(std::string("train/009/") + name);
    EXPECT_THAT(refusal(Source::kPkuReid),
                HasSubstr(std::string("'train/009/") + name + "' is not a PKU-Reid image name"));
    files_.remove(root_ / "train/009" / name);
  }
}

TEST_F(PkuReid, wrong_folder_names_and_stray_images_are_refused) {
  touch("train/person9/01_1.png");
  EXPECT_THAT(refusal(Source::kPkuReid), HasSubstr("'train/person9' is not a PKU-Reid image name"));
  std::filesystem::remove_all(root_ / "train/person9");
  touch("val/01_1.png");
  EXPECT_THAT(refusal(Source::kPkuReid), HasSubstr("'val/01_1.png' is not a PKU-Reid image name"));
}

TEST_F(PkuReid, empty_and_missing_folders_are_refused) {
  std::filesystem::create_directories(root_ / "train/010");
  EXPECT_THAT(refusal(Source::kPkuReid), HasSubstr("folder 'ROOT/train/010' has no images in it"));
  std::filesystem::remove_all(root_ / "train");
  EXPECT_THAT(refusal(Source::kPkuReid), HasSubstr("folder 'train' is missing in 'ROOT'"));
  std::filesystem::create_directories(root_ / "train");
  EXPECT_THAT(refusal(Source::kPkuReid), HasSubstr("folder 'ROOT/train' has no persons in it"));
}

TEST_F(PkuReid, two_names_of_one_image_are_refused) {
  touch("train/009/2_8.png");
  EXPECT_EQ(refusal(Source::kPkuReid),
            "'train/009/02_8.png' and 'train/009/2_8.png' are one image by their names; take one of them out");
  files_.remove(root_ / "train/009/2_8.png");
  touch("train/9/01_1.png");
  EXPECT_THAT(refusal(Source::kPkuReid), StartsWith("'train/009/01_1.png' and 'train/9/01_1.png' are one image"));
}

TEST_F(PkuReid, a_person_in_both_folders_is_refused) {
  touch("val/009/01_3.png");
  EXPECT_THAT(refusal(Source::kPkuReid),
              StartsWith("identity 9 is both in training ('train/009/01_1.png') and in test ('val/009/01_3.png')"));
}

TEST_F(PkuReid, names_of_other_bytes_are_shown_as_text) {
  touch("train/009/01_2\x07.png");
  EXPECT_THAT(refusal(Source::kPkuReid), StartsWith("'train/009/01_2?.png' is not a PKU-Reid image name"));
  files_.remove(root_ / "train/009/01_2\x07.png");
  touch("val/\xe4/01_2.png");
  EXPECT_THAT(refusal(Source::kPkuReid), StartsWith("'val/?' is not a PKU-Reid image name"));
}

TEST_F(PkuReid, a_file_in_place_of_a_folder_is_refused) {
  touch("val/010");
  EXPECT_THAT(refusal(Source::kPkuReid), StartsWith("cannot list 'ROOT/val/010'"));
}

TEST_F(PkuReid, an_irregular_stand_in_has_gaps_and_a_person_whom_one_camera_saw) {
  write_stand_in(files_, root_ / "made",
                 {{.identities = 4, .images_per_camera = 2, .height = 32, .width = 16}, Source::kPkuReid, true});
  std::vector<std::string> paths;
  for (const Sample& sample : list_samples(files_, Source::kPkuReid, root_ / "made")) paths.push_back(sample.path);
  EXPECT_THAT(paths, ElementsAre("train/001/01_1.png", "train/001/01_2.png", "train/001/02_2.png", "train/002/01_1.png",
                                 "train/002/01_2.png", "train/002/02_1.png", "train/002/02_2.png", "val/004/01_1.png",
                                 "val/004/01_2.png", "val/004/02_1.png", "val/004/02_2.png", "val/005/01_1.png",
                                 "val/005/01_2.png"));
}

TEST_F(PkuReid, a_stand_in_has_two_cameras_and_at_most_eight_orientations) {
  for (const auto& [options, message] : std::initializer_list<std::pair<SyntheticSettings, std::string>>{
           {{.cameras = 6}, "cameras of a stand-in for 'pku-reid' is 6 (its layout has 2); set it to 2"},
           {{.images_per_camera = 9},
            "images per camera of a stand-in for 'pku-reid' is 9 (its layout has 2 to 8); choose one of these"}})
    try {
      write_stand_in(files_, root_ / "made", {options, Source::kPkuReid});
      ADD_FAILURE() << message;
    } catch (const core::RuntimeError& error) {
      EXPECT_EQ(error.what(), message);
    }
}

TEST_F(PkuReid, a_person_with_one_image_is_refused) {
  touch("train/011/02_1.png");
  EXPECT_THAT(refusal(Source::kPkuReid), HasSubstr("identity 11 has only one image, 'train/011/02_1.png'"));
}

}  // namespace
}  // namespace resolute::datasets::pku_reid_test
