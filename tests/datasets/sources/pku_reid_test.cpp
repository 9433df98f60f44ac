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

// Its authors give it out so: one folder, and no word of which people train.
class ReleasedPkuReid : public Scratch {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    for (const char* name : {"001_01_1.png", "001_02_8.png", "114_01_3.png", "114_02_3.png", "Thumbs.db"})
      touch(std::string("PKUv1a_128x48/") + name);
  }
};

// `official` then trains on everybody and has no query, so it is refused.
TEST_F(ReleasedPkuReid, lists_persons_and_cameras_and_has_no_partition) {
  EXPECT_THAT(list_samples(files_, Source::kPkuReid, root_),
              ElementsAre(Sample{"PKUv1a_128x48/001_01_1.png", 1, 1, "train"},
                          Sample{"PKUv1a_128x48/001_02_8.png", 1, 2, "train"},
                          Sample{"PKUv1a_128x48/114_01_3.png", 114, 1, "train"},
                          Sample{"PKUv1a_128x48/114_02_3.png", 114, 2, "train"}));
}

TEST_F(ReleasedPkuReid, what_does_not_fit_is_refused) {
  expect_names_refused(
      Source::kPkuReid, "PKUv1a_128x48/", " is not a PKU-Reid image name",
      {"001_03_1.png", "000_01_1.png", "001_01_9.png", "001_01.png", "001_01_1_1.png", "c_01_1.png", "01_2.png"});
  expect_refused(Source::kPkuReid,
                 {{"two names of one image",
                   {"PKUv1a_128x48/1_1_1.png"},
                   "'PKUv1a_128x48/001_01_1.png' and 'PKUv1a_128x48/1_1_1.png' are one image by their names; take one "
                   "of them out"},
                  {"an empty folder", {"PKUv1a_128x48/"}, HasSubstr("has no images in it"), {"PKUv1a_128x48"}}});
}

TEST_F(PkuReid, what_does_not_fit_is_refused) {
  expect_names_refused(
      Source::kPkuReid, "train/009/", " is not a PKU-Reid image name",
      {"03_1.png", "00_1.png", "01_9.png", "01_0.png", "01_1_1.png", "011.png", "a1_1.png", "01_2\x07.png"});
  expect_refused(
      Source::kPkuReid,
      {{"a folder that is no number",
        {"train/person9/01_1.png"},
        StartsWith("'train/person9' is not a PKU-Reid image name")},
       {"a folder of other bytes", {"val/\xe4/01_2.png"}, StartsWith("'val/?' is not a PKU-Reid image name")},
       {"a stray image", {"val/01_1.png"}, StartsWith("'val/01_1.png' is not a PKU-Reid image name")},
       {"an empty person", {"train/010/"}, StartsWith("folder 'ROOT/train/010' has no images in it")},
       {"a missing folder", {}, StartsWith("folder 'train' is missing in 'ROOT'"), {"train"}},
       {"an empty folder", {"train/"}, StartsWith("folder 'ROOT/train' has no identities in it"), {"train"}},
       {"two names of one image",
        {"train/009/2_8.png"},
        "'train/009/02_8.png' and 'train/009/2_8.png' are one image by their names; take one of them out"},
       {"two names of one person",
        {"train/9/01_1.png"},
        StartsWith("'train/009/01_1.png' and 'train/9/01_1.png' are one image")},
       {"a person in both folders",
        {"val/009/01_3.png"},
        StartsWith("identity 9 is both in training ('train/009/01_1.png') and in test ('val/009/01_3.png')")},
       {"a person with one image",
        {"train/011/02_1.png"},
        StartsWith("identity 11 has only one image, 'train/011/02_1.png'")},
       {"a file in place of a folder", {"val/010"}, StartsWith("cannot list 'ROOT/val/010'")}});
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

}  // namespace
}  // namespace resolute::datasets::pku_reid_test
