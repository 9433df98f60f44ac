#include "settings/trunk_shape.h"

#include "core/error.h"

namespace resolute::settings {
namespace {

TrunkShape row_of(Trunk trunk) {
  switch (trunk) {
    case Trunk::kResnet50:
      return {.block = TrunkBlock::kBottleneck,
              .stem_channels = 64,
              .stem_kernel = 7,
              .stem_stride = 2,
              .pooling = true,
              .stages = {{2, 256, 3, 1}, {3, 512, 4, 2}, {4, 1024, 6, 2}, {5, 2048, 3, 2}},
              .decoder_widths = {512, 256, 128, 64, 32},
              .discriminator_width = 256};
    case Trunk::kResnet50IbnA: {
      TrunkShape shape = row_of(Trunk::kResnet50);
      shape.instance_levels = 4;
      shape.same_convolutions = Trunk::kResnet50;
      return shape;
    }
    case Trunk::kResnetSmall:
      return {.block = TrunkBlock::kBasic,
              .stem_channels = 16,
              .stages = {{2, 16, 1, 2}, {3, 32, 1, 2}, {4, 64, 1, 2}, {5, 128, 1, 2}},
              .small = true,
              .decoder_widths = {16, 16, 8, 8},
              .discriminator_width = 64};
    case Trunk::kEfficientnetLite0:
      return {.block = TrunkBlock::kInverted,
              .stem_channels = 32,
              .stem_stride = 2,
              .stages = {{1, 16, 1, 1},
                         {2, 24, 2, 2, 3, 6},
                         {3, 40, 2, 2, 5, 6},
                         {4, 80, 3, 2, 3, 6},
                         {4, 112, 3, 1, 5, 6},
                         {5, 192, 4, 2, 5, 6},
                         {5, 320, 1, 1, 3, 6}},
              .head_channels = 1280,
              .norm_epsilon = 1e-3,
              .norm_momentum = 0.01,
              .pixels = PixelScale{127, 128},
              .decoder_widths = {128, 64, 32, 16, 16},
              .discriminator_width = 128};
  }
  throw core::ContractError("a trunk outside its enumeration");
}

}  // namespace

int TrunkShape::channels(int level) const {
  if (level == kTrunkLevels && head_channels > 0) return head_channels;
  int found = stem_channels;
  for (const TrunkStage& stage : stages)
    if (stage.level <= level) found = stage.channels;
  return found;
}

int TrunkShape::stride(int level) const {
  int found = stem_stride * (pooling && level > 1 ? 2 : 1);
  for (const TrunkStage& stage : stages)
    if (stage.level <= level) found *= stage.stride;
  return found;
}

int TrunkShape::blocks() const {
  int found = 0;
  for (const TrunkStage& stage : stages) found += stage.blocks;
  return found;
}

TrunkShape trunk_shape(const NetworkSettings& network) {
  TrunkShape shape = row_of(network.backbone);
  shape.frozen_levels = network.frozen_levels;
  for (TrunkStage& stage : shape.stages)
    if (stage.level == kTrunkLevels) {
      stage.stride = network.last_stride;  // of the level's first stage
      break;
    }
  return shape;
}

}  // namespace resolute::settings
