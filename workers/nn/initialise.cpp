#include "workers/nn/initialise.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "core/error.h"
#include "core/random.h"

namespace resolute::workers {

void fill_normal(at::Tensor tensor, double deviation, std::uint64_t seed, std::string_view name) {
  const auto count = static_cast<std::size_t>(tensor.numel());
  std::vector<float> values(count + 1);  // room for the second value of the last pair
  core::RandomStream stream("weights " + std::string(name), {seed});
  for (std::size_t i = 0; i < count; i += 2) {
    double radius = deviation * std::sqrt(-2.0 * std::log(1.0 - stream.uniform()));
    double angle = 2.0 * std::numbers::pi * stream.uniform();
    values[i] = static_cast<float>(radius * std::cos(angle));
    values[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  at::NoGradGuard no_grad;
  tensor.copy_(at::from_blob(values.data(), tensor.sizes(), at::kFloat));
}

double deviation_of(Initialisation rule, at::IntArrayRef shape) {
  RESOLUTE_EXPECT(shape.size() == 2 || shape.size() == 4, "a weight is out×in or out×in×kh×kw");
  double window = 1;
  for (std::size_t i = 2; i < shape.size(); ++i) window *= static_cast<double>(shape[i]);
  const double fan_out = window * static_cast<double>(shape[0]);
  const double fan_in = window * static_cast<double>(shape[1]);
  switch (rule) {
    case Initialisation::kHeFanOut:
      return std::sqrt(2.0 / fan_out);
    case Initialisation::kHeFanIn:
      return std::sqrt(2.0 / fan_in);
    case Initialisation::kLecunFanIn:
      return std::sqrt(1.0 / fan_in);
    case Initialisation::kTorchLinear:
      return std::sqrt(1.0 / (3.0 * fan_in));
  }
  throw core::ContractError("an initialisation outside its enumeration");
}

void initialise(torch::nn::Module& root, std::uint64_t seed) {
  for (auto& item : root.named_modules("", /*include_self=*/false)) {
    if (auto* layer = dynamic_cast<InitialisedLayer*>(item.value().get())) {
      layer->initialise(seed, item.key());
    } else {
      RESOLUTE_EXPECT(item.value()->parameters(false).empty() && item.value()->buffers(false).empty(),
                      "no rule initialises '" + item.key() + "'");
    }
  }
}

}  // namespace resolute::workers
