//! Which images a map of features shows.

#include "report/figures/feature_maps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/files/file_system.h"
#include "datasets/hdf5/array_file.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::report::feature_maps_test {
namespace {

using namespace testing;

// A sample of so many people, each with as many images, each of these at three rates. The first feature is its line.
std::filesystem::path write_sample(const std::filesystem::path& folder, int people, int each) {
  std::vector<float> features;
  std::vector<std::int64_t> identities, rates, rows;
  for (int image = 0; image < people * each; ++image)
    for (const int rate : {1, 4, 8}) {
      features.push_back(static_cast<float>(identities.size()));
      features.push_back(1);
      identities.push_back(1 + image % people);
      rates.push_back(rate);
      rows.push_back(image);
    }
  datasets::ArrayFileWriter writer;
  const std::uint64_t count = identities.size();
  writer.add("features", {count, 2}, std::span<const float>(features));
  writer.add("identities", {count}, std::span<const std::int64_t>(identities));
  writer.add("rates", {count}, std::span<const std::int64_t>(rates));
  writer.add("row", {count}, std::span<const std::int64_t>(rows));
  writer.write(core::real_file_system(), folder / "samples.h5");
  return folder / "samples.h5";
}

TEST(FeatureMapsTest, a_small_sample_is_mapped_whole) {
  const tests::TemporaryFolder folder;
  const results::MappedImages images = results::read_sampled_images(write_sample(folder.path(), 4, 3));
  EXPECT_EQ(4U * 3U * 3U, images.identities.size());
  EXPECT_EQ(2U, images.dimensions);
  EXPECT_THAT(std::set(images.rates.begin(), images.rates.end()), ElementsAre(1, 4, 8));
  for (std::size_t i = 0; i < images.identities.size(); ++i) EXPECT_EQ(static_cast<float>(i), images.features[2 * i]);
}

// RAIN's figure 3 shows all of its 35 people, whatever room their images leave.
TEST(FeatureMapsTest, of_a_large_sample_everybody_is_mapped_at_every_rate) {
  const tests::TemporaryFolder folder;
  const results::MappedImages images = results::read_sampled_images(write_sample(folder.path(), 35, 10));
  std::map<std::pair<std::int64_t, int>, int> seen;
  for (std::size_t i = 0; i < images.identities.size(); ++i) ++seen[{images.identities[i], images.rates[i]}];
  EXPECT_EQ(35U * 3U, seen.size());
  for (const auto& [who, count] : seen) EXPECT_EQ(3, count) << who.first << " at rate " << who.second;
  EXPECT_LE(images.identities.size(), 400U);
}

// The map's work grows with the square of its images.
TEST(FeatureMapsTest, of_more_people_than_there_is_room_for_the_first_are_mapped_at_every_rate) {
  const tests::TemporaryFolder folder;
  const results::MappedImages images = results::read_sampled_images(write_sample(folder.path(), 300, 2));
  EXPECT_EQ(133U, std::set(images.identities.begin(), images.identities.end()).size());
  EXPECT_EQ(399U, images.identities.size());
}

// The program that wrote the file may be anybody's.
TEST(FeatureMapsTest, arrays_of_different_lengths_are_refused) {
  const tests::TemporaryFolder folder;
  const std::vector<float> features(20);
  const std::vector<std::int64_t> ones(20, 1);
  const auto written = [&](const std::vector<std::string>& of_eleven, std::uint64_t query_dimensions) {
    datasets::ArrayFileWriter writer;
    for (const std::string side : {"", "query/", "gallery/"}) {
      const std::uint64_t dimensions = side == "query/" ? query_dimensions : 2;
      writer.add(side + "features", {20 / dimensions, dimensions}, std::span<const float>(features));
      for (const char* name : {"identities", "rates", "row"}) {
        const std::size_t rows = 20 / dimensions + (std::ranges::count(of_eleven, side + name) > 0 ? 1 : 0);
        writer.add(side + name, {rows}, std::span<const std::int64_t>(ones).first(rows));
      }
    }
    writer.write(core::real_file_system(), folder / "features.h5");
    return folder / "features.h5";
  };
  EXPECT_EQ(20U, results::read_mapped_images(written({}, 2), {}).identities.size());
  for (const char* name : {"query/identities", "gallery/identities"})
    EXPECT_THAT([&] { results::read_mapped_images(written({name}, 2), {}); },
                tests::fails(core::ErrorKind::kInput, AllOf(HasSubstr(name), HasSubstr("11 rows"))));
  EXPECT_THAT([&] { results::read_mapped_images(written({}, 1), {}); },
              tests::fails(core::ErrorKind::kInput, HasSubstr("dimensions")));
  for (const char* name : {"identities", "rates", "row"})
    EXPECT_THAT([&] { results::read_sampled_images(written({name}, 2)); },
                tests::fails(core::ErrorKind::kInput, AllOf(HasSubstr(name), HasSubstr("11 rows"))));
}

TEST(FeatureMapsTest, a_samples_images_are_named_by_their_rate) {
  const tests::TemporaryFolder folder;
  const auto figures = feature_maps(results::read_sampled_images(write_sample(folder.path(), 4, 3)), "RAIN");
  ASSERT_EQ(2U, figures.size());
  std::vector<std::string> names;
  for (const FigureSeries& series : figures[1].series) names.push_back(series.name);
  EXPECT_THAT(names, ElementsAre("rate 1", "rate 4", "rate 8"));
  EXPECT_EQ(4U, figures[0].series.size());
}

}  // namespace
}  // namespace resolute::report::feature_maps_test
