//! \file
//! Evaluations on images that came in low resolution: there is no HR image of them, and their own size is what a camera
//! stored.

#include <algorithm>

#include "methods/levels.h"
#include "tests/workers/evaluation/evaluation_outputs_fixture.h"

namespace resolute::workers::came_low_test {
namespace {

// Images of camera 2 came in low resolution, one in three at a known rate; larger than the pack's by a known factor.
class CameLowTest : public EvaluationOutputsTest {
 protected:
  static void SetUpTestSuite() {
    raw_ = std::make_unique<tests::RawImages>(20, 2, 24, 12);
    std::vector<datasets::Sample> samples = raw_->samples();
    for (datasets::Sample& sample : samples)
      if (sample.camera == 2) sample.rate = sample.identity % 3 == 0 ? 3 : 0;
    datasets::PackSettings options = tests::small_options();
    options.height = kHeight;
    options.width = kWidth;
    auto& files = core::real_file_system();
    datasets::write_shard(files, raw_->reader(), samples, options, 0, raw_->pack());
    datasets::seal_pack(files, raw_->pack(), options);
  }
  bool came_low(std::size_t row) const { return pack_->row(row).sample.rate != 1; }
};

TEST_F(CameLowTest, the_size_that_an_image_was_stored_at_is_its_own) {
  const std::vector<int> level_rates{4, 3, 2, 1};
  for (datasets::QueryItem& item : split_.query) {
    ASSERT_TRUE(came_low(item.row));
    item.rate = 3;  // whatever a split says
  }
  // One that came in HR: a camera that shrinks it stores a ninth.
  split_.query.push_back({split_.gallery.front().row, split_.gallery.front().path, 1, 1, 3});
  const std::vector<int> levels = query_levels(level_rates, *pack_, split_, settings::QueryLevel::kNativeSize);
  ASSERT_EQ(split_.query.size(), levels.size());
  for (std::size_t q = 0; q < levels.size(); ++q) {
    const datasets::PackRow& row = pack_->row(split_.query[q].row);
    const int shrunk_by = q + 1 == levels.size() ? 3 : 1;
    EXPECT_EQ(methods::level_of_area(level_rates, kHeight * kWidth,
                                     (row.native_height / shrunk_by) * (row.native_width / shrunk_by)),
              levels[q]);
  }
  // 24 to 26 × 14 beside 32 × 16, and 8 × 4.
  EXPECT_TRUE(std::all_of(levels.begin(), levels.end() - 1, [](int level) { return level == 4; }));
  EXPECT_EQ(1, levels.back());
  for (int level : query_levels(level_rates, *pack_, split_, settings::QueryLevel::kKnown)) EXPECT_EQ(2, level);
}

// A list tells that only once there is a pack.
TEST_F(CameLowTest, other_query_rates_are_refused_and_the_splits_own_change_nothing) {
  EXPECT_EQ(split_, split_asked(*pack_, split_, {}));
  EXPECT_EQ(split_, split_asked(*pack_, split_, {2, 3}));
  tests::expect_error(core::ErrorKind::kInput,
                      {"key 'evaluate.query_rates' has the value [2]", "came in low resolution", "leave it out"},
                      [&] { split_asked(*pack_, split_, {2}); });
}

TEST_F(EvaluationOutputsTest, an_evaluation_at_other_rates_asks_the_same_trial) {
  const datasets::Split asked = split_asked(*pack_, split_, {3});
  EXPECT_EQ(split_.gallery, asked.gallery);
  EXPECT_EQ(split_.query.size(), asked.query.size());
  for (const datasets::QueryItem& item : asked.query) EXPECT_EQ(3, item.rate);
}

TEST_F(CameLowTest, what_is_held_against_an_hr_original_leaves_out_images_that_have_none) {
  const auto network = method<experiments::RainOptions>();
  const OutputPlan plan = plan_outputs(*network, *pack_, split_, protocol_);
  // Three identities with two gallery images each, at three rates.
  EXPECT_EQ(3U * 2U * 3U, plan.sample.size());
  EXPECT_EQ(plan.sample, plan.recovered);
  EXPECT_EQ(split_.gallery.size(), plan.probe.size());
  for (const results::SampleImage& image : plan.sample) EXPECT_FALSE(came_low(image.row));
  for (const ProbeImage& image : plan.probe) EXPECT_FALSE(came_low(image.row));

  // Queries are shown, beside no reconstruction.
  const EvaluationOutputs made = outputs(*network).value();
  const results::Panels shown = panels(made);
  EXPECT_EQ(4U, shown.queries.size());
  for (std::size_t i = 0; i < shown.queries.size(); ++i) {
    EXPECT_FALSE(shown.queries[i].reconstruction);
    EXPECT_TRUE(made.files.contains(results::gallery_panel_file(i)));
    EXPECT_FALSE(made.files.contains(results::reconstruction_panel_file(i)));
  }
  EXPECT_TRUE(made.metrics.contains("psnr_gain_2"));
  EXPECT_TRUE(made.metrics.contains("resolution_probe"));
}

}  // namespace
}  // namespace resolute::workers::came_low_test
