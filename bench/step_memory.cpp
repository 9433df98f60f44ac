#include "bench/step_memory.h"

#include <fstream>
#include <utility>

#include "bench/memory_tape.h"
#include "bench/tensor_memory.h"
#include "core/error.h"
#include "methods/msifla/networks.h"

namespace resolute::workers {
namespace {

using core::Json;
using Map = MemoryTape::Map;
using Gradients = MemoryTape::Gradients;
using Storage = MemoryTape::Storage;

constexpr int kIdentities = 5, kImages = 4, kLrImages = 2, kRates = 3;
constexpr std::int64_t kImageChannels = 3, kFloatBytes = 4;

std::int64_t halved(std::int64_t size, std::int64_t stride) { return (size + stride - 1) / stride; }

//! Layers on the tape, as workers/nn and methods/msifla/networks.cpp have them.
class Layers {
 public:
  //! \param gradients of the parameters; layers made in the same order again are the same layers
  Layers(MemoryTape& tape, Gradients& gradients) : tape_(tape), gradients_(gradients) {}

  Map convolution(const Map& x, std::int64_t out, std::int64_t kernel, std::int64_t stride, bool bias = false) {
    const auto [rows, in, height, width] = x.shape;
    return tape_.apply(x,
                       {.output = {rows, out, halved(height, stride), halved(width, stride)},
                        .keeps_input = true,
                        .parameters = kernel * kernel * in * out + (bias ? out : 0),
                        .place = place_++},
                       &gradients_);
  }
  Map doubling(const Map& x, std::int64_t out) {
    const auto [rows, in, height, width] = x.shape;
    return tape_.apply(x,
                       {.output = {rows, out, 2 * height, 2 * width},
                        .keeps_input = true,
                        .parameters = 16 * in * out + out,
                        .place = place_++},
                       &gradients_);
  }
  Map norm(const Map& x) {
    const std::int64_t channels = x.shape.channels;
    return tape_.apply(
        x,
        {.output = x.shape, .keeps_input = true, .keeps = 2 * channels, .parameters = 2 * channels, .place = place_++},
        &gradients_);
  }
  Map rectified(const Map& x) {
    return tape_.apply(x, {.output = x.shape, .in_place = true, .keeps_output = true}, nullptr);
  }
  Map linear(const Map& x, std::int64_t out, bool bias) {
    return tape_.apply(x,
                       {.output = {x.shape.rows, out, 1, 1},
                        .keeps_input = true,
                        .parameters = x.shape.channels * out + (bias ? out : 0),
                        .place = place_++},
                       &gradients_);
  }
  //! The loss of each row: its gradient by `x`, and what it keeps.
  Map loss(const Map& x, std::int64_t keeps) {
    return tape_.apply(x, {.output = {x.shape.rows, 1, 1, 1}, .keeps_input = true, .keeps = keeps}, nullptr);
  }

  Map block(const Map& x, const BackboneShape& shape, std::int64_t out, std::int64_t stride) {
    Map inner = x;
    if (shape.bottlenecks) {
      inner = rectified(norm(convolution(inner, out / 4, 1, 1)));
      inner = rectified(norm(convolution(inner, out / 4, 3, stride)));
      inner = norm(convolution(inner, out, 1, 1));
    } else {
      inner = rectified(norm(convolution(inner, out, 3, stride)));
      inner = norm(convolution(inner, out, 3, 1));
    }
    const bool same = stride == 1 && x.shape.channels == out;
    return rectified(tape_.add(inner, same ? x : norm(convolution(x, out, 1, stride))));
  }

  Map trunk(const Map& images, const BackboneShape& shape) {
    Map x = rectified(norm(convolution(images, shape.channels[0], shape.stem_kernel, shape.stem_stride)));
    if (shape.pooling) {
      const MemoryTape::Shape pooled{x.shape.rows, x.shape.channels, halved(x.shape.height, 2),
                                     halved(x.shape.width, 2)};
      // Places are kept as numbers of 8 bytes.
      x = tape_.apply(x, {.output = pooled, .keeps_input = true, .keeps = 2 * pooled.elements()}, nullptr);
    }
    for (std::size_t stage = 1; stage <= shape.blocks.size(); ++stage)
      for (std::int64_t i = 0; i < shape.blocks[stage - 1]; ++i)
        x = block(x, shape, shape.channels[stage], i == 0 ? shape.strides[stage - 1] : 1);
    return x;
  }

  Map recovery(const Map& images, std::int64_t width) {
    Map a = images;
    for (std::int64_t stride : {1, 2, 1, 1}) a = rectified(convolution(a, width, 3, stride, true));
    Map b = a;
    for (std::int64_t stride : {2, 1, 1}) b = rectified(convolution(b, 2 * width, 3, stride, true));
    b = convolution(b, 2 * width, 3, 1, true);
    b = rectified(tape_.add(b, convolution(a, 2 * width, 1, 2, true)));
    Map decoded = rectified(tape_.add(doubling(b, width), a));
    decoded = rectified(doubling(decoded, width / 2));
    return convolution(decoded, kImageChannels, 3, 1, true);
  }

 private:
  MemoryTape& tape_;
  Gradients& gradients_;
  std::size_t place_ = 0;
};

//! One step on the tape, in the order of Msifla::forward() and Trainer::train_step().
class Step {
 public:
  explicit Step(const MemoryCase& measured) : case_(measured) {
    experiments::NetworkSettings network;
    network.backbone = measured.scale.backbone;
    shape_ = backbone_shape(network);
  }

  Json run() {
    // A step before: what is left of it are the gradients, one a parameter.
    {
      forward();
      recovery_losses();
      identity_losses();
      tape_.backward(ends_, /*keep=*/false);
    }
    clear();
    const std::int64_t parameters = tape_.live() / kFloatBytes;
    const Storage own = tape_.hold(Use::kParameters, parameters), moments = tape_.hold(Use::kMoments, 2 * parameters);
    const std::vector<Storage> images = batch();
    tape_.reset_peak();
    tape_.enter("forward");
    forward();
    recovery_phase();
    identity_phase();
    Json parts = Json::array();
    for (std::size_t i = 0; i < kUseNames.size(); ++i)
      parts.push_back({{"part", kUseNames[i]}, {"bytes", tape_.peak_by_use()[i]}});
    return {{"peak_bytes", tape_.peak()}, {"moment", tape_.peak_moment()}, {"parts", std::move(parts)}};
  }

 private:
  std::int64_t hr_rows() const { return kIdentities * (kImages - kLrImages); }
  std::int64_t lr_rows() const { return kIdentities * kLrImages; }
  MemoryTape::Shape shape_of(std::int64_t rows) const {
    return {rows, kImageChannels, case_.scale.height, case_.scale.width};
  }
  Storage hold_images(std::int64_t rows) { return tape_.hold(Use::kImages, shape_of(rows).elements()); }

  // LaneBatch: hr, lr and the copies, of all rows.
  std::vector<Storage> batch() {
    std::vector<Storage> images;
    for (int i = 0; i < 2 + kRates; ++i) images.push_back(hold_images(hr_rows() + lr_rows()));
    return images;
  }

  // Detached: each network's graph is gone before the next network runs.
  std::vector<Map> cascade(const Map& images, bool detached = false) {
    Layers layers(tape_, ir_gradients_);
    std::vector<Map> outputs;
    for (std::size_t i = 0; i < case_.options.scales.size(); ++i) {
      const std::size_t first = tape_.size();
      const Map output = layers.recovery(outputs.empty() ? images : outputs.back(), case_.options.ir_width);
      outputs.push_back(detached ? tape_.detach(output) : output);
      if (detached) tape_.forget(first);
    }
    return outputs;
  }

  void forward() {
    tape_.use_maps_for(Use::kRecovery);
    of_hr_ = cascade(tape_.constant(hold_images(hr_rows()), shape_of(hr_rows())));
    const std::int64_t copies = hr_rows() * kRates;
    of_copies_ = cascade(tape_.constant(hold_images(copies), shape_of(copies)));
    const std::vector<Map> of_lr =
        cascade(tape_.constant(hold_images(lr_rows()), shape_of(lr_rows())), !case_.options.reid_into_ir);
    tape_.use_maps_for(Use::kReid);
    std::vector<Map> shown;
    for (std::size_t i = 0; i < of_lr.size(); ++i) {
      const Map of_hr = case_.options.reid_into_ir ? of_hr_[i] : tape_.detach(of_hr_[i]);
      shown.push_back(tape_.concatenate({of_hr, of_lr[i]}));
    }
    if (case_.options.reid_networks == "shared") shown = {tape_.concatenate(shown)};
    Layers layers(tape_, reid_gradients_);
    for (const Map& images : shown) identify(layers, images);
  }

  void identify(Layers& layers, const Map& images) {
    const Map f5 = layers.trunk(images, shape_);
    const auto [rows, channels, height, width] = f5.shape;
    const Map means = tape_.apply(f5, {.output = {rows, channels, height, 1}}, nullptr);
    std::vector<Map> parts;
    for (std::int64_t part = 0; part < kParts; ++part)
      parts.push_back(tape_.apply(means, {.output = {rows, channels, 1, 1}}, nullptr));
    for (const Map& part : parts) {
      features_.push_back(part);
      const Map behind = case_.scale.neck ? layers.norm(part) : part;
      logits_.push_back(layers.linear(behind, case_.scale.classes, true));
    }
  }

  // Triplets keep two differences of an anchor's feature; a classification keeps its log-probabilities.
  void identity_losses() {
    tape_.use_maps_for(Use::kReid);
    Layers layers(tape_, reid_gradients_);
    for (const Map& map : logits_) ends_.push_back(layers.loss(map, map.shape.elements()));
    for (const Map& map : features_) ends_.push_back(layers.loss(map, 2 * map.shape.elements()));
  }

  // The first of a scale keeps the target of them all.
  void recovery_losses() {
    tape_.use_maps_for(Use::kRecovery);
    Layers layers(tape_, ir_gradients_);
    for (std::size_t i = 0; i < of_hr_.size(); ++i) {
      ends_.push_back(layers.loss(of_hr_[i], of_hr_[i].shape.elements()));
      ends_.push_back(layers.loss(of_copies_[i], 0));
    }
  }

  void recovery_phase() {
    tape_.enter("L_IR's backward pass");
    ir_gradients_.clear();  // of the step before
    const std::size_t first = tape_.size();
    recovery_losses();
    tape_.backward(ends_, /*keep=*/true);
    ends_.clear();
    tape_.forget(first);
  }

  void identity_phase() {
    tape_.enter("L_ReID's backward pass");
    const Gradients of_recovery = std::exchange(ir_gradients_, {});  // until both phases' are added up
    reid_gradients_.clear();
    identity_losses();
    tape_.backward(std::exchange(ends_, {}), /*keep=*/false);
  }

  void clear() {
    for (std::vector<Map>* maps : {&of_hr_, &of_copies_, &features_, &logits_, &ends_}) maps->clear();
    tape_.forget(0);
  }

  const MemoryCase& case_;
  BackboneShape shape_;
  MemoryTape tape_;  // outlives what is held on it
  Gradients ir_gradients_, reid_gradients_;
  std::vector<Map> of_hr_, of_copies_, features_, logits_, ends_;
};

}  // namespace

const std::vector<MemoryCase>& memory_cases() {
  static const std::vector<MemoryCase> all = [] {
    experiments::MsiflaOptions full, one, shared, apart;
    one.scales = {1};
    shared.reid_networks = "shared";
    apart.reid_into_ir = false;
    const Scale small{"resnet-small", 64, 32, 32, 5, true, 1}, half{"resnet50", 128, 64, 751, 5, false, 1},
        paper{"resnet50", 256, 128, 751, 5, false, 1};
    return std::vector<MemoryCase>{{"msifla", full, small},
                                   {"msifla, shared", shared, small},
                                   {"msifla, apart", apart, small},
                                   {"msifla {1}", one, half},
                                   {"msifla", full, half},
                                   {"msifla {1}", one, paper, true},
                                   {"msifla, shared", shared, paper, true},
                                   {"msifla", full, paper, true}};
  }();
  return all;
}

Json computed_step_memory(const MemoryCase& measured) { return Step(measured).run(); }

double process_memory(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == field + ":") {
      double kibibytes = 0;
      status >> kibibytes;
      return kibibytes * 1024;
    }
  throw core::input_error("/proc/self/status does not tell " + field);
}

Json measured_step_memory(const MemoryCase& measured, int steps) {
  const double before = process_memory("VmRSS");
  const TensorMemory memory;
  experiments::Recipe recipe;
  recipe.steps = steps;
  recipe.train_rates = {2, 3, 4};
  recipe.label_smoothing = 0.1;
  const Case one{measured.name, measured.options, true, kLrImages};
  const std::unique_ptr<Method> method = make(one, measured.scale, recipe);
  RepeatedBatch source(measured.scale, kIdentities, kImages, kLrImages, method->copy_rates().size());
  train(*method, source, recipe);
  source.begun.emplace_back();
  Shortest shortest;
  for (std::size_t i = 2; i < source.begun.size(); ++i) shortest.add(source.begun[i - 1], source.begun[i]);
  return {{"peak_bytes", memory.peak()},
          {"resident_bytes", process_memory("VmHWM") - before},
          {"seconds", shortest.seconds},
          {"processor_seconds", shortest.processor_seconds}};
}

}  // namespace resolute::workers
