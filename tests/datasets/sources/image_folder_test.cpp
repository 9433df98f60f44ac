#include "datasets/sources/image_folder.h"

#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets::image_folder_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class ImageFolder : public Scratch {
 protected:
  std::vector<std::string> paths(bool follow_links = false) {
    std::vector<std::string> found;
    for (const Sample& sample : sources::list_image_folder(files_, root_, follow_links, remarks_))
      found.push_back(sample.path);
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
  EXPECT_THAT(remarks_.left_out(), ElementsAre(Pair("not named as an image", 2)));
  EXPECT_FALSE(remarks_.refused_any());
  Remarks again;
  EXPECT_EQ((Sample{"a-1.jpeg", 0, 1, "gallery", 1}), sources::list_image_folder(files_, root_, false, again).front());
}

TEST_F(ImageFolder, pictures_of_formats_that_are_not_read_are_counted_apart) {
  for (const char* path : {"a.png", "b.jfif", "c/d.HEIC", "c/e.Tiff", "f.webp.txt", "gif", ".g.webp"}) touch(path);
  EXPECT_THAT(paths(), ElementsAre("a.png"));
  EXPECT_THAT(remarks_.left_out(), ElementsAre(Pair("not named as an image", 2),
                                               Pair("pictures that are neither .jpg, .jpeg, .png nor .bmp", 3)));
}

TEST_F(ImageFolder, linked_folders_are_refused_or_on_request_gone_through_once) {
  touch("in/a/1.png");
  touch("beside/2.png");
  fs::create_directory_symlink("../beside", root_ / "in/out");
  fs::create_directory_symlink("..", root_ / "in/a/round");      // would never end
  fs::create_directory_symlink("../in", root_ / "beside/back");  // nor would this, by way of in/out
  root_ /= "in";
  EXPECT_THAT(paths(), ElementsAre("a/1.png"));
  const std::string message = tests::refusal([&] { remarks_.throw_refused(); });
  EXPECT_THAT(message, HasSubstr("folder 'a/round' is a symbolic link ("));
  EXPECT_THAT(message, HasSubstr("leads to '..'); copy the images, or have links followed: follow_links = true"));
  remarks_ = {};
  EXPECT_THAT(paths(true), ElementsAre("a/1.png", "out/2.png"));
  EXPECT_FALSE(remarks_.refused_any());
  EXPECT_THAT(remarks_.left_out(), ElementsAre(Pair("symbolic link to a folder around it", 2)));
  root_ = root_.parent_path();
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
