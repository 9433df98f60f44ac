//! Which LR views are no smaller than the network's images, and from where their sizes are known.

#include "datasets/pack/high_views.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "datasets/sources/source.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets::high_views_test {
namespace {

using settings::ViewFrom;
using testing::HasSubstr;

PackSettings small_pack(std::vector<int> rates = {2, 3, 4}) {
  PackSettings pack;
  pack.name = "street";
  pack.rates = std::move(rates);
  pack.height = 64;
  pack.width = 32;
  return pack;
}

std::vector<NativeImage> images_of(std::initializer_list<ImageSize> sizes) {
  std::vector<NativeImage> images;
  for (const ImageSize& size : sizes) images.push_back({size});
  return images;
}

TEST(HighViews, are_those_with_both_sides_as_large_as_the_networks) {
  struct Case {
    int height, width;
    std::vector<int> rates;  // at which views are not low
  };
  for (const auto& [height, width, rates] : std::vector<Case>{{64, 32, {}},
                                                              {127, 64, {}},
                                                              {128, 63, {}},
                                                              {128, 64, {2}},
                                                              {191, 96, {2}},
                                                              {1024, 512, {2, 3, 4}},
                                                              {1024, 63, {}},
                                                              {63, 1024, {}}}) {
    std::vector<int> found;
    for (const HighViews& one : high_views(small_pack(), images_of({{height, width}}))) found.push_back(one.rate);
    EXPECT_EQ(rates, found) << height << 'x' << width;
  }
}

TEST(HighViews, are_counted_image_by_image_and_told_in_one_line) {
  const auto images = images_of({{64, 32}, {128, 64}, {300, 130}});
  EXPECT_EQ(
      "data set 'street': LR views at rate 2 (64x32 to 150x65, 2 of 3 images), at rate 3 (100x43, 1 of 3 images), at "
      "rate 4 (75x32, 1 of 3 images) are no smaller than the network's images (64x32): nothing is low there; set "
      "view_from = \"network\", or raise height and width",
      high_views_warning(small_pack(), images));
  EXPECT_EQ("", high_views_warning(small_pack(), images_of({{64, 32}})));
}

// 150x75 at 2.3 is 65x32, at 2.5 it is 60x30.
TEST(HighViews, of_drawn_rates_are_those_at_the_lowest) {
  PackSettings pack = small_pack({4});
  const auto images = images_of({{150, 75}});
  EXPECT_TRUE(high_views(pack, images).empty());
  pack.degradation.rate = {2.5, 6};
  EXPECT_TRUE(high_views(pack, images).empty());
  pack.degradation.rate = {2.3, 6};
  EXPECT_THAT(high_views_text(pack, high_views(pack, images)), HasSubstr("LR views at rate 4 (65x32, 1 of 1 images)"));
}

TEST(HighViews, of_images_that_came_low_are_the_images_themselves) {
  const std::vector<NativeImage> images{{{70, 40}, true}, {{60, 40}, true}, {{64, 32}}};
  for (const ViewFrom from : {ViewFrom::kNative, ViewFrom::kNetwork}) {
    PackSettings pack = small_pack();
    pack.view_from = from;
    const auto found = high_views(pack, images);
    ASSERT_EQ(1U, found.size());
    EXPECT_THAT(high_views_text(pack, found), HasSubstr("LR views as they came (70x40, 1 of 2 images) are"));
  }
}

// The higher the rate, the fewer images; the larger the images, the more; and two ways out lead out.
RC_GTEST_PROP(HighViewsProperty, fall_with_the_rate_and_grow_with_the_image, ()) {
  const auto side = rc::gen::inRange(1, 700);
  std::vector<NativeImage> images, larger;
  for (int i = *rc::gen::inRange(1, 8); i > 0; --i) {
    images.push_back({{*side, *side}});
    larger.push_back({{images.back().size.height + *side, images.back().size.width + *side}});
  }
  PackSettings pack = small_pack({2, 3, 4, 6, 8});
  pack.height = *rc::gen::inRange(2, 300);
  pack.width = *rc::gen::inRange(2, 300);
  const auto count_at = [&](const std::vector<NativeImage>& images, int rate) {
    for (const HighViews& one : high_views(pack, images))
      if (one.rate == rate) return one.images;
    return std::size_t{0};
  };
  for (std::size_t i = 0; i < pack.rates.size(); ++i) {
    if (i > 0) RC_ASSERT(count_at(images, pack.rates[i]) <= count_at(images, pack.rates[i - 1]));
    RC_ASSERT(count_at(images, pack.rates[i]) <= count_at(larger, pack.rates[i]));
  }
  for (const HighViews& one : high_views(pack, images)) {
    RC_ASSERT(one.images <= one.all && one.all == images.size());
    RC_ASSERT(one.least.height >= pack.height && one.least.width >= pack.width);
  }
  PackSettings from_network = pack, tall = pack;
  from_network.view_from = ViewFrom::kNetwork;
  tall.height = tall.width = 700;
  RC_ASSERT(high_views(from_network, images).empty());
  RC_ASSERT(high_views(tall, images).empty());
}

// It makes no difference if headers, a manifest or the settings of drawn people tell: the sizes are the same.
TEST(HighViews, sizes_are_those_of_the_pack_before_it_is_made_and_after) {
  const tests::TemporaryFolder folder;
  auto& files = core::real_file_system();
  PackSettings pack = small_pack({2});
  pack.source = Source::kSynthetic;
  pack.synthetic = SyntheticSettings{.identities = 4, .images_per_camera = 2, .height = 130, .width = 66};
  const auto text = [&] {
    const auto images = native_images(files, pack, folder / "pack", folder / "raw");
    return images ? high_views_warning(pack, *images) : "not known";
  };
  const std::string planned = text();
  EXPECT_THAT(planned, HasSubstr("at rate 2 (65x33, 16 of 16 images)"));
  draw_raw_images(files, folder / "raw", pack);
  EXPECT_EQ(planned, text());
  write_shard(files, *open_raw(files, pack.source, folder / "raw"), list_samples(files, pack.source, folder / "raw"),
              pack, 0, folder / "pack");
  EXPECT_EQ(planned, text());
  seal_pack(files, folder / "pack", pack);
  fs::remove_all(folder / "raw");
  EXPECT_EQ(planned, text());
  pack.source = Source::kViper;  // whose images are not here
  pack.synthetic.reset();
  EXPECT_FALSE(native_images(files, pack, folder / "none", folder / "none"));
  EXPECT_FALSE(native_images(files, pack, folder / "none", ""));
}

TEST(DrawnFolder, is_known_moved_copied_mixed_with_other_images_and_from_its_pack) {
  const tests::TemporaryFolder folder;
  auto& files = core::real_file_system();
  const auto drawn = [&](const std::string& root, const std::string& pack = "none") {
    return holds_drawn_images(files, Source::kMarket1501, root.empty() ? "" : (folder / root).string(), folder / pack);
  };
  StandInSettings made = stand_in_settings(Source::kMarket1501);
  made.identities = 4;
  write_stand_in(files, folder / "people", made);
  EXPECT_TRUE(drawn("people"));
  fs::rename(folder / "people", folder / "moved");
  EXPECT_FALSE(drawn("people"));
  EXPECT_TRUE(drawn("moved"));
  // A copy in the folder that the source's own is looked for in.
  fs::create_directories(folder / "parent");
  fs::copy(folder / "moved", folder / "parent/Market-1501-v15.09.15", fs::copy_options::recursive);
  EXPECT_TRUE(drawn("parent"));
  core::write_atomic(files, folder / "moved/bounding_box_train/0900_c1s1_000001_00.jpg", std::string_view("real"));
  EXPECT_TRUE(drawn("moved"));
  // The same of a pack, and where no image is any more; a real folder leaves nothing.
  keep_drawn_file(files, Source::kMarket1501, folder / "parent", folder / "pack");
  EXPECT_TRUE(drawn("", "pack"));
  EXPECT_TRUE(drawn("gone", "pack"));
  fs::create_directories(folder / "real");
  keep_drawn_file(files, Source::kMarket1501, folder / "real", folder / "other");
  EXPECT_FALSE(drawn("real", "other"));
  EXPECT_FALSE(fs::exists(folder / "other"));
}

}  // namespace
}  // namespace resolute::datasets::high_views_test
