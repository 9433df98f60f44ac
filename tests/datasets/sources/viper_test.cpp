#include <map>

#include "core/hash/sha256.h"
#include "datasets/samples/listing.h"
#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets::viper_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class Viper : public Scratch {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    for (const char* name : {"cam_a/000_45.bmp", "cam_a/005_0.bmp", "cam_a/Thumbs.db", "cam_b/000_90.bmp",
                             "cam_b/005_180.bmp", "cam_b/._000_90.bmp", "README.txt"})
      touch(name);
  }
  // Everything of before is gone.
  void start_flat(std::initializer_list<const char*> names) {
    fs::remove_all(root_);
    for (const char* name : names) touch(name);
  }
};

// (identity, camera) with the SHA-256 of the image.
std::map<std::pair<std::int64_t, std::int64_t>, std::string> images_of(core::FileSystem& files, const fs::path& root) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::string> images;
  const auto reader = open_raw(files, Source::kViper, root);
  for (const Sample& sample : list_samples(files, Source::kViper, root))
    images[{sample.identity, sample.camera}] = core::sha256_hex(reader->read(sample.path));
  return images;
}

// VIPeR has a person 0, which is a distractor's number here.
TEST_F(Viper, lists_both_cameras_with_identities_from_one) {
  EXPECT_THAT(list_samples(files_, Source::kViper, root_),
              ElementsAre(Sample{"cam_a/000_45.bmp", 1, 1, "train"}, Sample{"cam_a/005_0.bmp", 6, 1, "train"},
                          Sample{"cam_b/000_90.bmp", 1, 2, "train"}, Sample{"cam_b/005_180.bmp", 6, 2, "train"}));
}

TEST_F(Viper, identities_are_the_numbers_where_nobody_is_0) {
  files_.remove(root_ / "cam_a/000_45.bmp");
  files_.remove(root_ / "cam_b/000_90.bmp");
  EXPECT_THAT(list_samples(files_, Source::kViper, root_),
              ElementsAre(Sample{"cam_a/005_0.bmp", 5, 1, "train"}, Sample{"cam_b/005_180.bmp", 5, 2, "train"}));
}

TEST_F(Viper, the_flat_naming_gives_the_same_identities_and_cameras) {
  write_stand_in(files_, root_ / "published", {{.identities = 5, .images_per_camera = 1}, Source::kViper, true});
  const auto expected = images_of(files_, root_ / "published");
  ASSERT_EQ(expected.size(), 10u);
  for (const std::string marks : {"ab", "12", "01"}) {
    const fs::path flat = root_ / marks / "VIPeR";
    fs::create_directories(flat);
    for (int camera = 0; camera < 2; ++camera)
      for (const auto& entry : fs::directory_iterator(root_ / "published" / (camera == 0 ? "cam_a" : "cam_b")))
        if (sources::is_image_name(entry.path().filename().string()))
          fs::copy_file(entry.path(),
                        flat / (entry.path().stem().string() + "_" + marks[static_cast<std::size_t>(camera)] + ".bmp"));
    EXPECT_EQ(images_of(files_, flat), expected) << marks;
    EXPECT_EQ(list_samples(files_, Source::kViper, root_ / marks), list_samples(files_, Source::kViper, flat));
  }
}

TEST_F(Viper, near_misses_of_the_pattern_are_refused) {
  expect_names_refused(Source::kViper, "cam_b/", " is not a VIPeR image name",
                       {"_45.bmp", "001_.bmp", "001_45_a.bmp", "001_45.bmp.bmp", "-01_45.bmp", "001-45.bmp",
                        " 001_45.bmp", "1234567890_45.bmp", "001_45\n.bmp", "001_45\xff.bmp"});
  start_flat({"000_45_a.bmp", "000_45_b.bmp"});
  expect_names_refused(Source::kViper, "", " is not a VIPeR image name (expected PERSON_ANGLE_CAMERA.bmp",
                       {"000_45.bmp", "000_45_c.bmp", "000_45_A.bmp", "000_45_.bmp", "000_45a.bmp", "a.bmp",
                        "000__a.bmp", "000_45_12.bmp",
                        // Names of copies made for other programs: SDALF's, and the camera in front.
                        "0004002.bmp", "c2_002_90.bmp"});
}

TEST_F(Viper, what_does_not_fit_is_refused) {
  expect_refused(
      Source::kViper,
      {{"a wrong name is told the pattern",
        {"cam_b/000.bmp"},
        "'cam_b/000.bmp' is not a VIPeR image name (expected PERSON_ANGLE.bmp, as 000_45.bmp); give the file its "
        "published name, or move a file that is not part of the data set out of the folder"},
       {"a person without an image by camera 1",
        {"cam_b/007_45.bmp"},
        "'cam_b/007_45.bmp' has no image of the same person by camera 1 beside it (each camera has one image of "
        "each person); unpack the data set again"},
       {"a person without an image by camera 2",
        {},
        StartsWith("'cam_a/000_45.bmp' has no image of the same person by camera 2"),
        {"cam_b/000_90.bmp"}},
       {"two images of a person by one camera",
        {"cam_a/0_135.bmp"},
        "'cam_a/000_45.bmp' and 'cam_a/0_135.bmp' are of one person and one camera (each camera has one image of "
        "each person); take one of them out"},
       {"a missing folder",
        {},
        "folder 'cam_b' is missing in 'ROOT' (the layout is cam_a/PERSON_ANGLE.bmp and cam_b/PERSON_ANGLE.bmp, or "
        "PERSON_ANGLE_CAMERA.bmp); name the folder that holds them",
        {"cam_b"}},
       {"an empty folder", {"cam_b/Thumbs.db"}, StartsWith("folder 'ROOT/cam_b' has no images in it"), {"cam_b"}},
       {"a file in place of a folder", {"cam_b"}, HasSubstr("cannot list 'ROOT/cam_b'"), {"cam_b"}},
       {"both namings at once",
        {"000_45_a.bmp"},
        StartsWith("'000_45_a.bmp' stands beside cam_a and cam_b (the layout is")},
       {"no images at all",
        {"README.txt"},
        StartsWith("folder 'ROOT' has neither cam_a and cam_b nor images in it"),
        {"cam_a", "cam_b"}},
       {"letters and numbers as cameras",
        {"000_45_a.bmp", "000_45_1.bmp"},
        "the image names end in the cameras 1, a (a and b, 1 and 2, or 0 and 1 are expected); rename the images",
        {"cam_a", "cam_b"}},
       {"cameras 0 and 2",
        {"000_45_0.bmp", "000_45_2.bmp"},
        StartsWith("the image names end in the cameras 0, 2 ("),
        {"cam_a", "cam_b"}},
       {"a person of one camera alone",
        {"000_45_1.bmp"},
        StartsWith("'000_45_1.bmp' has no image of the same person by camera 2"),
        {"cam_a", "cam_b"}}});
}

}  // namespace
}  // namespace resolute::datasets::viper_test
