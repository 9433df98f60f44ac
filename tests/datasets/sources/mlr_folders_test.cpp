#include <map>
#include <set>

#include "datasets/image/image.h"
#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets::mlr_folders_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class AnyMlrFolders : public Scratch {
 protected:
  std::vector<Sample> list() { return list_samples(files_, Source::kMlrFolders, root_); }
  std::string refusal_with(const std::string& image) {
    touch(image);
    const std::string text = refusal(Source::kMlrFolders);
    files_.remove(root_ / image);
    return text;
  }
};

// VPFA's naming.
class MlrFolders : public AnyMlrFolders {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    for (const char* image :
         {"bounding_box_train/0002_c1s1_000451_03.jpg", "bounding_box_train/0002_c3s2_000451_03_4x.jpg",
          "bounding_box_test/0005_c2s1_000001_00.jpg", "query/0005_c6s3_000001_00_2x.jpg",
          "query/0005_c2s3_000001_00.jpg", "query/Thumbs.db"})
      touch(image);
  }
};

TEST_F(MlrFolders, rates_are_read_from_the_names) {
  EXPECT_THAT(list(), ElementsAre(Sample{"bounding_box_test/0005_c2s1_000001_00.jpg", 5, 2, "gallery", 1},
                                  Sample{"bounding_box_train/0002_c1s1_000451_03.jpg", 2, 1, "train", 1},
                                  Sample{"bounding_box_train/0002_c3s2_000451_03_4x.jpg", 2, 3, "train", 4},
                                  Sample{"query/0005_c2s3_000001_00.jpg", 5, 2, "query", 1},
                                  Sample{"query/0005_c6s3_000001_00_2x.jpg", 5, 6, "query", 2}));
}

TEST_F(MlrFolders, names_of_the_other_sets_prepared_so_are_read) {
  touch("bounding_box_test/0005_c1_07_16x.png");       // CUHK03, CAVIAR4REID, VIPeR
  touch("bounding_box_test/0005_c8_f0046985_3x.jpg");  // DukeMTMC-reID
  const std::vector<Sample> samples = list();
  EXPECT_THAT(samples, testing::Contains(Sample{"bounding_box_test/0005_c1_07_16x.png", 5, 1, "gallery", 16}));
  EXPECT_THAT(samples, testing::Contains(Sample{"bounding_box_test/0005_c8_f0046985_3x.jpg", 5, 8, "gallery", 3}));
}

// Made of Market-1501's "….jpg.jpg", which VPFA's script takes one extension off before it puts the rate there.
TEST_F(MlrFolders, names_that_end_in_jpg_more_than_once_are_read) {
  const std::size_t before = list().size();
  touch("bounding_box_test/-1_c4s6_022316_11.jpg.jpg");
  touch("bounding_box_test/0000_c1s6_023071_04.jpg.jpg");
  touch("bounding_box_test/1488_c1s6_009446_02.jpg.jpg");
  touch("query/1488_c2s6_014307_00.jpg_3x.jpg");
  touch("query/1488_c3s6_014308_00_2x.jpg.jpg");
  const std::vector<Sample> samples = list();
  EXPECT_EQ(samples.size(), before + 4);
  for (const Sample& sample : {Sample{"bounding_box_test/0000_c1s6_023071_04.jpg.jpg", 0, 1, "gallery", 1},
                               Sample{"bounding_box_test/1488_c1s6_009446_02.jpg.jpg", 1488, 1, "gallery", 1},
                               Sample{"query/1488_c2s6_014307_00.jpg_3x.jpg", 1488, 2, "query", 3},
                               Sample{"query/1488_c3s6_014308_00_2x.jpg.jpg", 1488, 3, "query", 2}})
    EXPECT_THAT(samples, testing::Contains(sample));
}

TEST_F(MlrFolders, two_names_of_one_image_are_refused) {
  EXPECT_EQ(
      refusal_with("query/0005_c6s3_000001_00.jpg_2x.jpg"),
      "'query/0005_c6s3_000001_00.jpg_2x.jpg' and 'query/0005_c6s3_000001_00_2x.jpg' are one image by their names; "
      "take one of them out");
  EXPECT_EQ(
      refusal_with("query/0005_c2s3_000001_00.jpg.jpg"),
      "'query/0005_c2s3_000001_00.jpg' and 'query/0005_c2s3_000001_00.jpg.jpg' are one image by their names; take "
      "one of them out");
  EXPECT_THAT(refusal_with("query/5_c2s3_1_0.png"), HasSubstr("are one image by their names"));
  // Another rate, another sequence, another number of numbers, another folder: another image.
  const std::size_t before = list().size();
  for (const char* other :
       {"query/0005_c6s3_000001_00_3x.jpg", "query/0005_c6s4_000001_00_2x.jpg", "query/0005_c6_000001_00_2x.jpg",
        "query/0005_c6s3_000001_2x.jpg", "bounding_box_test/0005_c6s3_000001_00_2x.jpg"})
    touch(other);
  EXPECT_EQ(list().size(), before + 5);
}

TEST_F(MlrFolders, junk_is_left_out_and_distractors_are_kept) {
  touch("bounding_box_test/-1_c1s1_000001_00_3x.jpg");
  touch("bounding_box_test/0000_c1s1_000001_00_3x.jpg");
  EXPECT_THAT(list(), testing::Contains(Sample{"bounding_box_test/0000_c1s1_000001_00_3x.jpg", 0, 1, "gallery", 3}));
  EXPECT_EQ(list().size(), 6U);
}

TEST_F(MlrFolders, identities_and_cameras_that_count_from_0_go_up_by_one) {
  touch("query/0000_c0_001_3x.jpg");
  touch("bounding_box_test/0000_c1_002.jpg");
  EXPECT_THAT(list(), ElementsAre(Sample{"bounding_box_test/0000_c1_002.jpg", 1, 2, "gallery", 1},
                                  Sample{"bounding_box_test/0005_c2s1_000001_00.jpg", 6, 3, "gallery", 1},
                                  Sample{"bounding_box_train/0002_c1s1_000451_03.jpg", 3, 2, "train", 1},
                                  Sample{"bounding_box_train/0002_c3s2_000451_03_4x.jpg", 3, 4, "train", 4},
                                  Sample{"query/0000_c0_001_3x.jpg", 1, 1, "query", 3},
                                  Sample{"query/0005_c2s3_000001_00.jpg", 6, 3, "query", 1},
                                  Sample{"query/0005_c6s3_000001_00_2x.jpg", 6, 7, "query", 2}));
}

TEST_F(MlrFolders, names_that_do_not_fit_are_refused) {
  expect_names_refused(
      Source::kMlrFolders, "query/",
      " is not a prepared image name (expected IDENTITY_cCAMERA[sSEQUENCE]_NUMBER[_NUMBER][_RATEx].jpg, RATE from 2 to "
      "16, as 0002_c1s1_",
      {"0005_c1s1_000001_00_1x.jpg",
       "0005_c1s1_000001_00_17x.jpg",
       "0005_c1s1_000001_00_x.jpg",
       "0005_c1s1_000001_00_2.jpg",
       "0005_c1s1_000001_00_2X.jpg",
       "0005_c1s1_000001_00_2x_3x.jpg",
       "0005_c1s1_000001_00_2x_1.jpg",
       "0005_c1s1_000001_00-2x.jpg",
       "0005_c1_2x.jpg",
       "0005_c1.jpg",
       "0005_c1_.jpg",
       "0005_s1_c1_001.jpg",
       "0005_cx_001.jpg",
       "c1_001.jpg",
       "-2_c1_001.jpg",
       "0005_c1s_001.jpg",
       "0005_c1_001_f2.jpg",
       "0005_c1_001 (1).jpg",
       "0005_c1_000001_00_2x2.jpg",
       "0005_c1_000001.jpg_00.jpg",
       "0005_c1_000001_00.png_2x.jpg",
       "0005_c1_000001_00.jpg_2x_3x.jpg",
       "0005_c1.jpg.jpg",
       "0005_c1.jpg_001.jpg"});
}

TEST_F(MlrFolders, a_set_without_any_low_resolution_is_refused) {
  files_.remove(root_ / "query/0005_c6s3_000001_00_2x.jpg");
  fs::rename(root_ / "bounding_box_train/0002_c3s2_000451_03_4x.jpg",
             root_ / "bounding_box_train/0002_c3s2_000451_03.jpg");
  EXPECT_EQ(refusal(Source::kMlrFolders),
            "no image in 'ROOT' came in low resolution by its name (those that did end in their rate, as "
            "0002_c1s1_000451_03_3x.jpg); read it as the data set that it is made of, e.g. source 'market1501'");
}

TEST_F(MlrFolders, what_does_not_fit_is_refused) {
  expect_refused(
      Source::kMlrFolders,
      {{"an empty folder",
        {},
        StartsWith("folder 'ROOT/bounding_box_test' has no images in it"),
        {"bounding_box_test/0005_c2s1_000001_00.jpg"}},
       {"a missing folder",
        {},
        StartsWith("folder 'bounding_box_test' is missing in 'ROOT' (the layout is bounding_box_train, "
                   "bounding_box_test, query); "),
        {"bounding_box_test"}},
       {"both namings in one folder",
        {"gallery/0005/00005_c1_00000.jpg"},
        "folder 'ROOT' has the layout of two prepared sets (one has bounding_box_train, bounding_box_test, query, "
        "another train, val, gallery, query, a third train/lr, train/hr, query/lr, gallery/hr); give each a folder of "
        "its own"},
       {"neither naming",
        {},
        StartsWith("folder 'ROOT' has the layout of no prepared set (one has bounding_"),
        {"bounding_box_train", "bounding_box_test"}},
       {"an identity in training and in test",
        {"query/0002_c1s1_000001_00_2x.jpg"},
        StartsWith("identity 2 is both in training")},
       {"an identity with one image",
        {"query/0007_c1s1_000001_00_2x.jpg"},
        StartsWith("identity 7 has only one image")}});
}

// DIL's naming.
class MlrFoldersByIdentity : public AnyMlrFolders {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    for (const char* image : {"train/0001/00001_c0_00000.jpg", "train/0001/00001_c1_00001.jpg",
                              "val/0001/00001_c1_00000.jpg", "query/0020/00020_c0_00000.jpg",
                              "gallery/0020/00020_c1_00000.jpg", "gallery/0020/Thumbs.db", "gallery/.DS_Store"})
      touch(image);
  }
};

TEST_F(MlrFoldersByIdentity, camera_0_is_the_low_resolution_one_and_validation_images_train) {
  EXPECT_THAT(list(), ElementsAre(Sample{"gallery/0020/00020_c1_00000.jpg", 20, 2, "gallery", 1},
                                  Sample{"query/0020/00020_c0_00000.jpg", 20, 1, "query", 0},
                                  Sample{"train/0001/00001_c0_00000.jpg", 1, 1, "train", 0},
                                  Sample{"train/0001/00001_c1_00001.jpg", 1, 2, "train", 1},
                                  Sample{"val/0001/00001_c1_00000.jpg", 1, 2, "train", 1}));
  EXPECT_EQ(list_samples(files_, Source::kMlrFoldersByIdentity, root_), list());
}

TEST_F(MlrFoldersByIdentity, identities_that_count_from_0_go_up_by_one) {
  touch("train/0000/00000_c0_00000.jpg");
  touch("val/0000/00000_c2_00000.jpg");
  const std::vector<Sample> samples = list();
  EXPECT_THAT(samples, testing::Contains(Sample{"train/0000/00000_c0_00000.jpg", 1, 1, "train", 0}));
  EXPECT_THAT(samples, testing::Contains(Sample{"val/0000/00000_c2_00000.jpg", 1, 3, "train", 1}));
  EXPECT_THAT(samples, testing::Contains(Sample{"query/0020/00020_c0_00000.jpg", 21, 1, "query", 0}));
}

TEST_F(MlrFoldersByIdentity, what_does_not_fit_is_refused) {
  expect_names_refused(
      Source::kMlrFolders, "query/0020/",
      " is not a prepared image name (expected IDENTITY/IDENTITY_cCAMERA_NUMBER.jpg, as 0020/00020_c0_00000.jpg); ",
      {"00020_c0.jpg", "00020_c0_00000_2x.jpg", "00020_c_00000.jpg", "c0_00000.jpg", "00020_c0s1_00000.jpg",
       "-1_c0_00000.jpg", "00020_c0_00000 (1).jpg"});
  expect_refused(
      Source::kMlrFolders,
      {{"an image beside the folders of identities",
        {"query/00020_c0_00000.jpg"},
        StartsWith("'query/00020_c0_00000.jpg' is not a prepared image name")},
       {"a folder that is no number",
        {"query/somebody/00020_c0_00000.jpg"},
        StartsWith("'query/somebody' is not a prepared image name")},
       {"an image in another identity's folder",
        {"train/0001/00002_c1_00000.jpg"},
        "'train/0001/00002_c1_00000.jpg' is of identity 2 in the folder of identity 1; move it to its own"},
       {"a query in high resolution",
        {"query/0020/00020_c1_00001.jpg"},
        StartsWith("'query/0020/00020_c1_00001.jpg' is an image of camera 1 (in this naming camera 0 is the low-")},
       {"a gallery image in low resolution",
        {"gallery/0020/00020_c0_00001.jpg"},
        StartsWith("'gallery/0020/00020_c0_00001.jpg' is an image of camera 0 (")},
       {"two names of one image",
        {"query/0020/20_c0_0.jpg"},
        "'query/0020/00020_c0_00000.jpg' and 'query/0020/20_c0_0.jpg' are one image by their names; take one of them "
        "out"},
       {"two folders of one identity",
        {"query/20/00020_c0_00000.JPG"},
        HasSubstr("are one image by their names; take one of them out")},
       {"an empty identity", {"val/0002/"}, StartsWith("folder 'ROOT/val/0002' has no images in it")},
       {"an empty folder", {"val/"}, StartsWith("folder 'ROOT/val' has no identities in it"), {"val"}},
       {"a missing folder",
        {},
        StartsWith("folder 'val' is missing in 'ROOT' (the layout is train, val, gallery, query); "),
        {"val"}}});
}

// VersReID's naming, in which the laboratory behind SING hands out MLR-CUHK03.
class MlrFoldersByResolution : public AnyMlrFolders {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    for (const char* image : {"train/lr/0001_1_1_01.jpg", "train/hr/0001_1_2_06.jpg", "query/lr/0020_3_5.jpg",
                              "query/lr/Thumbs.db", "gallery/hr/0020_3_6_06.png"})
      touch(image);
  }
};

TEST_F(MlrFoldersByResolution, the_folder_says_which_images_came_low_and_nobody_their_rate) {
  EXPECT_THAT(list(), ElementsAre(Sample{"gallery/hr/0020_3_6_06.png", 20, 6, "gallery", 1},
                                  Sample{"query/lr/0020_3_5.jpg", 20, 5, "query", 0},
                                  Sample{"train/hr/0001_1_2_06.jpg", 1, 2, "train", 1},
                                  Sample{"train/lr/0001_1_1_01.jpg", 1, 1, "train", 0}));
  EXPECT_EQ(list_samples(files_, Source::kMlrFoldersByResolution, root_), list());
}

// VersReID's loader takes the camera's first digit, and numbers of any kind may stand before and behind it.
TEST_F(MlrFoldersByResolution, people_and_cameras_that_count_from_0_go_up_by_one) {
  touch("train/lr/0_x_0.jpg");
  touch("train/hr/0000_abc_1_whatever (2).jpg");
  const std::vector<Sample> samples = list();
  EXPECT_THAT(samples, testing::Contains(Sample{"train/lr/0_x_0.jpg", 1, 1, "train", 0}));
  EXPECT_THAT(samples, testing::Contains(Sample{"train/hr/0000_abc_1_whatever (2).jpg", 1, 2, "train", 1}));
  EXPECT_THAT(samples, testing::Contains(Sample{"query/lr/0020_3_5.jpg", 21, 6, "query", 0}));
}

TEST_F(MlrFoldersByResolution, what_does_not_fit_is_refused) {
  expect_names_refused(Source::kMlrFolders, "query/lr/", " is not a prepared image name (expected IDENTITY_X_CAMERA",
                       {"0020.jpg", "0020_3.jpg", "0020_3_.jpg", "0020_3_a1.jpg", "x_3_1.jpg", "_3_1.jpg",
                        "-1_c1_001.jpg", "0020-3-1.jpg"});
  expect_refused(
      Source::kMlrFolders,
      {{"an identity in training and in test", {"query/lr/0001_1_1.jpg"}, StartsWith("identity 1 is both in training")},
       {"a missing folder",
        {},
        StartsWith("folder 'query/lr' is missing in 'ROOT' (the layout is train/lr, train/hr, query/lr, gallery/hr); "),
        {"query/lr"}},
       {"an empty folder", {}, StartsWith("folder 'ROOT/query/lr' has no images in it"), {"query/lr/0020_3_5.jpg"}},
       {"two namings in one folder",
        {"bounding_box_train/0001_c1_001_2x.jpg"},
        HasSubstr("has the layout of two prepared sets (")}});
}

class MlrStandIn : public Scratch {
 protected:
  struct Listed {
    std::vector<Sample> samples;
    std::map<std::string, int> heights;  // by path
  };
  Listed make(Source layout, bool irregular) {
    const StandInSettings options{
        {.identities = 8, .cameras = 3, .images_per_camera = 3, .height = 96, .width = 32}, layout, irregular};
    const fs::path out = root_ / (irregular ? "irregular" : "plain");
    write_stand_in(files_, out, options);
    Listed listed{list_samples(files_, layout, out), {}};
    const RawFolder raw(files_, out);
    for (const Sample& sample : listed.samples)
      listed.heights[sample.path] = decode_image(raw.read(sample.path), sample.path).height;
    return listed;
  }
};

TEST_F(MlrStandIn, one_camera_of_each_identity_is_low) {
  const Listed listed = make(Source::kMlrFolders, false);
  EXPECT_EQ(listed.samples.size(), 8U * 3 * 3);
  std::map<std::int64_t, std::set<std::int64_t>> low_cameras;
  std::set<int> rates;
  for (const Sample& sample : listed.samples) {
    EXPECT_EQ(listed.heights.at(sample.path), 96 / sample.rate) << sample.path;
    rates.insert(sample.rate);
    if (sample.rate > 1) low_cameras[sample.identity].insert(sample.camera);
    if (sample.subset != "train") {
      EXPECT_EQ(sample.subset, sample.rate > 1 ? "query" : "gallery") << sample.path;
    }
  }
  EXPECT_EQ(rates, std::set<int>({1, 2, 3, 4}));
  std::set<std::int64_t> all;
  for (const auto& [identity, cameras] : low_cameras) {
    EXPECT_EQ(cameras.size(), 1U);
    all.insert(*cameras.begin());
  }
  EXPECT_EQ(low_cameras.size(), 8U);
  EXPECT_GT(all.size(), 1U);
}

TEST_F(MlrStandIn, an_irregular_one_has_queries_in_high_resolution_distractors_and_an_identity_of_one_camera) {
  const Listed listed = make(Source::kMlrFolders, true);
  int distractors = 0;
  int high_queries = 0;
  std::set<std::int64_t> cameras_of_last;
  std::set<int> heights;
  for (const Sample& sample : listed.samples) {
    distractors += sample.identity == 0;
    high_queries += sample.subset == "query" && sample.rate == 1;
    if (sample.identity == 8) cameras_of_last.insert(sample.camera);
    if (sample.rate == 1) heights.insert(listed.heights.at(sample.path));
  }
  EXPECT_EQ(distractors, 3);
  EXPECT_EQ(high_queries, 3 * 2 + 1);
  EXPECT_EQ(cameras_of_last, std::set<std::int64_t>({1}));
  EXPECT_GT(heights.size(), 5U);
}

TEST_F(MlrStandIn, an_irregular_one_has_names_of_market_1501s_that_end_in_jpg_twice) {
  int high = 0;
  int low = 0;
  std::set<std::int64_t> people;
  for (const Sample& sample : make(Source::kMlrFolders, true).samples) {
    high += sample.path.ends_with("_00.jpg.jpg");
    low += sample.path.find("_00.jpg_") != std::string::npos;
    if (sample.path.find(".jpg") + 4 < sample.path.size()) people.insert(sample.identity);
  }
  EXPECT_EQ(high, 2 * 3 + 1);
  EXPECT_EQ(low, 3);
  EXPECT_EQ(people, std::set<std::int64_t>({0, 5}));
  for (const Sample& sample : make(Source::kMlrFolders, false).samples)
    EXPECT_EQ(sample.path.find(".jpg") + 4, sample.path.size()) << sample.path;
}

TEST_F(MlrStandIn, by_identity_camera_0_is_low_at_rates_that_no_name_tells) {
  const Listed listed = make(Source::kMlrFoldersByIdentity, false);
  EXPECT_EQ(listed.samples.size(), 8U * 3 * 3);
  std::set<std::int64_t> identities;
  int validation = 0;
  for (const Sample& sample : listed.samples) {
    EXPECT_EQ(sample.rate, sample.camera == 1 ? 0 : 1);
    EXPECT_EQ(listed.heights.at(sample.path) < 96, sample.rate == 0) << sample.path;
    if (sample.subset != "train") {
      EXPECT_EQ(sample.subset, sample.camera == 1 ? "query" : "gallery");
    }
    identities.insert(sample.identity);
    validation += sample.path.starts_with("val/");
  }
  EXPECT_EQ(identities, std::set<std::int64_t>({1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(validation, 4);
  EXPECT_EQ(make(Source::kMlrFoldersByIdentity, true).samples.size(), 8U * 3 * 3 - 6);
}

TEST_F(MlrStandIn, by_resolution_one_camera_of_each_identity_is_low_at_rates_that_no_name_tells) {
  const Listed listed = make(Source::kMlrFoldersByResolution, false);
  EXPECT_EQ(listed.samples.size(), 8U * 3 * 3);
  std::map<std::int64_t, std::set<std::int64_t>> low_cameras;
  for (const Sample& sample : listed.samples) {
    EXPECT_EQ(listed.heights.at(sample.path) < 96, sample.rate == 0) << sample.path;
    if (sample.rate == 0) low_cameras[sample.identity].insert(sample.camera);
    if (sample.subset != "train") {
      EXPECT_EQ(sample.subset, sample.rate == 0 ? "query" : "gallery");
    }
  }
  EXPECT_EQ(low_cameras.size(), 8U);
  for (const auto& [identity, cameras] : low_cameras) EXPECT_EQ(cameras.size(), 1U) << identity;
  EXPECT_EQ(make(Source::kMlrFoldersByResolution, true).samples.size(), 8U * 3 * 3 - 6);
}

}  // namespace
}  // namespace resolute::datasets::mlr_folders_test
