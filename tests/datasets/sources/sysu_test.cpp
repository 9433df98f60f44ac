
#include "datasets/image/image.h"
#include "datasets/samples/name_key.h"
#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets::sysu_test {
namespace {

using testing::StartsWith;
using testing::UnorderedElementsAre;

class Sysu : public Scratch {
 protected:
  // Images of (identity, camera), numbered from 1; adds them to the list.
  void add(int identity, int camera, int images) {
    for (int image = 1; image <= images; ++image) {
      const std::string path = fmt::format("{}/{}_{}.jpg", camera, identity, image);
      touch(path);
      list_ += fmt::format("{},{},{}\n", path, identity, camera);
    }
    std::ofstream(root_ / "images.csv") << list_;
  }
  std::vector<std::string> kept(std::int64_t identity, std::int64_t camera) {
    std::vector<std::string> paths;
    for (const Sample& sample : list_samples(files_, Source::kSysu, root_))
      if (sample.identity == identity && sample.camera == camera) paths.push_back(sample.path);
    return paths;
  }

  std::string list_ = "path,identity,camera\n";
};

TEST_F(Sysu, keeps_three_images_of_each_identity_and_camera_by_the_hash_of_their_paths) {
  add(1, 1, 9);
  add(1, 2, 4);
  add(2, 1, 3);
  add(2, 2, 2);
  std::vector<std::string> nine;
  for (int image = 1; image <= 9; ++image) nine.push_back(fmt::format("1/1_{}.jpg", image));
  std::ranges::sort(nine, [](const std::string& a, const std::string& b) { return name_key(a) < name_key(b); });
  EXPECT_THAT(kept(1, 1), UnorderedElementsAre(nine[0], nine[1], nine[2]));
  EXPECT_EQ(kept(1, 2).size(), 3U);
  EXPECT_THAT(kept(2, 1), UnorderedElementsAre("1/2_1.jpg", "1/2_2.jpg", "1/2_3.jpg"));
  EXPECT_THAT(kept(2, 2), UnorderedElementsAre("2/2_1.jpg", "2/2_2.jpg"));
}

TEST_F(Sysu, the_choice_depends_neither_on_the_order_of_the_list_nor_on_other_identities) {
  add(1, 1, 8);
  add(1, 2, 8);
  const auto first = kept(1, 1);
  const auto second = kept(1, 2);
  std::vector<std::string> lines;
  std::istringstream text(list_);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  list_ = lines.front() + "\n";
  for (std::size_t i = lines.size() - 1; i > 0; --i) list_ += lines[i] + "\n";
  add(2, 1, 5);
  add(2, 2, 5);
  EXPECT_EQ(kept(1, 1), first);
  EXPECT_EQ(kept(1, 2), second);
}

TEST_F(Sysu, identities_of_one_camera_and_distractors_stay_in) {
  add(1, 1, 4);
  add(2, 1, 4);
  add(2, 2, 4);
  add(0, 2, 5);
  EXPECT_EQ(kept(1, 1).size(), 3U);
  EXPECT_EQ(kept(1, 2).size(), 0U);
  EXPECT_EQ(kept(0, 2).size(), 5U);
}

TEST_F(Sysu, other_cameras_than_1_and_2_are_refused) {
  add(1, 1, 2);
  EXPECT_EQ(refusal(Source::kSysu),
            "'images.csv' has no image of camera 2 (SYSU has cameras 1 and 2); number them so, or read "
            "the list as source 'csv'");
  add(1, 3, 1);
  EXPECT_THAT(refusal(Source::kSysu), StartsWith("'images.csv', line 4: camera is 3 (SYSU has cameras 1 and 2)"));
}

TEST_F(Sysu, what_is_wrong_with_the_list_is_refused_as_in_any) {
  EXPECT_THAT(refusal(Source::kSysu), StartsWith("file 'images.csv' is missing in 'ROOT'"));
  add(1, 1, 1);
  list_ += "../1.jpg,1,2\n";
  add(1, 2, 1);
  EXPECT_THAT(refusal(Source::kSysu), StartsWith("'images.csv', line 3: path '../1.jpg' is refused ("));
}

TEST_F(Sysu, its_stand_in_is_listed_and_every_image_can_be_read) {
  for (const bool irregular : {false, true}) {
    const StandInSettings options{
        {.identities = 5, .cameras = 2, .images_per_camera = 4, .height = 32, .width = 16}, Source::kSysu, irregular};
    const fs::path out = root_ / (irregular ? "irregular" : "plain");
    write_stand_in(files_, out, options);
    std::map<std::pair<std::int64_t, std::int64_t>, int> images;
    const RawFolder raw(files_, out);
    for (const Sample& sample : list_samples(files_, Source::kSysu, out)) {
      ++images[{sample.identity, sample.camera}];
      EXPECT_GT(decode_image(raw.read(sample.path), sample.path).height, 0);
    }
    for (std::int64_t identity = 1; identity <= 5; ++identity) {
      EXPECT_EQ((images[{identity, 1}]), 3);
      EXPECT_EQ((images[{identity, 2}]), !irregular || identity < 4 ? 3 : identity == 4 ? 2 : 0);
    }
  }
}

}  // namespace
}  // namespace resolute::datasets::sysu_test
