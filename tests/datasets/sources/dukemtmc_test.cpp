#include <set>

#include "datasets/samples/listing.h"
#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets::dukemtmc_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class Dukemtmc : public Scratch {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    for (const char* name : {"bounding_box_train/0002_c1_f0044158.jpg", "bounding_box_train/0002_c8_f0044278.jpg",
                             "bounding_box_train/Thumbs.db", "bounding_box_test/0005_c2_f0047105.jpg",
                             "bounding_box_test/0005_c5_f0052185.JPG", "query/0005_c2_f0046985.jpg",
                             "query/._0005_c2_f0046985.jpg", "CITATION.txt"})
      touch(name);
  }
};

TEST_F(Dukemtmc, lists_images_by_path) {
  EXPECT_THAT(list_samples(files_, Source::kDukemtmc, root_),
              ElementsAre(Sample{"bounding_box_test/0005_c2_f0047105.jpg", 5, 2, "gallery"},
                          Sample{"bounding_box_test/0005_c5_f0052185.JPG", 5, 5, "gallery"},
                          Sample{"bounding_box_train/0002_c1_f0044158.jpg", 2, 1, "train"},
                          Sample{"bounding_box_train/0002_c8_f0044278.jpg", 2, 8, "train"},
                          Sample{"query/0005_c2_f0046985.jpg", 5, 2, "query"}));
}

// The set's own distractors: seen by one camera, asked for by nobody.
TEST_F(Dukemtmc, whom_one_camera_saw_and_nobody_asks_for_is_a_distractor) {
  for (const char* name : {"0009_c3_f0000001.jpg", "0010_c3_f0000001.jpg", "0010_c3_f0000121.jpg",
                           "0011_c3_f0000001.jpg", "0011_c4_f0000001.jpg"})
    touch(std::string("bounding_box_test/") + name);
  std::vector<std::pair<std::string, std::int64_t>> found;
  for (const Sample& sample : list_samples(files_, Source::kDukemtmc, root_))
    if (sample.path.starts_with("bounding_box_test/00") && sample.path > "bounding_box_test/0006")
      if (sample.subset == "gallery") found.emplace_back(sample.path.substr(18, 4), sample.identity);
  using P = std::pair<std::string, std::int64_t>;
  EXPECT_THAT(found, ElementsAre(P{"0009", 0}, P{"0010", 0}, P{"0010", 0}, P{"0011", 11}, P{"0011", 11}));
}

TEST_F(Dukemtmc, near_misses_of_the_pattern_are_refused) {
  expect_names_refused(Source::kDukemtmc, "query/", " is not a DukeMTMC-reID image name",
                       {"0005_c0_f0046985.jpg", "0000_c1_f0046985.jpg", "-1_c1_f0046985.jpg", "0005_c1s1_000451_03.jpg",
                        "0005_c1_f.jpg", "0005_c1_f1_2.jpg", "0005_C1_f0046985.jpg", "0005_c1.jpg", "_c1_f0046985.jpg",
                        "0005_c1_f12345678901.jpg", "0005_c1_f0046985\t.jpg", "0005_c1_f0046985\x80.jpg"});
}

TEST_F(Dukemtmc, what_does_not_fit_is_refused) {
  expect_refused(
      Source::kDukemtmc,
      {{"a wrong name is told the pattern",
        {"query/0005_c9_f0046985.jpg"},
        "'query/0005_c9_f0046985.jpg' is not a DukeMTMC-reID image name (expected IDENTITY_cCAMERA_fFRAME.jpg, "
        "identities from 1, cameras 1 to 8, as 0005_c2_f0046985.jpg); give the file its published name, or move a file "
        "that is not part of the data set out of the folder"},
       {"two names of one image",
        {"bounding_box_test/5_c2_f47105.jpg"},
        "'bounding_box_test/0005_c2_f0047105.jpg' and 'bounding_box_test/5_c2_f47105.jpg' are one image by their "
        "names; take one of them out"},
       {"an identity in both divisions",
        {"bounding_box_test/0002_c3_f0000001.jpg"},
        StartsWith("identity 2 is both in training ('bounding_box_train/0002_c1_f0044158.jpg') and in test "
                   "('bounding_box_test/0002_c3_f0000001.jpg')")},
       {"an identity seen once",
        {"query/0007_c3_f0000001.jpg"},
        StartsWith("identity 7 has only one image, 'query/0007_c3_f0000001.jpg'")},
       {"an empty folder", {}, StartsWith("folder 'ROOT/query' has no images in it"), {"query/0005_c2_f0046985.jpg"}},
       {"a missing folder",
        {},
        "folder 'query' is missing in 'ROOT' (the layout is bounding_box_train, bounding_box_test, query); name the "
        "folder that holds them",
        {"query"}},
       {"a file in place of a folder", {"query"}, HasSubstr("cannot list 'ROOT/query'"), {"query"}}});
}

TEST_F(Dukemtmc, an_irregular_stand_in_has_gaps_distractors_and_someone_whom_one_camera_saw) {
  write_stand_in(files_, root_ / "made",
                 {{.identities = 4, .images_per_camera = 2, .height = 32, .width = 16}, Source::kDukemtmc, true});
  int distractors = 0;
  std::set<std::int64_t> cameras_of_last, people;
  for (const Sample& sample : list_samples(files_, Source::kDukemtmc, root_ / "made")) {
    EXPECT_TRUE(sample.identity != 0 || sample.subset == "gallery") << sample.path;
    distractors += sample.identity == 0 ? 1 : 0;
    if (sample.identity == 5) cameras_of_last.insert(sample.camera);
    people.insert(sample.identity);
  }
  EXPECT_THAT(people, ElementsAre(0, 1, 2, 4, 5));
  EXPECT_EQ(distractors, 3);
  EXPECT_THAT(cameras_of_last, ElementsAre(1));
}

}  // namespace
}  // namespace resolute::datasets::dukemtmc_test
