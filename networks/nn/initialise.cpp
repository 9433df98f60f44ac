#include "networks/nn/initialise.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/random/random.h"

namespace resolute::networks {

namespace {

constexpr std::int64_t kBlock = 2048;  // pairs of draws that stay in the nearest caches
// Relative, of one value of a pair: libm's and libtorch's functions are each within 1 unit in the last place (2e-16),
// and three of them meet in a value.
constexpr double kMargin = 8e-15;

struct Pair {
  float first, second;
};

// Box-Muller, in double by libm: the definition.
Pair normal_pair(double deviation, double u, double v) {
  const double radius = deviation * std::sqrt(-2.0 * std::log(1.0 - u));
  const double angle = 2.0 * std::numbers::pi * v;
  return {static_cast<float>(radius * std::cos(angle)), static_cast<float>(radius * std::sin(angle))};
}

// Both ends of the interval in which libm's value lies round to the same float: then so does libm's value.
bool is_certain(double value) {
  return static_cast<float>(value * (1 - kMargin)) == static_cast<float>(value * (1 + kMargin));
}

// The same bits as normal_pair() for each pair, by libtorch's vector functions: where these could round to another
// float, which happens to one in some millions, libm decides.
class NormalBlocks {
 public:
  explicit NormalBlocks(double deviation) : deviation_(deviation) {}

  //! Draws pairs begin … end - 1 of the stream. \param to two floats a pair, from pair 0 on
  void fill(core::RandomStream stream, std::int64_t begin, std::int64_t end, float* to) {
    stream.skip(2 * static_cast<std::uint64_t>(begin));
    for (std::int64_t first = begin; first < end; first += kBlock) {
      const std::int64_t count = std::min(kBlock, end - first);
      fill_block(stream, count, to + 2 * first);
    }
  }

 private:
  void fill_block(core::RandomStream& stream, std::int64_t count, float* to) {
    double* uniform = uniform_.mutable_data_ptr<double>();
    double* square = square_.mutable_data_ptr<double>();
    double* angle = angle_.mutable_data_ptr<double>();
    stream.fill_uniform({uniform, static_cast<std::size_t>(2 * count)});
    for (std::int64_t i = 0; i < count; ++i) {
      square[i] = 1.0 - uniform[2 * i];
      angle[i] = 2.0 * std::numbers::pi * uniform[2 * i + 1];
    }
    at::log_(square_);
    at::cos_out(cosine_, angle_);
    at::sin_(angle_);
    const double* cosine = cosine_.const_data_ptr<double>();
    for (std::int64_t i = 0; i < count; ++i) {
      const double radius = deviation_ * std::sqrt(-2.0 * square[i]);
      const double first = radius * cosine[i], second = radius * angle[i];
      Pair pair{static_cast<float>(first), static_cast<float>(second)};
      if (!is_certain(first) || !is_certain(second)) pair = normal_pair(deviation_, uniform[2 * i], uniform[2 * i + 1]);
      to[2 * i] = pair.first;
      to[2 * i + 1] = pair.second;
    }
  }

  double deviation_;
  at::Tensor uniform_ = at::zeros({2 * kBlock}, at::kDouble), square_ = at::ones({kBlock}, at::kDouble),
             angle_ = at::zeros({kBlock}, at::kDouble), cosine_ = at::zeros({kBlock}, at::kDouble);
};

}  // namespace

NormLayer::NormLayer(std::int64_t channels) {
  weight = register_parameter("weight", at::ones({channels}));
  bias = register_parameter("bias", at::zeros({channels}));
}

void NormLayer::initialise(std::uint64_t, const std::string&) {
  const at::NoGradGuard no_grad;
  weight.fill_(1);
  bias.zero_();
}

void fill_normal(const at::Tensor& tensor, double deviation, std::uint64_t seed, std::string_view name) {
  const at::NoGradGuard no_grad;
  const core::RandomStream stream("weights " + std::string(name), {seed});
  const std::int64_t pairs = (tensor.numel() + 1) / 2;
  at::Tensor values = at::empty({2 * pairs}, at::kFloat);  // room for the second value of the last pair
  float* to = values.mutable_data_ptr<float>();
  at::parallel_for(0, pairs, kBlock, [&](std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard no_grad_here;
    NormalBlocks(deviation).fill(stream, begin, end, to);
  });
  tensor.copy_(values.narrow(0, 0, tensor.numel()).view(tensor.sizes()));
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
    case Initialisation::kZero:
      return 0;
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

void copy_weights(const torch::nn::Module& from, torch::nn::Module& to) {
  const at::NoGradGuard no_grad;
  const auto parameters = from.named_parameters(), buffers = from.named_buffers();
  for (auto& item : to.named_parameters()) item.value().copy_(parameters[item.key()]);
  for (auto& item : to.named_buffers()) item.value().copy_(buffers[item.key()]);
}

}  // namespace resolute::networks
