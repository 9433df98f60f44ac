#include "workers/training/optimiser.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/error.h"
#include "networks/nn/backbone.h"
#include "workers/training/checkpoint.h"

namespace resolute::workers {
namespace {

// Adam's and AdamW's default in torch.optim; added to the root after its bias correction.
constexpr double kEpsilon = 1e-8;
constexpr double kWarmupStart = 0.01;
// torch.nn.utils.clip_grad_norm_'s guard against a norm of zero.
constexpr double kClipEpsilon = 1e-6;

std::vector<std::string> moment_names(const methods::OptimiserOptions& options) {
  if (options.optimiser != settings::Optimiser::kSgd) return {"moment1", "moment2"};
  if (options.momentum > 0) return {"momentum"};
  return {};
}

}  // namespace

double schedule_factor(const experiments::Recipe& recipe, std::uint64_t step) {
  const auto warmup = static_cast<std::uint64_t>(recipe.warmup_steps);
  double factor = 1.0;
  if (step < warmup)
    factor = kWarmupStart + (1.0 - kWarmupStart) * static_cast<double>(step) / static_cast<double>(warmup);
  if (recipe.schedule == settings::Schedule::kStep)
    for (int milestone : recipe.milestones)
      if (step >= static_cast<std::uint64_t>(milestone)) factor *= recipe.gamma;
  if (step < warmup) return factor;
  const double done = static_cast<double>(step - warmup) / static_cast<double>(std::max<std::uint64_t>(
                                                               1, static_cast<std::uint64_t>(recipe.steps) - warmup));
  switch (recipe.schedule) {
    case settings::Schedule::kStep:
    case settings::Schedule::kConstant:
      break;
    case settings::Schedule::kCosine:
      return 0.5 * (1.0 + std::cos(std::numbers::pi * done));
    case settings::Schedule::kLinear:
      return 1.0 - done;
    case settings::Schedule::kPolynomial:
      return std::pow(1.0 - done, recipe.power);
  }
  return factor;
}

std::vector<double> rate_factors(const torch::nn::Module& root, const methods::ParameterGroup& group,
                                 const experiments::Recipe& recipe) {
  std::vector<double> factors(group.parameters.size(), 1.0);
  if (recipe.trunk_learning_rate_factor == 1 && recipe.layer_decay == 1) return factors;
  for (const auto& module : root.modules()) {
    const auto* trunk = module->as<networks::ShallowTrunk>();
    if (trunk == nullptr) continue;
    for (const at::Tensor& of_trunk : trunk->parameters()) {
      const auto place = std::find_if(group.parameters.begin(), group.parameters.end(),
                                      [&](const auto& named) { return named.second.is_same(of_trunk); });
      if (place == group.parameters.end()) continue;
      double& factor = factors[static_cast<std::size_t>(place - group.parameters.begin())];
      factor = recipe.trunk_learning_rate_factor;
      for (int level = settings::kTrunkLevels; level >= trunk->level_of(of_trunk); --level)
        factor *= recipe.layer_decay;
    }
  }
  return factors;
}

Optimiser::Optimiser(methods::ParameterGroup group, const std::vector<double>& factors) : group_(std::move(group)) {
  RESOLUTE_EXPECT(!group_.parameters.empty(), fmt::format("group '{}' has no parameter", group_.name));
  RESOLUTE_EXPECT(factors.empty() || factors.size() == group_.parameters.size(), "the factors do not fit their group");
  steps_ = at::zeros({1}, group_.parameters.front().second.options().requires_grad(false));
  finite_ = at::ones({}, steps_.options().dtype(at::kBool));
  const methods::OptimiserOptions& options = group_.optimiser;
  for (std::string& name : moment_names(options)) moments_.push_back({std::move(name), {}});
  for (std::size_t i = 0; i < group_.parameters.size(); ++i) {
    const auto& [name, parameter] = group_.parameters[i];
    RESOLUTE_EXPECT(parameter.scalar_type() == at::kFloat, fmt::format("parameter '{}' is not float32", name));
    const bool decays = options.decay_vectors || parameter.dim() > 1;
    Part& part = part_of(decays ? options.weight_decay : 0.0, factors.empty() ? 1.0 : factors[i]);
    part.members.push_back(i);
    part.parameters.push_back(parameter);
    part.steps.push_back(steps_);
    // zeros_like keeps the strides: the kernel walks all tensors in memory order.
    for (std::size_t moment = 0; moment < moments_.size(); ++moment) {
      moments_[moment].of_parameters.push_back(at::zeros_like(parameter.detach()));
      part.moments[moment].push_back(moments_[moment].of_parameters.back());
    }
  }
}

Optimiser::Part& Optimiser::part_of(double weight_decay, double factor) {
  const auto known = std::find_if(parts_.begin(), parts_.end(), [&](const Part& part) {
    return part.weight_decay == weight_decay && part.factor == factor;
  });
  if (known != parts_.end()) return *known;
  Part& part = parts_.emplace_back();
  part.weight_decay = weight_decay;
  part.factor = factor;
  part.moments.resize(moments_.size());
  return part;
}

void Optimiser::step(const std::vector<at::Tensor>& gradients, const at::Tensor& norm, double factor) {
  RESOLUTE_EXPECT(gradients.size() == group_.parameters.size(), "the gradients do not fit their group");
  const at::NoGradGuard no_grad;
  const methods::OptimiserOptions& options = group_.optimiser;
  const double rate = options.learning_rate * (options.follows_schedule ? factor : 1.0);
  finite_.logical_and_(at::isfinite(norm));
  const at::Tensor moves = options.rests ? finite_.logical_and(norm.ne(0)) : finite_;
  steps_.add_(moves.to(at::kFloat));
  const at::Tensor skip = moves.logical_not().to(at::kFloat);
  std::optional<at::Tensor> divisor;
  if (options.gradient_clip > 0)
    divisor = ((norm + kClipEpsilon) / options.gradient_clip).clamp_min(1.0).to(at::kFloat);
  for (const Part& part : parts_) {
    std::vector<at::Tensor> own;
    for (std::size_t member : part.members) own.push_back(gradients[member]);
    step_part(part, own, rate * part.factor, divisor, skip);
  }
}

//! \param gradients the part's \param divisor of gradients \param skip 1: nothing happens
void Optimiser::step_part(const Part& part, const std::vector<at::Tensor>& gradients, double rate,
                          const std::optional<at::Tensor>& divisor, const at::Tensor& skip) {
  const methods::OptimiserOptions& options = group_.optimiser;
  if (options.optimiser == settings::Optimiser::kSgd) {
    const std::vector<at::Tensor> momentum = part.moments.empty() ? std::vector<at::Tensor>() : part.moments.front();
    // torch.optim.SGD's first momentum is the gradient, which momentum times zero and the gradient is too.
    at::_fused_sgd_(part.parameters, gradients, momentum, part.weight_decay, options.momentum, rate, /*dampening=*/0,
                    options.nesterov, /*maximize=*/false, /*is_first_step=*/false, divisor, skip);
    return;
  }
  const auto fused =
      options.optimiser == settings::Optimiser::kAdamw ? at::_ops::_fused_adamw_::call : at::_ops::_fused_adam_::call;
  fused(part.parameters, gradients, part.moments[0], part.moments[1], {}, part.steps, rate, options.beta1,
        options.beta2, part.weight_decay, kEpsilon, /*amsgrad=*/false, /*maximize=*/false, divisor, skip);
}

void Optimiser::save(networks::NamedTensors& to) const {
  const std::string prefix = "optimiser." + group_.name + ".";
  for (const Moment& moment : moments_)
    for (std::size_t i = 0; i < group_.parameters.size(); ++i)
      to[prefix + group_.parameters[i].first + "." + moment.name] = moment.of_parameters[i];
  to[prefix + "steps"] = steps_;
}

void Optimiser::load(const networks::NamedTensors& from) {
  const std::string prefix = "optimiser." + group_.name + ".";
  for (const Moment& moment : moments_)
    for (std::size_t i = 0; i < group_.parameters.size(); ++i)
      load_tensor(moment.of_parameters[i], prefix + group_.parameters[i].first + "." + moment.name, from, "checkpoint");
  load_tensor(steps_, prefix + "steps", from, "checkpoint");
  finite_.fill_(true);
}

}  // namespace resolute::workers
