#pragma once
//! \file
//! How far the trunks shrink an image, for checks that must not wait for a network (workers/nn/backbone.h has those).

#include "experiments/specification.h"

namespace resolute::experiments {

//! Image pixels per pixel of f5 along each side, a power of 2; sides are halved rounding up.
//! \param network its backbone and last stride in range
int trunk_stride(const NetworkSettings& network);

}  // namespace resolute::experiments
