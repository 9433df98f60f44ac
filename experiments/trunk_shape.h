#pragma once
//! \file
//! What the trunks make of an image, for checks that must not wait for a network (workers/nn/backbone.h has those).

#include "experiments/specification.h"

namespace resolute::experiments {

//! Image pixels per pixel of f5 along each side, a power of 2; sides are halved rounding up.
//! \param network its last stride in range
int trunk_stride(const NetworkSettings& network);

//! Residual blocks of all four stages together: 16 of resnet50, 4 of resnet-small.
int residual_blocks(const NetworkSettings& network);

//! L: how many masks a network has, one behind each residual block or behind each stage; 0 with masks "off".
int mask_count(const ResolutionAdaptiveOptions& options, const NetworkSettings& network);

}  // namespace resolute::experiments
