#pragma once
//! \file
//! What the trunks make of an image, for checks that must not wait for a network (workers/nn/backbone.h has those).

#include "settings/training.h"

namespace resolute::methods {

//! layer1 to layer4.
inline constexpr int kTrunkStages = 4;

//! Image pixels per pixel of f5 along each side, a power of 2; sides are halved rounding up.
//! \param network its last stride in range
int trunk_stride(const settings::NetworkSettings& network);

//! Residual blocks of all four stages together: 16 of resnet50, 4 of resnet-small.
int residual_blocks(const settings::NetworkSettings& network);

}  // namespace resolute::methods
