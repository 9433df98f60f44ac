#pragma once
//! \file
//! Batches of made-up images and a plain training loop of one lane, for tests of methods without the trainer.

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/hash/sha256.h"
#include "core/random/random.h"
#include "methods/networks/method.h"
#include "networks/torch.h"
#include "tests/support/formula.h"
#include "workers/training/make_method.h"

namespace resolute::workers::worker_tests {

//! Every test of methods computes with one thread: sums have one order, however many cores there are.
inline const bool kOneThread = (at::set_num_threads(1), true);

//! `identities` × `images` images of 3×height×width: a smooth pattern and a fine one of each identity, noise of each
//! image; the LR copies are shrunk twice by averaging and enlarged, `copies` two, three and four times (default
//! train_rates).
inline methods::LaneBatch made_up_batch(int identities, int images, std::int64_t height, std::int64_t width,
                                        std::uint64_t seed = 0) {
  const std::int64_t rows = std::int64_t{identities} * images;
  at::Tensor hr = at::empty({rows, 3, height, width}), labels = at::empty({rows}, at::kLong);
  auto noise = [&](const char* purpose, std::uint64_t key, at::IntArrayRef shape) {
    core::RandomStream stream(purpose, {seed, key});
    at::Tensor values = at::empty(shape);
    for (float& value : std::span(values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())))
      value = static_cast<float>(stream.uniform(-1, 1));
    return values;
  };
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto identity = static_cast<std::uint64_t>(row / images);
    at::Tensor coarse = at::upsample_nearest2d(noise("coarse", identity, {1, 3, 4, 2}), {height, width})[0];
    hr[row] = coarse + 0.5 * noise("fine", identity, {3, height, width}) +
              0.5 * noise("image", static_cast<std::uint64_t>(row), {3, height, width});
    labels[row] = row / images;
  }
  methods::LaneBatch batch;
  batch.hr = hr.contiguous(at::MemoryFormat::ChannelsLast);
  batch.lr = at::upsample_nearest2d(at::avg_pool2d(batch.hr, {2, 2}), {height, width})
                 .contiguous(at::MemoryFormat::ChannelsLast);
  for (std::int64_t rate : {2, 3, 4})
    batch.copies.push_back(at::upsample_bilinear2d(at::adaptive_avg_pool2d(batch.hr, {height / rate, width / rate}),
                                                   {height, width}, false)
                               .contiguous(at::MemoryFormat::ChannelsLast));
  batch.lr_rates = at::full({rows}, 2, at::kLong);
  batch.labels = labels;
  batch.has_hr = at::ones({rows}, at::kBool);
  batch.seed = seed;
  return batch;
}

//! Rows become LR images alone where `has_hr` (N bool) says so: what they had as HR images is zero, as the loader has
//! it.
inline void drop_hr_images(methods::LaneBatch& batch, const at::Tensor& has_hr) {
  batch.has_hr = has_hr;
  const at::Tensor without = has_hr.logical_not();
  batch.hr.index_put_({without}, 0.0);
  for (at::Tensor& copies : batch.copies) copies.index_put_({without}, 0.0);
}

inline experiments::TrainingSpecification small_specification(experiments::MethodOptions options) {
  experiments::TrainingSpecification specification;
  specification.method = std::move(options);
  specification.network.backbone = settings::Trunk::kResnetSmall;
  return specification;
}

//! A small method whose parameters and running statistics are formulas.
inline std::unique_ptr<methods::Method> made_up(
    const experiments::MethodOptions& options,
    const experiments::NetworkSettings& network = {.backbone = settings::Trunk::kResnetSmall}, int classes = 4,
    double label_smoothing = 0) {
  experiments::TrainingSpecification specification = small_specification(options);
  specification.network = network;
  specification.recipe.label_smoothing = label_smoothing;
  auto method = make_method(specification, classes);
  tests::fill_with_numbers(method->module());
  return method;
}

//! Adam by the groups' own settings, a phase after the other, or with the next where it says so. Returns the last
//! step's terms by name.
class SmallTraining {
 public:
  explicit SmallTraining(methods::Method& method) : method_(method) {
    for (const methods::ParameterGroup& group : method.parameter_groups()) {
      Group& entry = groups_[group.name];
      for (const auto& [name, parameter] : group.parameters) entry.parameters.push_back(parameter);
      entry.optimiser = std::make_unique<torch::optim::Adam>(entry.parameters,
                                                             torch::optim::AdamOptions(group.optimiser.learning_rate)
                                                                 .betas({group.optimiser.beta1, group.optimiser.beta2})
                                                                 .weight_decay(group.optimiser.weight_decay));
    }
  }
  std::map<std::string, double> step(methods::LaneBatch batch) {
    batch.step = step_++;
    std::map<std::string, double> values;
    const methods::Activations activations = method_.forward(batch);
    const std::vector<methods::Phase> phases = method_.phases();
    std::vector<Group*> unstepped;  // as the trainer steps them: each once, with the sum of its gradients
    for (std::size_t phase = 0; phase < phases.size(); ++phase) {
      if (batch.step >= phases[phase].first_step) {
        at::Tensor total = at::zeros({});
        for (const methods::LossTerm& term : method_.losses(phase, activations, batch)) {
          total = total + term.value;
          values[term.name] = term.value.item<double>();
        }
        for (const std::string& name : phases[phase].groups) {
          Group& group = groups_.at(name);
          const bool again = std::find(unstepped.begin(), unstepped.end(), &group) != unstepped.end();
          differentiate(total, group, again);
          if (!again) unstepped.push_back(&group);
        }
      }
      if (phases[phase].steps_with_next) continue;
      for (Group* group : std::exchange(unstepped, {})) group->optimiser->step();
    }
    return values;
  }

 private:
  struct Group {
    std::vector<at::Tensor> parameters;
    std::unique_ptr<torch::optim::Adam> optimiser;
  };

  //! A parameter without a gradient counts as one of zeros, as the trainer has it.
  static void differentiate(const at::Tensor& total, Group& group, bool add) {
    const auto gradients = torch::autograd::grad({total}, group.parameters, /*grad_outputs=*/{}, /*retain_graph=*/true,
                                                 /*create_graph=*/false, /*allow_unused=*/true);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const at::Tensor gradient = gradients[i].defined() ? gradients[i] : at::zeros_like(group.parameters[i]);
      at::Tensor& to = group.parameters[i].mutable_grad();
      to = add ? to + gradient : gradient;
    }
  }

  methods::Method& method_;
  std::map<std::string, Group> groups_;
  std::uint64_t step_ = 0;
};

inline std::int64_t parameter_count(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : module.parameters()) count += parameter.numel();
  return count;
}

//! SHA-256 over names and bytes of every parameter and buffer.
inline std::string state_hash(torch::nn::Module& module) {
  core::Sha256 hash;
  auto feed = [&](const auto& items) {
    for (const auto& item : items) {
      at::Tensor values = item.value().detach().contiguous();
      hash.update(item.key());
      hash.update(std::as_bytes(
          std::span(static_cast<const char*>(values.const_data_ptr()), static_cast<std::size_t>(values.nbytes()))));
    }
  };
  feed(module.named_parameters());
  feed(module.named_buffers());
  return hash.finish_hex();
}

}  // namespace resolute::workers::worker_tests
