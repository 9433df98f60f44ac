#include "datasets/sources/image_folder.h"

#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets::image_folder_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class ImageFolder : public Scratch {
 protected:
  std::vector<std::string> paths() {
    std::vector<std::string> found;
    for (const Sample& sample : sources::list_image_folder(files_, root_, remarks_)) found.push_back(sample.path);
    return found;
  }
  Remarks remarks_;
};

TEST_F(ImageFolder, is_walked_in_the_order_of_paths_and_nobody_is_known) {
  // By bytes of the whole path, "-" stands before "/" and that before "0".
  for (const char* path : {"b.png", "a/2.JPG", "a/1.bmp", "a-1.jpeg", "a0.png", "a/b/c.jpg", "notes.txt",
                           "a/.hidden.png", ".cache/x.png", "a/b/readme"})
    touch(path);
  EXPECT_THAT(paths(), ElementsAre("a-1.jpeg", "a/1.bmp", "a/2.JPG", "a/b/c.jpg", "a0.png", "b.png"));
  EXPECT_THAT(remarks_.left_out(), ElementsAre(Pair("no image by its name", 2)));
  EXPECT_FALSE(remarks_.refused_any());
  Remarks again;
  EXPECT_EQ((Sample{"a-1.jpeg", 0, 1, "gallery", 1}), sources::list_image_folder(files_, root_, again).front());
}

TEST_F(ImageFolder, links_to_files_are_followed_and_those_to_folders_are_not) {
  touch("a/1.png");
  std::filesystem::create_symlink(root_ / "a/1.png", root_ / "link.png");
  std::filesystem::create_directory_symlink(root_, root_ / "a/round");  // would never end
  EXPECT_THAT(paths(), ElementsAre("a/1.png", "link.png"));
  EXPECT_THAT(remarks_.left_out(), ElementsAre(Pair("symbolic link to a folder", 1)));
}

TEST_F(ImageFolder, names_that_no_list_can_hold_are_all_named) {
  for (const char* path : {"good.png", "back\\slash.png", "two\nlines.png", "tab\t/in.png", "b\xff.png"}) touch(path);
  EXPECT_THAT(paths(), ElementsAre("good.png"));
  try {
    remarks_.throw_refused();
    FAIL() << "nothing was refused";
  } catch (const RefusedFiles& refused) {
    EXPECT_EQ(4U, refused.count());
    EXPECT_THAT(refused.named().at(1).problem, HasSubstr("'b?.png' is refused (its bytes are not UTF-8); rename it"));
    EXPECT_THAT(refused.named().front().problem, HasSubstr("'back\\slash.png' is refused (parts are set apart by '/'"));
  }
}

TEST_F(ImageFolder, without_an_image_is_refused) {
  touch("notes.txt");
  EXPECT_THAT(tests::refusal([&] { paths(); }), HasSubstr("has no images in it"));
  root_ /= "notes.txt";
  EXPECT_THAT(tests::refusal([&] { paths(); }), HasSubstr("notes.txt' is no folder"));
  root_ = root_.parent_path();
}

}  // namespace
}  // namespace resolute::datasets::image_folder_test
