#include "methods/trunk_shape.h"

namespace resolute::methods {
namespace {

bool is_resnet50(const settings::NetworkSettings& network) { return network.backbone == settings::Trunk::kResnet50; }

}  // namespace

int trunk_stride(const settings::NetworkSettings& network) {
  // Up to the last stage: a stem and a pooling of stride 2 and two halving stages, or three halving stages.
  const int before = is_resnet50(network) ? 16 : 8;
  return before * network.last_stride;
}

int residual_blocks(const settings::NetworkSettings& network) {
  return is_resnet50(network) ? 3 + 4 + 6 + 3 : kTrunkStages;
}

}  // namespace resolute::methods
