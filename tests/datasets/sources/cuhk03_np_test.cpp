#include <map>
#include <set>

#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets::cuhk03_np_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class Cuhk03Np : public Scratch {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    for (const char* name :
         {"bounding_box_train/0001_c1_1.png", "bounding_box_train/0001_c2_6.png", "bounding_box_train/0003_c1_1.png",
          "bounding_box_train/0003_c1_2.png", "bounding_box_test/0001_c1_2.png", "bounding_box_test/0001_c2_7.png",
          "bounding_box_test/Thumbs.db", "query/0001_c1_1.png", "query/0001_c2_6.png"})
      touch(name);
  }
};

// Person 1 trains and another person 1 is tested: zhunzhong07/person-re-ranking numbers both from 1.
TEST_F(Cuhk03Np, numbers_that_begin_anew_in_the_test_go_on_behind_those_of_training) {
  EXPECT_THAT(list_samples(files_, Source::kCuhk03Np, root_),
              ElementsAre(Sample{"bounding_box_test/0001_c1_2.png", 4, 1, "gallery"},
                          Sample{"bounding_box_test/0001_c2_7.png", 4, 2, "gallery"},
                          Sample{"bounding_box_train/0001_c1_1.png", 1, 1, "train"},
                          Sample{"bounding_box_train/0001_c2_6.png", 1, 2, "train"},
                          Sample{"bounding_box_train/0003_c1_1.png", 3, 1, "train"},
                          Sample{"bounding_box_train/0003_c1_2.png", 3, 1, "train"},
                          Sample{"query/0001_c1_1.png", 4, 1, "query"}, Sample{"query/0001_c2_6.png", 4, 2, "query"}));
}

TEST_F(Cuhk03Np, numbers_that_no_other_person_has_stay) {
  for (const char* folder : {"bounding_box_test", "query"}) {
    fs::remove_all(root_ / folder);
    for (const char* name : {"0005_c1_1.png", "0005_c2_2.png"}) touch(fmt::format("{}/{}", folder, name));
  }
  std::set<std::int64_t> identities;
  for (const Sample& sample : list_samples(files_, Source::kCuhk03Np, root_)) identities.insert(sample.identity);
  EXPECT_EQ(identities, std::set<std::int64_t>({1, 3, 5}));
}

TEST_F(Cuhk03Np, who_trains_with_a_single_image_is_left_out_and_counted) {
  touch("bounding_box_train/0002_c1_1.png");
  const Listing listing = list_data_set(files_, Source::kCuhk03Np, root_);
  EXPECT_EQ(listing.samples, list_samples(files_, Source::kCuhk03Np, root_));
  EXPECT_EQ(listing.samples.size(), 8U);
  EXPECT_EQ(listing.left_out.at("of people with a single image"), 1U);
}

// The download has both kinds of boxes, side by side.
TEST_F(Cuhk03Np, each_kind_of_boxes_is_found_in_their_parent) {
  const std::vector<Sample> labelled = list_samples(files_, Source::kCuhk03Np, root_);
  for (const char* boxes : {"labeled", "detected"}) {
    fs::create_directories(root_ / "np" / boxes);
    for (const char* folder : {"bounding_box_train", "bounding_box_test", "query"})
      fs::copy(root_ / folder, root_ / "np" / boxes / folder, fs::copy_options::recursive);
  }
  touch("np/detected/query/0001_c2_9.png");
  EXPECT_EQ(list_samples(files_, Source::kCuhk03Np, root_ / "np"), labelled);
  EXPECT_EQ(list_samples(files_, Source::kCuhk03NpDetected, root_ / "np").size(), labelled.size() + 1);
  EXPECT_EQ(source_root(files_, Source::kCuhk03NpDetected, root_ / "np"), root_ / "np/detected");
  EXPECT_EQ(source_root(files_, Source::kCuhk03NpDetected, root_ / "np/labeled"), root_ / "np/labeled");
}

TEST_F(Cuhk03Np, what_does_not_fit_is_refused) {
  // Those of MSMT17 in Market-1501's folders, and of Market-1501 itself, are among them.
  expect_names_refused(Source::kCuhk03Np, "query/", " is not a CUHK03-NP image name (expected IDENTITY_cCAMERA_NUMBER",
                       {"0000_c1_1.png", "0001_c14_0030.jpg", "0001_c0_1.png", "0001_c1s1_000451_03.jpg", "0001_c1.png",
                        "0001_c1_1_2.png", "0001_c1_1 (1).png", "-1_c1_1.png", "1_001_1_01.png"});
  expect_refused(
      Source::kCuhk03Np,
      {{"two names of one image",
        {"query/1_c1_1.PNG"},
        "'query/0001_c1_1.png' and 'query/1_c1_1.PNG' are one image by their names; take one of them out"},
       {"somebody who is tested and seen once",
        {"bounding_box_test/0002_c1_1.png"},
        StartsWith("identity 5 has only one image, 'bounding_box_test/0002_c1_1.png'")},
       {"an empty folder", {"query/"}, HasSubstr("'ROOT/query' has no images in it"), {"query"}},
       {"a missing folder", {}, StartsWith("folder 'query' is missing in 'ROOT' (the layout is "), {"query"}}});
}

TEST_F(Cuhk03Np, a_stand_in_numbers_its_people_anew_and_an_irregular_one_has_somebody_with_a_single_image) {
  const StandInSettings options{
      {.identities = 5, .images_per_camera = 2, .height = 32, .width = 16}, Source::kCuhk03Np, true};
  write_stand_in(files_, root_ / "made", options);
  const Listing listing = list_data_set(files_, Source::kCuhk03Np, root_ / "made");
  EXPECT_EQ(listing.left_out.at("of people with a single image"), 1U);
  std::map<std::int64_t, std::set<std::string>> subsets;
  for (const Sample& sample : listing.samples) subsets[sample.identity].insert(sample.subset);
  const std::set<std::string> train{"train"}, test{"gallery", "query"};
  using P = std::pair<const std::int64_t, std::set<std::string>>;
  // Number 3 is the one with a single image.
  EXPECT_THAT(subsets, ElementsAre(P{1, train}, P{2, train}, P{4, test}, P{5, test}, P{6, test}));
  EXPECT_TRUE(files_.exists(root_ / "made/query/0001_c1_1.png"));
}

}  // namespace
}  // namespace resolute::datasets::cuhk03_np_test
