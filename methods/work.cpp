#include "methods/work.h"

#include "methods/row.h"
#include "settings/trunk_shape.h"

namespace resolute::methods {
namespace {

//! Adds layers up as an image passes them.
class TrunkCount {
 public:
  explicit TrunkCount(const WorkCase& asked)
      : shape_(settings::trunk_shape(asked.network)), height_(asked.height), width_(asked.width) {}

  TrunkWork run() {
    shrink(shape_.stem_stride);
    add(1, 3, shape_.stem_channels, shape_.stem_kernel);
    if (shape_.pooling) shrink(2);
    int inputs = shape_.stem_channels;
    for (const settings::TrunkStage& stage : shape_.stages)
      for (int block = 0; block < stage.blocks; ++block) {
        add_block(stage, inputs, block == 0 ? stage.stride : 1);
        inputs = stage.channels;
      }
    if (shape_.head_channels > 0) add(settings::kTrunkLevels, inputs, shape_.head_channels, 1);
    return work_;
  }

 private:
  void shrink(int stride) {
    height_ = (height_ + stride - 1) / stride;
    width_ = (width_ + stride - 1) / stride;
  }

  //! A convolution to a map of the present size, and its batch norm.
  void add(int level, double inputs, double outputs, double kernel) {
    const double weights = inputs * outputs * kernel * kernel, forward = weights * height_ * width_;
    work_.forward += forward;
    work_.step += level > shape_.frozen_levels ? 3 * forward : forward;  // both gradients
    work_.parameters += weights + 2 * outputs;
  }

  void add_block(const settings::TrunkStage& stage, int inputs, int stride) {
    const int outputs = stage.channels;
    switch (shape_.block) {
      case settings::TrunkBlock::kBasic:
        shrink(stride);
        add(stage.level, inputs, outputs, 3);
        add(stage.level, outputs, outputs, 3);
        break;
      case settings::TrunkBlock::kBottleneck: {
        const double inner = outputs / 4.0;
        add(stage.level, inputs, inner, 1);
        shrink(stride);
        add(stage.level, inner, inner, 3);
        add(stage.level, inner, outputs, 1);
        break;
      }
      case settings::TrunkBlock::kInverted: {
        const double inner = static_cast<double>(inputs) * stage.expansion;
        if (stage.expansion != 1) add(stage.level, inputs, inner, 1);
        shrink(stride);
        add(stage.level, 1, inner, stage.kernel);  // each channel by itself
        add(stage.level, inner, outputs, 1);
        return;  // nothing on the shortcut
      }
    }
    if (stride != 1 || inputs != outputs) add(stage.level, inputs, outputs, 1);
  }

  settings::TrunkShape shape_;
  int height_, width_;  // of the map
  TrunkWork work_;
};

Cost passes_of_trunk(const MethodOptions&, const WorkCase&) { return {}; }

}  // namespace

TrunkWork trunk_work(const WorkCase& asked) { return TrunkCount(asked).run(); }

Work work(const MethodOptions& options, const WorkCase& asked) {
  const Row method = row(options);
  const Cost cost = (method.cost == nullptr ? passes_of_trunk : method.cost)(options, asked);
  const TrunkWork trunk = trunk_work(asked);
  return {.hr_row = cost.hr_row * trunk.step,
          .lr_row = method.needs.lr ? cost.lr_row * trunk.step : 0,
          .query = cost.query * trunk.forward,
          .gallery = cost.gallery * trunk.forward,
          .gallery_copy = cost.gallery_copy * trunk.forward,
          .parameters = cost.parameters * trunk.parameters,
          .feature = cost.feature.value_or(settings::trunk_shape(asked.network).channels(settings::kTrunkLevels))};
}

}  // namespace resolute::methods
