#include "experiments/trunk_shape.h"

namespace resolute::experiments {
namespace {

constexpr int kStages = 4;

bool is_resnet50(const NetworkSettings& network) { return network.backbone == settings::Trunk::kResnet50; }

}  // namespace

int trunk_stride(const NetworkSettings& network) {
  // Up to the last stage: a stem and a pooling of stride 2 and two halving stages, or three halving stages.
  const int before = is_resnet50(network) ? 16 : 8;
  return before * network.last_stride;
}

int residual_blocks(const NetworkSettings& network) { return is_resnet50(network) ? 3 + 4 + 6 + 3 : kStages; }

int mask_count(const ResolutionAdaptiveOptions& options, const NetworkSettings& network) {
  if (options.masks == methods::Masks::kOff) return 0;
  return options.mask_blocks == methods::MaskBlocks::kStages ? kStages : residual_blocks(network);
}

}  // namespace resolute::experiments
