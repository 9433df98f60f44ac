#include "experiments/trunk_stride.h"

#include "core/error.h"

namespace resolute::experiments {

int trunk_stride(const NetworkSettings& network) {
  RESOLUTE_EXPECT(network.backbone == "resnet50" || network.backbone == "resnet-small",
                  "trunk_stride() needs a known backbone");
  // Up to the last stage: a stem and a pooling of stride 2 and two halving stages, or three halving stages.
  const int before = network.backbone == "resnet50" ? 16 : 8;
  return before * network.last_stride;
}

}  // namespace resolute::experiments
