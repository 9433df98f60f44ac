#pragma once
//! \file
//! A pack of noise, a split of it, and an evaluation that asks for everything, for tests of what evaluations leave.

#include <memory>
#include <optional>
#include <string>

#include "datasets/image/image.h"
#include "datasets/image/low_resolution.h"
#include "experiments/specification/outputs.h"
#include "methods/networks/method.h"
#include "tests/methods/small_training.h"
#include "tests/workers/evaluation/packed_trial.h"
#include "tests/workers/jobs/go_on.h"
#include "workers/evaluation/evaluation_outputs.h"
#include "workers/training/make_method.h"

namespace resolute::workers {

constexpr int kHeight = 32, kWidth = 16;
constexpr int kFrame = 2, kGap = 4;  // of pictures of this size

// 20 identities, half of them to test: 20 queries and as many gallery images.
class EvaluationOutputsTest : public PackedTrial {
 protected:
  static void SetUpTestSuite() { make_pack(20, kHeight, kWidth); }
  static void make_pack(int identities, int native_height, int native_width) {
    pack_images(identities, 2, of_size(kHeight, kWidth), native_height, native_width);
  }
  template <class Options>
  std::unique_ptr<methods::Method> method() const {
    return make_method(worker_tests::small_specification(Options{}), split_.train_identities);
  }
  std::optional<EvaluationOutputs> outputs(methods::Method& method, const EmbeddingProgress& progress = kGoOn) const {
    const EmbeddingOptions options;
    const Embedding embedding = embed_split(method, *pack_, split_, {}, options, kGoOn).value();
    const results::GalleryScores scores = score_split(embedding, split_, protocol_);
    return make_outputs({method, *pack_, split_, options, embedding, scores, copies_from_},
                        plan_outputs(method, *pack_, split_, protocol_), progress);
  }
  static results::Panels panels(const EvaluationOutputs& outputs) {
    return results::parse_panels(core::as_text(outputs.files.at(experiments::kPanelsOutput.file)), "panels");
  }
  datasets::Image view(const ImageView& view) const {
    datasets::Image image;
    pack_->read_view(view.row, view.rate, image);
    return datasets::enlarge(image, kHeight, kWidth);
  }
  std::size_t row(const std::string& path) const {
    std::size_t row = 0;
    while (pack_->row(row).sample.path != path) ++row;
    return row;
  }

  experiments::EvaluationProtocol protocol_ = everything_asked(4);
  settings::CopiesFrom copies_from_ = settings::CopiesFrom::kNative;  // of the training
};

inline std::size_t byte_at(const datasets::Image& image, int y, int x) {
  return 3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x));
}

// The image in cell number `cell` of a strip.
inline datasets::Image cell(const datasets::Image& strip, int cell) {
  datasets::Image image = datasets::make_image(kHeight, kWidth);
  const int left = kGap + cell * (kWidth + 2 * kFrame + kGap) + kFrame, top = kGap + kFrame;
  for (int y = 0; y < kHeight; ++y)
    std::copy_n(&strip.pixels[byte_at(strip, top + y, left)], 3 * kWidth, &image.pixels[byte_at(image, y, 0)]);
  return image;
}

// "red", "green" or "white": the frame round a cell, its upper left corner.
inline std::string frame(const datasets::Image& strip, int cell) {
  const int left = kGap + cell * (kWidth + 2 * kFrame + kGap), top = kGap;
  const std::uint8_t* pixel = &strip.pixels[byte_at(strip, top, left)];
  if (pixel[0] > 200 && pixel[1] > 200 && pixel[2] > 200) return "white";
  return pixel[1] > pixel[0] ? "green" : "red";
}

}  // namespace resolute::workers
