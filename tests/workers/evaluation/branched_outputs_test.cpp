//! \file
//! What an evaluation of a method of two sides and two branches leaves beside its scores.

#include <gtest/gtest.h>

#include <algorithm>

#include "experiments/specification/outputs.h"
#include "results/records/output_file.h"
#include "results/scores/rank_correlation.h"
#include "tests/workers/evaluation/branched_fixture.h"
#include "workers/evaluation/evaluation_outputs.h"

namespace resolute::workers::branched_outputs_test {
namespace {

class BranchedOutputsTest : public BranchedEvaluationTest {
 protected:
  std::optional<EvaluationOutputs> outputs(TwoSidedMethod& method, const EmbeddingProgress& progress = kGoOn) {
    const std::string distance = method.tells().branch_weights ? "weighted" : "equal";
    embedding_ = embed_split(method, *pack_, split_, {.distance = distance}, {}, kGoOn).value();
    const results::GalleryScores scores = score_split(embedding_, split_, protocol_);
    return make_outputs({method, *pack_, split_, {}, embedding_, scores, settings::CopiesFrom::kNative},
                        plan_outputs(method, *pack_, split_, protocol_), progress);
  }
  static std::vector<results::BranchWeights> weights(const EvaluationOutputs& outputs) {
    return results::parse_csv<results::BranchWeights>(core::as_text(outputs.files.at(experiments::kWeightsOutput.file)),
                                                      "weights");
  }
  experiments::EvaluationProtocol protocol_ = everything_asked(2);
  Embedding embedding_;
};

TEST_F(BranchedOutputsTest, weights_csv_holds_each_sample_image_on_both_sides) {
  const EvaluationOutputs made = outputs(two_sided_).value();
  std::vector<results::BranchWeights> expected;
  for (const results::SampleImage& image : results::choose_sample(split_, {1, 2, 3}, 3)) {
    const std::string& path = pack_->row(image.row).sample.path;
    if (image.rate == 1) {
      const ImageRow high = row_of({image.row, 1, methods::Side::kHigh});
      expected.push_back({path, image.identity, image.camera, false, 1, static_cast<float>(high.hr_weight), {}});
    }
    const ImageRow low = row_of({image.row, image.rate, methods::Side::kLow});
    expected.push_back({path, image.identity, image.camera, true, image.rate, static_cast<float>(low.hr_weight),
                        static_cast<float>(low.lr_weight)});
  }
  EXPECT_EQ(3U * 8U * 4U, expected.size());
  EXPECT_EQ(results::csv_text(expected), results::csv_text(weights(made)));
  std::vector<double> lr, rates;
  std::vector<std::int64_t> identities;
  for (const results::BranchWeights& one : expected) {
    if (!one.low) continue;
    lr.push_back(*one.lr);
    rates.push_back(one.rate);
    identities.push_back(one.identity);
  }
  const auto found = results::rank_correlation_interval(lr, rates, identities);
  EXPECT_NE(0, found.rho);
  EXPECT_EQ(found.rho, made.metrics.at("weight_lr_rho"));
  EXPECT_EQ(found.low, made.metrics.at("weight_lr_rho_low"));
  EXPECT_EQ(found.high, made.metrics.at("weight_lr_rho_high"));
  EXPECT_NE(found.rho, made.metrics.at("weight_hr_rho"));
  // The HR image is there without being among the sample's rates.
  protocol_.sample_rates = {3};
  const auto one_rate = weights(outputs(two_sided_).value());
  EXPECT_EQ(3U * 8U * 2U, one_rate.size());
  EXPECT_EQ(1, one_rate[0].rate);
  EXPECT_FALSE(one_rate[0].low);
  EXPECT_EQ(3, one_rate[1].rate);
}

TEST_F(BranchedOutputsTest, a_method_without_learned_weights_and_an_evaluation_without_a_sample_leave_none) {
  TwoSidedMethod without(false);
  EXPECT_FALSE(outputs(without).value().files.contains(experiments::kWeightsOutput.file));
  protocol_.sample_rates.clear();
  const EvaluationOutputs made = outputs(two_sided_).value();
  EXPECT_FALSE(made.files.contains(experiments::kWeightsOutput.file));
  EXPECT_FALSE(made.metrics.contains("weight_hr_rho"));
}

TEST_F(BranchedOutputsTest, written_outputs_name_the_weights_with_their_hash) {
  const auto hashes = write_outputs(core::real_file_system(), raw_->folder() / "written", outputs(two_sided_).value());
  const std::filesystem::path file = raw_->folder() / "written" / experiments::kWeightsOutput.file;
  const core::Bytes text =
      results::read_output(core::real_file_system(), file, hashes.at(experiments::kWeightsOutput.file));
  EXPECT_FALSE(results::parse_csv<results::BranchWeights>(core::as_text(text), "written").empty());
  EXPECT_EQ(hashes, write_outputs(core::real_file_system(), raw_->folder() / "again", outputs(two_sided_).value()));
}

TEST_F(BranchedOutputsTest, samples_and_probe_look_at_hr_images_on_the_high_side_and_others_on_the_low_side) {
  const EvaluationOutputs made = outputs(two_sided_).value();
  ASSERT_EQ(3U * 8U * 3U, made.sample.size());
  for (std::size_t i = 0; i < made.sample.size(); ++i) {
    const results::SampleImage& image = made.sample[i];
    const ImageRow row = row_of({image.row, image.rate, image.rate == 1 ? methods::Side::kHigh : methods::Side::kLow});
    for (std::size_t k = 0; k < kDimension; ++k) EXPECT_EQ(row.hr[k], made.sample_features[i * kDimension + k]);
  }
  std::vector<float> features;
  const std::vector<ProbeImage> images = choose_probe_images(split_);
  for (const bool high : {true, false})
    for (const ProbeImage& image : images) {
      const ImageRow row = row_of(high ? ImageView{image.row, 1, methods::Side::kHigh}
                                       : ImageView{image.row, image.lr_rate, methods::Side::kLow});
      for (double value : row.hr) features.push_back(static_cast<float>(value));
    }
  EXPECT_EQ(resolution_probe(features, images), made.metrics.at("resolution_probe"));
}

TEST_F(BranchedOutputsTest, panels_are_in_the_order_of_the_distances) {
  const results::Panels written = results::parse_panels(
      core::as_text(outputs(two_sided_).value().files.at(experiments::kPanelsOutput.file)), "panels");
  const auto& distances = std::get<DistanceEmbedding>(embedding_).distances;
  const results::GalleryDraw draw = datasets::draw_gallery(split_, split_.options.seed, 0);
  const std::vector<std::size_t> chosen = results::choose_panel_queries(split_, 2);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    std::vector<std::pair<float, std::string>> order;
    for (std::size_t image : draw)
      order.emplace_back(distances[chosen[i] * split_.gallery.size() + image], split_.gallery[image].path);
    std::sort(order.begin(), order.end());
    ASSERT_EQ(results::kPanelImages, written.queries[i].ranked.size());
    for (std::size_t place = 0; place < results::kPanelImages; ++place)
      EXPECT_EQ(order[place].second, written.queries[i].ranked[place].path);
  }
  // Of equally far images the wrong ones stand first.
  auto equal = std::get<DistanceEmbedding>(embedding_);
  std::fill(equal.distances.begin(), equal.distances.end(), 1.0F);
  EXPECT_EQ(split_.query[5].identity,
            split_.gallery[results::rank_gallery(distances_of(equal), split_, 5, draw).back()].identity);
}

TEST_F(BranchedOutputsTest, end_where_progress_says_so) {
  const std::uint64_t images = plan_outputs(two_sided_, *pack_, split_, protocol_).images();
  EXPECT_EQ(3U * 8U * (3U + 4U) + 2U * 160U, images);
  expect_end_where_progress_says_so(images, [&](const auto& progress) { return outputs(two_sided_, progress); });
}

}  // namespace
}  // namespace resolute::workers::branched_outputs_test
