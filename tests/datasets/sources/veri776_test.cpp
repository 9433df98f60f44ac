#include <algorithm>
#include <map>
#include <set>

#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets::veri776_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class Veri776 : public Scratch {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    for (const char* name : {"image_train/0001_c001_00016450_0.jpg", "image_train/0001_c020_00016460_1.jpg",
                             "image_train/Thumbs.db", "image_test/0002_c002_00030600_0.jpg",
                             "image_test/0002_c003_00030605_1.jpg", "image_query/0002_c002_00030600_0.jpg"})
      touch(name);
  }
  void write(const std::string& path, const std::string& text) {
    std::ofstream(root_ / path, std::ios::binary) << text;
  }
};

// A query is an image of the test as well, as published.
TEST_F(Veri776, lists_images_by_their_names_and_queries_in_both_folders) {
  EXPECT_THAT(list_samples(files_, Source::kVeri776, root_),
              ElementsAre(Sample{"image_query/0002_c002_00030600_0.jpg", 2, 2, "query"},
                          Sample{"image_test/0002_c002_00030600_0.jpg", 2, 2, "gallery"},
                          Sample{"image_test/0002_c003_00030605_1.jpg", 2, 3, "gallery"},
                          Sample{"image_train/0001_c001_00016450_0.jpg", 1, 1, "train"},
                          Sample{"image_train/0001_c020_00016460_1.jpg", 1, 20, "train"}));
}

// Parsers of XML fail on the encoding that it names.
TEST_F(Veri776, files_of_labels_are_not_read) {
  const auto expected = list_samples(files_, Source::kVeri776, root_);
  for (const char* name : {"train_label.xml", "test_label.xml", "gt_image.txt", "list_color.txt"})
    write(name, "<?xml version=\"1.0\" encoding=\"gb2312\" ?>\n<Items>\xb3\xb5\xff");
  EXPECT_EQ(list_samples(files_, Source::kVeri776, root_), expected);
}

TEST_F(Veri776, lists_are_held_against_the_folders) {
  write("name_train.txt", "0001_c001_00016450_0.jpg\r\n0001_c020_00016460_1.jpg \r\n\r\n");
  write("name_query.txt", std::string("\xef\xbb\xbf") + "0002_c002_00030600_0.jpg");
  write("name_test.txt", "0002_c003_00030605_1.jpg\n");
  const Listing listing = list_data_set(files_, Source::kVeri776, root_);
  EXPECT_EQ(listing.samples.size(), 5U);
  EXPECT_THAT(listing.warnings, ElementsAre("images of 'image_test' that 'name_test.txt' does not list: 1, as "
                                            "'0002_c002_00030600_0.jpg'"));
  write("name_query.txt", "0002_c002_00030600_0.jpg\n../train_label.xml\n0002_c002_00030600_0.jpg\n");
  EXPECT_EQ(
      refusal(Source::kVeri776),
      "'name_query.txt', line 2: image '../train_label.xml' is not in 'ROOT/image_query', or listed again; unpack "
      "the data set again; 1 more file is refused");
}

TEST_F(Veri776, what_does_not_fit_is_refused) {
  expect_names_refused(
      Source::kVeri776, "image_test/",
      " is not a VeRi-776 image name (expected VEHICLE_cCAMERA_TIME_INDEX.jpg, vehicles from 1, cameras 1 to 20, as ",
      {"0000_c001_00016450_0.jpg", "0002_c021_00016450_0.jpg", "0002_c000_00016450_0.jpg", "0002_c16s1_00030600_0.jpg",
       "-1_c001_00016450_0.jpg", "0002_c001_00016450.jpg", "0002_c001_00016450_0_1.jpg", "0002_00016450_0.jpg"});
  expect_refused(
      Source::kVeri776,
      {{"two names of one image",
        {"image_test/2_c2_30600_0.jpg"},
        "'image_test/0002_c002_00030600_0.jpg' and 'image_test/2_c2_30600_0.jpg' are one image by their names; take "
        "one of them out"},
       {"a vehicle in training and in test",
        {"image_test/0001_c002_00000001_0.jpg"},
        StartsWith("identity 1 is both in training ('image_train/0001_c001_00016450_0.jpg') and in test")},
       {"an empty folder", {"image_query/"}, HasSubstr("'ROOT/image_query' has no images in it"), {"image_query"}},
       {"a missing folder",
        {},
        StartsWith("folder 'image_query' is missing in 'ROOT' (the layout is image_train, image_test, image_query)"),
        {"image_query"}}});
}

TEST_F(Veri776, a_stand_in_has_its_queries_twice_and_lists_that_fit) {
  const StandInSettings options{
      {.subject = settings::Subject::kVehicle, .identities = 4, .images_per_camera = 2, .height = 32, .width = 16},
      Source::kVeri776,
      true};
  write_stand_in(files_, root_ / "made", options);
  const Listing listing = list_data_set(files_, Source::kVeri776, root_ / "made");
  EXPECT_THAT(listing.warnings, testing::IsEmpty());
  std::map<std::int64_t, std::map<std::string, int>> images;
  std::set<std::string> tested, asked;
  for (const Sample& sample : listing.samples) {
    ++images[sample.identity][sample.subset];
    const std::string name = fs::path(sample.path).filename().string();
    if (sample.subset == "gallery") tested.insert(name);
    if (sample.subset == "query") asked.insert(name);
  }
  using Counts = std::map<std::string, int>;
  using P = std::pair<const std::int64_t, Counts>;
  EXPECT_THAT(images, ElementsAre(P{1, Counts{{"train", 4}}}, P{2, Counts{{"gallery", 4}, {"query", 2}}},
                                  P{3, Counts{{"train", 4}}}, P{4, Counts{{"gallery", 2}, {"query", 1}}}));
  EXPECT_TRUE(std::ranges::includes(tested, asked));
  EXPECT_TRUE(files_.exists(root_ / "made/train_label.xml"));
}

}  // namespace
}  // namespace resolute::datasets::veri776_test
