#include "networks/kernels/fused_norm.h"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "core/error.h"

namespace resolute::networks {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

NormKernels* kernels_in_use = nullptr;
at::Tensor finished_slices;  // NormArguments::finished of all launches: those of a stream follow one another

constexpr int kWarp = 32;
constexpr int kRowsOfThread = 16;  // of a slice, where there are enough
constexpr int kMostBlocks = 1024;
constexpr int kMostColumns = 1024;
constexpr float kCeilingOfRelu6 = 6;

float ceiling_of(Rectifier rectifier) {
  switch (rectifier) {
    case Rectifier::kNone:
      return 0;
    case Rectifier::kRelu:
      return std::numeric_limits<float>::infinity();
    case Rectifier::kRelu6:
      return kCeilingOfRelu6;
  }
  throw core::ContractError("a rectifier outside its enumeration");
}

at::Tensor channels_last(const at::Tensor& map) { return map.contiguous(at::MemoryFormat::ChannelsLast); }

// A float32 value a channel, where the map is.
at::Tensor channel_values(const at::Tensor& map) { return at::empty({map.size(1)}, map.options().dtype(at::kFloat)); }

// Maps of one shape on one device, and how its kernels are launched over them: by the shape alone.
class Launcher {
 public:
  //! \param mean, inverse of the batch, which the first kernel fills
  Launcher(const at::Tensor& map, const at::Tensor& weight, const at::Tensor& mean, const at::Tensor& inverse)
      : kernels_(kernels_in_use), map_(map), bfloat16_(map.scalar_type() == at::kBFloat16) {
    RESOLUTE_EXPECT(kernels_ != nullptr, "a batch norm is fused where a device has kernels for it");
    arguments.input = map.const_data_ptr();
    arguments.weight = weight.const_data_ptr<float>();
    arguments.mean = mean.mutable_data_ptr<float>();
    arguments.inverse = inverse.mutable_data_ptr<float>();
    arguments.rows = map.numel() / map.size(1);
    arguments.channels = static_cast<int>(map.size(1));
    grid_.threads = kernels_->threads();
    const int width = arguments.channels / (bfloat16_ ? kNormMultiple : kNormMultiple / 2);
    for (arguments.lanes = 1; 2 * arguments.lanes <= std::min(width, kWarp);) arguments.lanes *= 2;
    arguments.lanes = std::min(arguments.lanes, grid_.threads);
    grid_.columns = (width + arguments.lanes - 1) / arguments.lanes;
    const long long rows_of_slice = static_cast<long long>(grid_.threads / arguments.lanes) * kRowsOfThread;
    const long long most = std::max(1, kMostBlocks / grid_.columns);
    grid_.slices = static_cast<int>(std::clamp((arguments.rows + rows_of_slice - 1) / rows_of_slice, 1LL, most));
    RESOLUTE_EXPECT(grid_.columns <= kMostColumns, "each column of blocks counts its slices");
  }

  NormArguments arguments;

  void launch(NormKernel kernel) { kernels_->launch(kernel, bfloat16_, grid_, arguments); }
  //! Launches a kernel that sums over all rows.
  void launch_sums(NormKernel kernel) {
    if (!finished_slices.defined() || finished_slices.device() != map_.device())
      finished_slices = at::zeros({kMostColumns}, map_.options().dtype(at::kInt));
    const at::Tensor partial = at::empty({grid_.slices, 2, arguments.channels}, map_.options().dtype(at::kDouble));
    arguments.partial = partial.mutable_data_ptr<double>();
    arguments.finished = static_cast<unsigned*>(finished_slices.mutable_data_ptr());
    launch(kernel);
  }

 private:
  NormKernels* kernels_;
  const at::Tensor& map_;
  bool bfloat16_;
  NormGrid grid_;
};

class FusedNorm : public torch::autograd::Function<FusedNorm> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& map, const at::Tensor& weight,
                            const at::Tensor& bias, const std::optional<at::Tensor>& summand,
                            const FusedNormOptions& options) {
    const at::Tensor added = summand ? channels_last(*summand) : at::Tensor();
    const at::Tensor output = at::empty_like(map);
    const at::Tensor mean = channel_values(map), inverse = channel_values(map);
    Launcher launcher(map, weight, mean, inverse);
    NormArguments& a = launcher.arguments;
    a.summand = added.defined() ? added.const_data_ptr() : nullptr;
    a.output = output.mutable_data_ptr();
    a.bias = bias.const_data_ptr<float>();
    if (options.running_mean.defined()) {
      a.running_mean = options.running_mean.mutable_data_ptr<float>();
      a.running_variance = options.running_variance.mutable_data_ptr<float>();
    }
    a.ceiling = ceiling_of(options.rectifier);
    a.momentum = static_cast<float>(options.momentum);
    a.epsilon = options.epsilon;
    launcher.launch_sums(NormKernel::kStatistics);
    launcher.launch(NormKernel::kNormalise);
    const bool rectified = options.rectifier != Rectifier::kNone;
    context->save_for_backward({map, weight, mean, inverse, rectified ? output : at::Tensor()});
    context->saved_data["ceiling"] = static_cast<double>(a.ceiling);
    context->saved_data["added"] = added.defined();
    return output;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &map = saved[0], &weight = saved[1], &mean = saved[2], &inverse = saved[3], &output = saved[4];
    const at::Tensor gradient = channels_last(gradients[0]);
    const bool added = context->saved_data["added"].toBool();
    const at::Tensor of_map = at::empty_like(map), of_summand = added ? at::empty_like(map) : at::Tensor();
    const at::Tensor of_weight = channel_values(map), of_bias = channel_values(map);
    Launcher launcher(map, weight, mean, inverse);
    NormArguments& a = launcher.arguments;
    a.output = output.defined() ? output.mutable_data_ptr() : nullptr;
    a.output_gradient = gradient.const_data_ptr();
    a.input_gradient = of_map.mutable_data_ptr();
    a.summand_gradient = added ? of_summand.mutable_data_ptr() : nullptr;
    a.weight_gradient = of_weight.mutable_data_ptr<float>();
    a.bias_gradient = of_bias.mutable_data_ptr<float>();
    a.ceiling = static_cast<float>(context->saved_data["ceiling"].toDouble());
    launcher.launch_sums(NormKernel::kReduce);
    launcher.launch(NormKernel::kApply);
    return {of_map, of_weight, of_bias, of_summand, at::Tensor()};
  }
};

}  // namespace

FusedNorms::FusedNorms(NormKernels* kernels) {
  RESOLUTE_EXPECT(kernels_in_use == nullptr, "one device fuses norms at a time");
  kernels_in_use = kernels;
}

FusedNorms::~FusedNorms() {
  kernels_in_use = nullptr;
  finished_slices.reset();
}

bool fuses(const at::Tensor& map) {
  return kernels_in_use != nullptr && map.device().type() == kernels_in_use->device() && map.dim() == 4 &&
         map.numel() >= 2 * map.size(1) && map.size(1) % kNormMultiple == 0 &&
         map.is_contiguous(at::MemoryFormat::ChannelsLast) &&
         (map.scalar_type() == at::kFloat || map.scalar_type() == at::kBFloat16);
}

at::Tensor fused_norm(const at::Tensor& map, const at::Tensor& weight, const at::Tensor& bias,
                      const at::Tensor& summand, const FusedNormOptions& options) {
  RESOLUTE_EXPECT(!summand.defined() || (summand.sizes() == map.sizes() && summand.scalar_type() == map.scalar_type()),
                  "a summand has the map's shape and type");
  const std::optional<at::Tensor> added = summand.defined() ? std::optional(summand) : std::nullopt;
  return FusedNorm::apply(map, weight, bias, added, options);
}

}  // namespace resolute::networks
