//! \file
//! What an evaluation leaves of a method's decoders: recovery.csv and its metrics, panels with several scales, and how
//! panels show wide images.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/error.h"
#include "datasets/loader/normalisation.h"
#include "tests/support/equal.h"
#include "tests/workers/evaluation/evaluation_outputs_fixture.h"
#include "workers/evaluation/recovery.h"

namespace resolute::workers::recovery_outputs_test {
namespace {

using datasets::Image;
using RecoveryKey = std::tuple<std::string, int, int>;  // path, rate, scale

// Embeds as a baseline and pretends to have decoders that add a number to every normalised value.
class PretendedCascade final : public methods::Method {
 public:
  PretendedCascade(std::unique_ptr<methods::Method> inner, std::map<int, float> added)
      : methods::Method({.needs = {}, .tells = {.recovered = scales_of(added)}, .cost = {}}),
        inner_(std::move(inner)),
        added_(std::move(added)) {}
  torch::nn::Module& module() override { return inner_->module(); }
  std::vector<methods::ParameterGroup> parameter_groups() override { return inner_->parameter_groups(); }
  std::vector<methods::Phase> phases() const override { return inner_->phases(); }
  methods::Activations forward(const methods::LaneBatch& batch) override { return inner_->forward(batch); }
  std::vector<methods::LossTerm> losses(std::size_t phase, const methods::Activations& activations,
                                        const methods::LaneBatch& batch) override {
    return inner_->losses(phase, activations, batch);
  }
  at::Tensor embed(const at::Tensor& images) override { return inner_->embed(images); }
  int embedding_size() const override { return inner_->embedding_size(); }
  std::vector<at::Tensor> recover(const at::Tensor& images) override {
    batches.push_back(images.size(0));
    std::vector<at::Tensor> recovered;
    for (const int scale : tells().recovered) recovered.push_back(images + added_.at(scale));
    return recovered;
  }
  // What recover() makes of a picture.
  Image expected(const Image& picture, int scale) const {
    Image made = picture;
    for (std::size_t i = 0; i < made.pixels.size(); ++i)
      made.pixels[i] =
          datasets::nearest_level(datasets::normalised_level(picture.pixels[i], i % 3) + added_.at(scale), i % 3);
    return made;
  }

  std::vector<std::int64_t> batches;

 private:
  static std::vector<int> scales_of(const std::map<int, float>& added) {
    std::vector<int> scales;
    for (auto scale = added.rbegin(); scale != added.rend(); ++scale) scales.push_back(scale->first);
    return scales;
  }
  std::unique_ptr<methods::Method> inner_;
  std::map<int, float> added_;
};

results::PictureQuality quality(const Image& picture, const Image& reference) {
  return results::picture_quality({kHeight, kWidth, picture.pixels}, {kHeight, kWidth, reference.pixels});
}

class RecoveryOutputsTest : public EvaluationOutputsTest {
 protected:
  PretendedCascade cascade(std::map<int, float> added = {{3, 0.0F}, {2, 0.4F}, {1, -0.3F}}) const {
    return {method<experiments::BaselineOptions>(), std::move(added)};
  }
  static std::vector<results::ImageRecoveryQuality> recovery(const EvaluationOutputs& outputs) {
    return results::parse_csv<results::ImageRecoveryQuality>(
        core::as_text(outputs.files.at(experiments::kRecoveryOutput.file)), "recovery");
  }
  // The copy that a training makes.
  Image copy(std::size_t row, int rate) const {
    Image image;
    if (copies_from_ == settings::CopiesFrom::kNative)
      pack_->read_view(row, rate, image);
    else
      pack_->read_lr(row, rate, image);
    return datasets::enlarge(image, kHeight, kWidth);
  }
};

TEST_F(RecoveryOutputsTest, recovery_csv_holds_every_decoders_output_against_what_it_aims_at) {
  PretendedCascade method = cascade();
  const EvaluationOutputs made = outputs(method).value();
  std::vector<results::ImageRecoveryQuality> expected;
  for (const results::SampleImage& image : results::choose_sample(split_, {1, 2, 3}, 3))
    for (int scale : {3, 2, 1}) {
      const Image input = view({image.row, image.rate}), aim = copy(image.row, scale);
      const auto recovered = quality(method.expected(input, scale), aim), enlarged = quality(input, aim);
      expected.push_back({pack_->row(image.row).sample.path,
                          image.identity,
                          image.camera,
                          image.rate,
                          scale,
                          {static_cast<float>(recovered.psnr), static_cast<float>(recovered.ssim)},
                          {static_cast<float>(enlarged.psnr), static_cast<float>(enlarged.ssim)}});
    }
  EXPECT_EQ(3U * 4U * 3U * 3U, expected.size());
  EXPECT_EQ(results::csv_text(expected), results::csv_text(recovery(made)));
  // Of identities that no training saw.
  std::set<std::int64_t> trained;
  for (const datasets::TrainItem& item : split_.train) trained.insert(item.identity);
  for (const results::ImageRecoveryQuality& line : expected) EXPECT_FALSE(trained.contains(line.identity));
  // In blocks of a fixed size; panels one by one.
  EXPECT_EQ(1U, static_cast<std::size_t>(std::count(method.batches.begin(), method.batches.end(), 4)));
  EXPECT_EQ(
      2U, static_cast<std::size_t>(std::count(method.batches.begin(), method.batches.end(), results::kRecoveryBatch)));
}

// Images are a pixel or two larger than the networks', so copies of either are others.
TEST_F(RecoveryOutputsTest, what_a_decoder_aims_at_is_the_copy_that_the_training_made) {
  std::set<std::string> files;
  for (const auto from : {settings::CopiesFrom::kNative, settings::CopiesFrom::kNetwork}) {
    copies_from_ = from;
    PretendedCascade method = cascade({{3, 0.0F}, {1, 0.0F}});
    const std::vector<results::ImageRecoveryQuality> lines = recovery(outputs(method).value());
    std::size_t at = 0;
    for (const results::SampleImage& image : results::choose_sample(split_, {1, 2, 3}, 3))
      for (const int scale : {3, 1}) {
        const auto aimed = quality(view({image.row, image.rate}), copy(image.row, scale));
        EXPECT_EQ(static_cast<float>(aimed.psnr), lines.at(at).enlarged.psnr);
        ++at;
      }
    EXPECT_EQ(at, lines.size());
    files.insert(results::csv_text(lines));
  }
  EXPECT_EQ(2U, files.size());
}

TEST_F(RecoveryOutputsTest, metrics_are_means_over_images_of_each_rate_above_1_at_scale_1) {
  PretendedCascade method = cascade();
  const EvaluationOutputs made = outputs(method).value();
  for (int rate : {2, 3}) {
    double recovered = 0, enlarged = 0, recovered_ssim = 0, enlarged_ssim = 0, images = 0;
    for (const results::ImageRecoveryQuality& line : recovery(made)) {
      if (line.rate != rate || line.scale != 1) continue;
      recovered += line.recovered.psnr;
      enlarged += line.enlarged.psnr;
      recovered_ssim += line.recovered.ssim;
      enlarged_ssim += line.enlarged.ssim;
      ++images;
    }
    EXPECT_EQ(12, images);
    const auto metric = [&](const std::string& name) { return made.metrics.at(fmt::format("{}_{}", name, rate)); };
    EXPECT_EQ(recovered / images, metric("recovered_psnr"));
    EXPECT_EQ(enlarged / images, metric("enlarged_psnr"));
    EXPECT_EQ(recovered / images - enlarged / images, metric("psnr_gain"));
    EXPECT_EQ(recovered_ssim / images, metric("recovered_ssim"));
    EXPECT_EQ(enlarged_ssim / images, metric("enlarged_ssim"));
  }
  for (const char* name : {"recovered_psnr_1", "psnr_gain_1", "enlarged_ssim_1"})
    EXPECT_FALSE(made.metrics.contains(name)) << name;
  protocol_.sample_rates.clear();
  const EvaluationOutputs without = outputs(method).value();
  EXPECT_FALSE(without.files.contains(experiments::kRecoveryOutput.file));
  EXPECT_FALSE(without.metrics.contains("psnr_gain_2"));
}

TEST_F(RecoveryOutputsTest, no_figure_depends_on_the_number_of_threads) {
  const auto lines = [&](int threads) {
    at::set_num_threads(threads);
    PretendedCascade method = cascade();
    const auto measured =
        measure_recovery(method, *pack_, results::choose_sample(split_, {1, 2, 3}, 10), copies_from_, kGoOn).value();
    at::set_num_threads(1);
    return results::csv_text(measured);
  };
  const std::string one = lines(1);
  EXPECT_EQ(one, lines(4));
  EXPECT_EQ(one, lines(3));
}

TEST_F(RecoveryOutputsTest, a_scale_that_the_pack_lacks_is_refused_before_anything_is_embedded) {
  PretendedCascade method = cascade({{4, 0.0F}, {1, 0.0F}});
  tests::expect_error(core::ErrorKind::kInput, {"pack 'noise' has no rate 4", "evaluate.sample_rates"},
                      [&] { plan_outputs(method, *pack_, split_, protocol_); });
  protocol_.sample_rates.clear();
  EXPECT_TRUE(plan_outputs(method, *pack_, split_, protocol_).recovered.empty());
}

TEST_F(RecoveryOutputsTest, ends_where_progress_says_so) {
  PretendedCascade method = cascade();
  const std::vector<results::SampleImage> sample = results::choose_sample(split_, {1, 2, 3}, 3);
  std::vector<std::uint64_t> all;
  ASSERT_TRUE(measure_recovery(method, *pack_, sample, copies_from_, [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(36U, total);
    all.push_back(done);
    return true;
  }));
  EXPECT_EQ((std::vector<std::uint64_t>{0, 16, 32, 36}), all);
  for (std::size_t last = 0; last < all.size(); ++last) {
    std::size_t calls = 0;
    EXPECT_FALSE(measure_recovery(method, *pack_, sample, copies_from_, [&](std::uint64_t, std::uint64_t) {
      return ++calls <= last;
    })) << last;
  }
}

TEST_F(RecoveryOutputsTest, panels_show_every_scale_in_the_cascades_order_with_its_figures) {
  PretendedCascade method = cascade();
  const EvaluationOutputs made = outputs(method).value();
  const results::Panels written = panels(made);
  ASSERT_EQ(4U, written.queries.size());
  for (std::size_t i = 0; i < written.queries.size(); ++i) {
    const results::PanelQuery& query = written.queries[i];
    const Image strip = datasets::decode_image(made.files.at(results::reconstruction_panel_file(i)), "panel");
    EXPECT_EQ(5 * (kWidth + 2 * kFrame + kGap) + kGap, strip.width);
    const Image input = view({row(query.path), query.rate}), original = view({row(query.path), 1});
    EXPECT_EQ(input, cell(strip, 0));
    EXPECT_EQ(original, cell(strip, 4));
    results::PanelReconstruction expected{quality(input, original), {}};
    for (int scale : {3, 2, 1}) {
      const Image picture = method.expected(input, scale);
      EXPECT_EQ(picture, cell(strip, 4 - scale));
      expected.recovered.push_back({scale, quality(picture, original)});
    }
    EXPECT_EQ(expected, query.reconstruction);
  }
}

// Images of 12 to 14 × 25 to 26 pixels, squeezed into 32×16.
class WideImagesTest : public RecoveryOutputsTest {
 protected:
  static void SetUpTestSuite() { make_pack(8, 12, 24); }
  // Column x of what stands there was row (height - 1 - x); then the cell's size again.
  static Image turned(const Image& image) {
    Image turned = datasets::make_image(kWidth, kHeight);
    for (int y = 0; y < kWidth; ++y)
      for (int x = 0; x < kHeight; ++x)
        for (int channel = 0; channel < 3; ++channel)
          turned.pixels[static_cast<std::size_t>(3 * (y * kHeight + x) + channel)] =
              image.pixels[static_cast<std::size_t>(3 * ((kHeight - 1 - x) * kWidth + y) + channel)];
    return datasets::resize(turned, kHeight, kWidth, datasets::Kernel::kTriangle);
  }
};

TEST_F(WideImagesTest, are_turned_clockwise_in_panels_and_measured_as_they_are_stored) {
  PretendedCascade method = cascade();
  const EvaluationOutputs made = outputs(method).value();
  const results::Panels written = panels(made);
  for (std::size_t i = 0; i < written.queries.size(); ++i) {
    const results::PanelQuery& query = written.queries[i];
    const std::size_t at_row = row(query.path);
    ASSERT_GT(pack_->row(at_row).native_width, pack_->row(at_row).native_height);
    const Image input = view({at_row, query.rate}), original = view({at_row, 1});
    const Image gallery = datasets::decode_image(made.files.at(results::gallery_panel_file(i)), "panel");
    EXPECT_EQ(turned(input), cell(gallery, 0));
    for (std::size_t place = 0; place < query.ranked.size(); ++place) {
      EXPECT_EQ(turned(view({row(query.ranked[place].path), 1})), cell(gallery, static_cast<int>(place) + 1));
      EXPECT_EQ(query.ranked[place].right ? "green" : "red", frame(gallery, static_cast<int>(place) + 1));
    }
    const Image strip = datasets::decode_image(made.files.at(results::reconstruction_panel_file(i)), "panel");
    EXPECT_EQ(turned(input), cell(strip, 0));
    EXPECT_EQ(turned(method.expected(input, 1)), cell(strip, 3));
    EXPECT_EQ(turned(original), cell(strip, 4));
    EXPECT_EQ(quality(input, original), query.reconstruction->input);
    EXPECT_EQ(quality(method.expected(input, 1), original), query.reconstruction->recovered.back().quality);
  }
}

}  // namespace
}  // namespace resolute::workers::recovery_outputs_test
