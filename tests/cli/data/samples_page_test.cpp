#include "cli/data/samples_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/subcommands.h"
#include "datasets/image/low_resolution.h"
#include "report/page/html.h"
#include "tests/datasets/pack/raw_images.h"
#include "tests/support/matches.h"

namespace resolute::cli::samples_page_test {
namespace {

using datasets::Image;
using testing::HasSubstr;
using testing::Not;
using tests::ChosenImages;

std::string address_of(const Image& image) { return report::png_address(datasets::encode_png(image)); }

TEST(SamplesPage, has_each_image_enlarged_and_at_its_true_size_and_says_what_it_is) {
  ChosenImages raw;
  raw.add({"a1.png", 12, 3, "train"}, 60, 30);
  raw.add({"a2.png", 12, 4, "query"}, 22, 11);
  const datasets::PackReader pack = raw.pack(tests::small_options(2));
  const std::string page = samples_page(pack, 2);
  EXPECT_THAT(page, testing::StartsWith("<!DOCTYPE html>"));
  EXPECT_EQ(page, samples_page(pack, 2));
  for (std::size_t row = 0; row < 2; ++row) {
    Image image = datasets::make_image(12, 6);
    pack.read_hr(row, image.pixels);
    EXPECT_THAT(page, HasSubstr(address_of(image) + "\" width=\"48\" height=\"96\"")) << "eight times as large";
    for (const int rate : {2, 3}) {
      pack.read_view(row, rate, image);
      EXPECT_THAT(
          page, HasSubstr(fmt::format(R"({}" width="{}" height="{}")", address_of(image), image.width, image.height)));
      EXPECT_THAT(page, HasSubstr(address_of(datasets::enlarge(image, 12, 6))));
    }
  }
  for (const char* words : {"id 12<br>camera 3<br>train<br>60x30", "id 12<br>camera 4<br>query<br>22x11", ">/2 view",
                            ">/3 view", "noise from csv: 2 images, 1 identities", ">30x15<", ">20x10<"})
    EXPECT_THAT(page, HasSubstr(words));
  EXPECT_EQ(tests::count_of(page, "<img "), 2U * 5U);
  EXPECT_THAT(samples_page(pack, 1), Not(HasSubstr("camera 4")));
}

TEST(SamplesPage, an_image_that_came_in_low_resolution_stands_in_the_column_of_its_rate) {
  ChosenImages raw;
  raw.add({"a1.png", 0, 1, "train"}, 60, 30);
  raw.add({"a2.png", 5, 2, "train", 3}, 20, 10);
  raw.add({"a3.png", 5, 2, "train", 0}, 20, 10);
  const std::string page = samples_page(raw.pack(tests::small_options(2)), 3);
  const std::string none = "<td>none\n", low = "<td class=\"low\"><img ";
  EXPECT_THAT(page, HasSubstr("distractor<br>"));
  EXPECT_THAT(page, HasSubstr(none + none + low));
  EXPECT_THAT(page, HasSubstr("as it came, rate 3<"));
  EXPECT_THAT(page, HasSubstr("20x10\n" + none + low)) << "an unknown rate stands with the first one's views";
  EXPECT_THAT(page, HasSubstr("as it came, rate unknown<"));
}

TEST(SamplesPage, a_pack_without_views_has_no_column_of_any) {
  ChosenImages raw;
  raw.add({"a.png", 1, 1, "train"}, 20, 10);
  datasets::PackSettings options = tests::small_options();
  options.rates = {1};
  const std::string page = samples_page(raw.pack(options), 1);
  EXPECT_EQ(tests::count_of(page, "<img "), 1U);
  EXPECT_THAT(page, Not(HasSubstr("view<")));
}

TEST(DataShow, the_option_of_before_names_the_one_that_is) {
  for (const char* word : {"--png", "--png=x"})
    tests::expect_error(core::ErrorKind::kInput, {"option --png is no more", "give --html FILE"}, [&] {
      data_show({"pack", "--sample", "8", word});
    });
}

}  // namespace
}  // namespace resolute::cli::samples_page_test
