#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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
  EXPECT_THAT(list_samples(files_, "pku-reid", root_),
              ElementsAre(Sample{"train/009/01_1.png", 9, 1, "train"}, Sample{"train/009/02_8.png", 9, 2, "train"},
                          Sample{"val/004/01_2.png", 4, 1, "gallery"}, Sample{"val/004/02_3.png", 4, 2, "query"}));
}

TEST_F(PkuReid, wrong_image_names_are_refused) {
  for (const char* name : {"03_1.png", "00_1.png", "01_9.png", "01_0.png", "01_1_1.png", "011.png", "a1_1.png"}) {
    touch(std::string("train/009/") + name);
    EXPECT_THAT(refusal("pku-reid"), HasSubstr(std::string("'train/009/") + name + "' is not a PKU-Reid image name"));
    files_.remove(root_ / "train/009" / name);
  }
}

TEST_F(PkuReid, wrong_folder_names_and_stray_images_are_refused) {
  touch("train/person9/01_1.png");
  EXPECT_THAT(refusal("pku-reid"), HasSubstr("'train/person9' is not a PKU-Reid image name"));
  std::filesystem::remove_all(root_ / "train/person9");
  touch("val/01_1.png");
  EXPECT_THAT(refusal("pku-reid"), HasSubstr("'val/01_1.png' is not a PKU-Reid image name"));
}

TEST_F(PkuReid, empty_and_missing_folders_are_refused) {
  std::filesystem::create_directories(root_ / "train/010");
  EXPECT_THAT(refusal("pku-reid"), HasSubstr("folder 'ROOT/train/010' has no images in it"));
  std::filesystem::remove_all(root_ / "train");
  EXPECT_THAT(refusal("pku-reid"), HasSubstr("folder 'train' is missing in 'ROOT'"));
  std::filesystem::create_directories(root_ / "train");
  EXPECT_THAT(refusal("pku-reid"), HasSubstr("folder 'ROOT/train' has no persons in it"));
}

TEST_F(PkuReid, a_person_with_one_image_is_refused) {
  touch("train/011/02_1.png");
  EXPECT_THAT(refusal("pku-reid"), HasSubstr("identity 11 has only one image, 'train/011/02_1.png'"));
}

}  // namespace
}  // namespace resolute::datasets
