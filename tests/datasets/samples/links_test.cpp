#include "datasets/samples/links.h"

#include <algorithm>

#include "core/error.h"
#include "datasets/sources/raw_reader.h"
#include "tests/datasets/sources/scratch.h"

namespace resolute::datasets::links_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A stand-in of each source whose images lie elsewhere, as DVC and git-annex leave them.
class Links : public Scratch {
 protected:
  std::vector<Sample> draw(Source source) {
    StandInSettings settings = stand_in_settings(source);
    settings.identities = std::max(8, settings::facts_of(source).stand_in.identities.low);
    write_stand_in(files_, root_ / "set", settings);
    return list_samples(files_, source, root_ / "set");
  }
  std::vector<fs::path> images() {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(root_ / "set"))
      if (entry.is_regular_file() && sources::is_image_name(entry.path().filename().string()))
        found.push_back(entry.path());
    return found;
  }
};

TEST_F(Links, of_images_are_refused_by_every_source_with_the_same_line_and_followed_on_request) {
  for (std::size_t i = 0; i < settings::kSources.size(); ++i) {
    const auto source = static_cast<Source>(i);
    SCOPED_TRACE(settings::word(source));
    const std::vector<Sample> samples = draw(source);
    std::size_t count = 0;
    for (const fs::path& image : images()) {
      const fs::path elsewhere = root_ / "other" / std::to_string(count++);
      fs::create_directories(elsewhere.parent_path());
      fs::rename(image, elsewhere);
      fs::create_symlink(elsewhere, image);
    }
    const std::string message = refusal_at(source, root_ / "set");
    EXPECT_THAT(message, StartsWith("image '"));
    EXPECT_THAT(message,
                HasSubstr(fmt::format(" lies behind a symbolic link, and {} more do ('ROOT/set/", samples.size() - 1)));
    EXPECT_THAT(message, HasSubstr("follow_links = true"));
    EXPECT_EQ(samples, list_samples(files_, source, root_ / "set", SingleImages::kRefused, true));
    SetUp();
  }
}

TEST_F(Links, to_folders_count_and_the_folder_of_the_set_may_be_one) {
  const std::vector<Sample> samples = draw(Source::kMarket1501);
  fs::create_directory_symlink("set", root_ / "entrance");
  EXPECT_EQ(samples, list_samples(files_, Source::kMarket1501, root_ / "entrance"));
  fs::rename(root_ / "set/query", root_ / "elsewhere");
  fs::create_directory_symlink("../elsewhere", root_ / "set/query");
  EXPECT_THAT(refusal_at(Source::kMarket1501, root_ / "entrance"),
              HasSubstr("('ROOT/entrance/query' leads to '../elsewhere'); copy the images, or"));
  EXPECT_EQ(samples, list_samples(files_, Source::kMarket1501, root_ / "entrance", SingleImages::kRefused, true));
}

// By itself the rule asks what lies on the way, not where it ends: a link that stays in the folder, one to another
// link, one to nothing and one to itself.
TEST_F(Links, of_every_kind_count_wherever_they_lead) {
  touch("set/1.jpg");
  const auto link = [&](const char* to, const char* name) { fs::create_symlink(to, root_ / "set" / name); };
  link("1.jpg", "inside.jpg");
  link("inside.jpg", "twice.jpg");
  link("nowhere", "dangling.jpg");
  link("round.jpg", "round.jpg");
  link("../../..", "out");
  const auto refused = [&](const std::string& path) {
    Remarks remarks;
    sources::refuse_links(
        root_ / "set", {{path, 1, 1, "gallery"}}, [&](const std::string& one) { return root_ / "set" / one; }, remarks);
    return tests::refusal([&] { remarks.throw_refused(); });
  };
  EXPECT_EQ(refused("1.jpg"), "");
  EXPECT_EQ(refused("gone.jpg"), "");  // whoever reads it tells
  EXPECT_THAT(refused("inside.jpg"), HasSubstr("inside.jpg' leads to '1.jpg')"));
  EXPECT_THAT(refused("twice.jpg"), HasSubstr("twice.jpg' leads to 'inside.jpg')"));
  EXPECT_THAT(refused("dangling.jpg"), HasSubstr("dangling.jpg' leads to 'nowhere')"));
  EXPECT_THAT(refused("round.jpg"), HasSubstr("round.jpg' leads to 'round.jpg')"));
  EXPECT_THAT(refused("out/etc/1.jpg"), HasSubstr("set/out' leads to '../../..')"));
}

TEST_F(Links, that_lead_to_no_image_are_refused_though_links_are_followed) {
  draw(Source::kMarket1501);
  const fs::path image = images().front();
  for (const fs::path& target : {fs::path("nowhere"), image.filename()}) {
    fs::remove(image);
    fs::create_symlink(target, image);
    const auto raw = open_raw(files_, Source::kMarket1501, root_ / "set");
    EXPECT_THROW(raw->read(image.lexically_relative(root_ / "set").string()), core::RuntimeError);
  }
}

}  // namespace
}  // namespace resolute::datasets::links_test
