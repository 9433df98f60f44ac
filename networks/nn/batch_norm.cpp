#include "networks/nn/batch_norm.h"

namespace resolute::networks {
namespace {

thread_local int holds = 0;

}  // namespace

RunningStatisticsHold::RunningStatisticsHold() { ++holds; }
RunningStatisticsHold::~RunningStatisticsHold() { --holds; }
bool RunningStatisticsHold::active() { return holds > 0; }

BatchNorm::BatchNorm(std::int64_t channels, const BatchNormOptions& options) : NormLayer(channels), options_(options) {
  running_mean = register_buffer("running_mean", at::zeros({channels}));
  running_var = register_buffer("running_var", at::ones({channels}));
}

at::Tensor BatchNorm::forward(const at::Tensor& input) const {
  const bool too_few = input.numel() < 2 * input.size(1);
  const bool of_batch = uses_batch();
  const bool held = of_batch && (too_few || RunningStatisticsHold::active());
  return at::batch_norm(input, weight, bias, held ? at::Tensor() : running_mean, held ? at::Tensor() : running_var,
                        of_batch, options_.momentum, options_.epsilon, /*cudnn_enabled=*/true);
}

bool BatchNorm::is_fused(const at::Tensor& input) const { return uses_batch() && fuses(input); }

at::Tensor BatchNorm::forward_fused(const at::Tensor& input, const at::Tensor& summand, Rectifier rectifier) const {
  const bool held = RunningStatisticsHold::active();
  return fused_norm(input, weight, bias, summand,
                    {held ? at::Tensor() : running_mean, held ? at::Tensor() : running_var, options_.momentum,
                     options_.epsilon, rectifier});
}

void BatchNorm::freeze() {
  frozen_ = true;
  weight.requires_grad_(false);
  bias.requires_grad_(false);
}

void BatchNorm::initialise(std::uint64_t seed, const std::string& name) {
  NormLayer::initialise(seed, name);
  running_mean.zero_();
  running_var.fill_(1);
}

}  // namespace resolute::networks
