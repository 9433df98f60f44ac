#include <array>

#include "datasets/image/image.h"
#include "datasets/samples/listing.h"
#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets::caviar_test {
namespace {

using testing::Each;
using testing::Field;
using testing::StartsWith;

class Caviar : public Scratch {
 protected:
  void SetUp() override {
    Scratch::SetUp();
    add_half(1, 0, 60, 20);
    add_half(1, 1, 24, 10);
    add_half(3, 0, 40, 20);  // smaller than in the other half: one person does not decide
    add_half(3, 1, 48, 20);
    add_half(7, 0, 70, 30);
    add_half(7, 1, 20, 10);
    touch("Thumbs.db");
    touch("._0001001.jpg");
  }
  static std::string name(int person, int image) { return fmt::format("{:04}{:03}.jpg", person, image); }
  void write(const std::string& file, int height, int width) {
    const core::Bytes bytes = encode_jpeg(make_image(height, width), 90);
    std::ofstream(root_ / file, std::ios::binary) << core::as_text(bytes);
  }
  void add_half(int person, int half, int height, int width) {
    for (int image = 1; image <= 10; ++image) write(name(person, 10 * half + image), height, width);
  }
  void remove_all_images() {
    for (const std::string& file : files_.list(root_)) files_.remove(root_ / file);
  }
};

TEST_F(Caviar, the_half_with_the_larger_median_area_is_the_closer_camera) {
  const std::vector<Sample> samples = list_samples(files_, Source::kCaviar, root_);
  ASSERT_EQ(samples.size(), 60u);
  for (int person = 0; person < 3; ++person)
    for (int image = 0; image < 20; ++image) {
      const int number = std::array{1, 3, 7}[static_cast<std::size_t>(person)];
      EXPECT_EQ(samples[static_cast<std::size_t>(20 * person + image)],
                (Sample{name(number, image + 1), number, image < 10 ? 1 : 2, "train", image < 10 ? 1 : 0}));
    }
}

TEST_F(Caviar, the_order_of_the_halves_does_not_matter) {
  const std::vector<Sample> before = list_samples(files_, Source::kCaviar, root_);
  for (int person : {1, 3, 7})
    for (int image = 1; image <= 10; ++image) {
      fs::rename(root_ / name(person, image), root_ / "kept");
      fs::rename(root_ / name(person, 10 + image), root_ / name(person, image));
      fs::rename(root_ / "kept", root_ / name(person, 10 + image));
    }
  const std::vector<Sample> after = list_samples(files_, Source::kCaviar, root_);
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].camera, 3 - before[i].camera) << after[i].path;
    EXPECT_EQ(after[i].rate, 1 - before[i].rate) << after[i].path;
  }
}

TEST_F(Caviar, whom_one_camera_saw_is_left_out) {
  add_half(2, 0, 10, 5);  // so small that as part of the medians it would change them
  add_half(4, 1, 500, 500);
  const std::vector<Sample> samples = list_samples(files_, Source::kCaviar, root_);
  EXPECT_EQ(samples.size(), 60u);
  EXPECT_THAT(samples, Each(Field(&Sample::identity, testing::AnyOf(1, 3, 7))));
}

// Medians 1000 and 1099, then 1000 and 1100.
TEST_F(Caviar, halves_must_differ_by_a_tenth) {
  remove_all_images();
  add_half(1, 0, 20, 50);
  add_half(1, 1, 7, 157);
  EXPECT_EQ(
      refusal(Source::kCaviar),
      "images 001 to 010 have a median area of 1000 pixels and images 011 to 020 one of 1099 (they must differ by "
      "at least 10 %, or nobody can tell which camera was the closer one); take the images in their native sizes");
  add_half(1, 1, 22, 50);
  EXPECT_EQ(list_samples(files_, Source::kCaviar, root_).front().rate, 0);
  add_half(1, 1, 20, 50);
  EXPECT_THAT(refusal(Source::kCaviar),
              StartsWith("images 001 to 010 have a median area of 1000 pixels and images 011 to 020 "
                         "one of 1000 ("));
}

TEST_F(Caviar, other_counts_of_images_are_refused_by_person) {
  files_.remove(root_ / name(3, 20));
  EXPECT_EQ(
      refusal(Source::kCaviar),
      "person 0003 has 10 of the images 001 to 010 and 9 of 011 to 020 (a person has all ten of one camera, or all "
      "ten of each); unpack the data set again");
  for (int image = 12; image < 20; ++image) files_.remove(root_ / name(3, image));
  EXPECT_THAT(refusal(Source::kCaviar),
              StartsWith("person 0003 has 10 of the images 001 to 010 and 1 of 011 to 020 ("));
  files_.remove(root_ / name(3, 11));
  files_.remove(root_ / name(3, 1));
  EXPECT_THAT(refusal(Source::kCaviar), StartsWith("person 0003 has 9 of the images 001 to 010 and 0 of 011 to 020 ("));
}

TEST_F(Caviar, wrong_names_are_refused_with_the_pattern) {
  touch("0001021.jpg");
  EXPECT_EQ(
      refusal(Source::kCaviar),
      "'0001021.jpg' is not a CAVIAR4REID image name (expected PPPPIII.jpg, persons from 0001, images 001 to 020, "
      "as 0001001.jpg); give the file its published name, or move a file that is not part of the data set out of the "
      "folder");
  files_.remove(root_ / "0001021.jpg");
  expect_names_refused(Source::kCaviar, "", " is not a CAVIAR4REID image name",
                       {"0001000.jpg", "0000001.jpg", "001001.jpg", "00001001.jpg", "0001_001.jpg", "0001001a.jpg",
                        "000100.jpg", "-001001.jpg", "0001001 .jpg", "0008001\x1b.jpg", "0008001\xc3.jpg"});
}

TEST_F(Caviar, two_names_of_one_image_are_refused) {
  touch("0001001.png");
  EXPECT_EQ(refusal(Source::kCaviar),
            "'0001001.jpg' and '0001001.png' are one image by their names; take one of them out");
}

TEST_F(Caviar, an_empty_folder_and_one_without_persons_of_both_cameras_are_refused) {
  remove_all_images();
  EXPECT_THAT(refusal(Source::kCaviar), StartsWith("folder 'ROOT' has no images in it"));
  add_half(1, 0, 10, 5);
  add_half(2, 1, 10, 5);
  EXPECT_EQ(refusal(Source::kCaviar),
            "none of the 2 persons in 'ROOT' has images 001 to 020 (people whom one camera alone saw are left out); "
            "unpack the "
            "data set again");
}

TEST_F(Caviar, images_that_are_none_are_refused_by_name) {
  const fs::path image = root_ / name(3, 15);
  core::write_atomic(files_, image, std::string_view("<html>"));
  EXPECT_THAT(refusal(Source::kCaviar), StartsWith("image 'ROOT/0003015.jpg' is a web page"));
  core::write_atomic(files_, image, std::string_view("neither"));
  EXPECT_THAT(refusal(Source::kCaviar), StartsWith("image 'ROOT/0003015.jpg' is neither JPEG, PNG"));
  files_.remove(image);
  touch(name(3, 15));
  EXPECT_THAT(refusal(Source::kCaviar), StartsWith("image 'ROOT/0003015.jpg' is empty; "));
  files_.remove(image);
  fs::create_directory(image);
  EXPECT_THAT(refusal(Source::kCaviar), StartsWith("cannot read 'ROOT/0003015.jpg'"));
  fs::remove(image);
  fs::create_symlink("nowhere", image);
  EXPECT_THAT(refusal(Source::kCaviar), StartsWith("cannot open 'ROOT/0003015.jpg'"));
}

TEST_F(Caviar, an_irregular_stand_in_has_its_far_half_first_and_a_person_of_one_camera) {
  write_stand_in(files_, root_ / "made",
                 {{.identities = 4, .images_per_camera = 10, .height = 32, .width = 16}, Source::kCaviar, true});
  const std::vector<Sample> samples = list_samples(files_, Source::kCaviar, root_ / "made");
  ASSERT_EQ(samples.size(), 60u);
  for (const Sample& sample : samples) EXPECT_EQ(sample.rate, sample.path.substr(4, 3) <= "010" ? 0 : 1) << sample.path;
  EXPECT_TRUE(files_.exists(root_ / "made/0004011.jpg"));
  EXPECT_FALSE(files_.exists(root_ / "made/0004001.jpg"));
}

}  // namespace
}  // namespace resolute::datasets::caviar_test
