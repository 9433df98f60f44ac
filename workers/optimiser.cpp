#include "workers/optimiser.h"

#include <cmath>
#include <utility>

#include "core/error.h"

namespace resolute::workers {
namespace {

// torch.optim.Adam's default; added to the root after its bias correction.
constexpr double kEpsilon = 1e-8;
constexpr double kWarmupStart = 0.01;

}  // namespace

double schedule_factor(const experiments::Recipe& recipe, std::uint64_t step) {
  double factor = 1.0;
  if (const auto warmup = static_cast<std::uint64_t>(recipe.warmup_steps); step < warmup)
    factor = kWarmupStart + (1.0 - kWarmupStart) * static_cast<double>(step) / static_cast<double>(warmup);
  for (int milestone : recipe.milestones)
    if (step >= static_cast<std::uint64_t>(milestone)) factor *= recipe.gamma;
  return factor;
}

Adam::Adam(ParameterGroup group) : group_(std::move(group)) {
  for (const auto& [name, parameter] : group_.parameters) {
    RESOLUTE_EXPECT(parameter.scalar_type() == at::kFloat, fmt::format("parameter '{}' is not float32", name));
    elements_ += parameter.numel();
  }
  moment1_ = at::zeros({elements_}, at::kFloat);
  moment2_ = at::zeros({elements_}, at::kFloat);
}

template <class Visit>
void Adam::for_each_slice(Visit visit) const {
  std::int64_t begin = 0;
  for (const auto& [name, parameter] : group_.parameters) {
    visit(name, parameter, begin);
    begin += parameter.numel();
  }
}

void Adam::step(at::Tensor gradient, double factor) {
  RESOLUTE_EXPECT(gradient.dim() == 1 && gradient.numel() == elements_, "the gradient does not fit its group");
  const at::NoGradGuard no_grad;
  const AdamOptions& options = group_.adam;
  const double rate = options.learning_rate * (options.follows_schedule ? factor : 1.0);
  ++steps_;
  if (options.weight_decay != 0)
    for_each_slice([&](const std::string&, const at::Tensor& parameter, std::int64_t begin) {
      gradient.narrow(0, begin, parameter.numel()).view(parameter.sizes()).add_(parameter, options.weight_decay);
    });
  const double correction1 = 1.0 - std::pow(options.beta1, static_cast<double>(steps_));
  const double correction2 = 1.0 - std::pow(options.beta2, static_cast<double>(steps_));
  moment1_.mul_(options.beta1).add_(gradient, 1.0 - options.beta1);
  moment2_.mul_(options.beta2).addcmul_(gradient, gradient, 1.0 - options.beta2);
  // From here on the gradient's memory holds the update.
  at::sqrt_out(gradient, moment2_);
  gradient.div_(std::sqrt(correction2)).add_(kEpsilon);
  at::div_out(gradient, moment1_, gradient);
  for_each_slice([&](const std::string&, const at::Tensor& parameter, std::int64_t begin) {
    at::Tensor target = parameter;
    target.add_(gradient.narrow(0, begin, parameter.numel()).view(parameter.sizes()), -rate / correction1);
  });
}

at::Tensor Adam::take_gradients(std::int64_t tail) const {
  const at::NoGradGuard no_grad;
  at::Tensor flat = at::empty({elements_ + tail}, at::kFloat);
  for_each_slice([&](const std::string&, const at::Tensor& parameter, std::int64_t begin) {
    at::Tensor slice = flat.narrow(0, begin, parameter.numel()).view(parameter.sizes());
    at::Tensor& gradient = parameter.mutable_grad();
    // A parameter that no term of this lane reaches still has its place in the vector.
    if (gradient.defined())
      slice.copy_(gradient);
    else
      slice.zero_();
    gradient = at::Tensor();
  });
  return flat;
}

void Adam::save(NamedTensors& to) const {
  const std::string prefix = "optimiser." + group_.name + ".";
  for_each_slice([&](const std::string& name, const at::Tensor& parameter, std::int64_t begin) {
    to[prefix + name + ".moment1"] = moment1_.narrow(0, begin, parameter.numel()).clone();
    to[prefix + name + ".moment2"] = moment2_.narrow(0, begin, parameter.numel()).clone();
  });
  to[prefix + "steps"] = at::full({1}, steps_, at::kLong);
}

void Adam::load(const NamedTensors& from) {
  const std::string prefix = "optimiser." + group_.name + ".";
  const auto find = [&](const std::string& name, std::int64_t elements, at::ScalarType type) {
    const auto found = from.find(prefix + name);
    if (found == from.end() || found->second.numel() != elements || found->second.scalar_type() != type)
      throw core::corrupt_error(fmt::format("optimiser state '{}{}' is missing or has another size", prefix, name));
    return found->second;
  };
  for_each_slice([&](const std::string& name, const at::Tensor& parameter, std::int64_t begin) {
    const std::int64_t elements = parameter.numel();
    moment1_.narrow(0, begin, elements).copy_(find(name + ".moment1", elements, at::kFloat));
    moment2_.narrow(0, begin, elements).copy_(find(name + ".moment2", elements, at::kFloat));
  });
  steps_ = find("steps", 1, at::kLong).item<std::int64_t>();
}

}  // namespace resolute::workers
