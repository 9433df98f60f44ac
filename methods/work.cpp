#include "methods/work.h"

#include "methods/row.h"

namespace resolute::methods {
namespace {

//! Adds layers up as an image passes them.
class TrunkCount {
 public:
  TrunkCount(const TrunkShape& shape, TrunkWork& work) : shape_(shape), work_(work) {}

  //! \param behind_learned whether what it sees moves when something below learns
  void add(int level, const LayerWork& layer, bool behind_learned) {
    const bool learns = level > shape_.frozen_levels;
    work_.forward += layer.forward;
    work_.step += layer.forward * (1 + (learns ? 1 : 0) + (behind_learned ? 1 : 0));
    work_.step_through += layer.forward * (2 + (learns ? 1 : 0));
    work_.parameters += layer.parameters;
    for (int above = level; above <= kTrunkLevels; ++above)
      work_.parameters_to[static_cast<std::size_t>(above)] += layer.parameters;
  }

  void add_block(const TrunkStage& stage, int inputs, int stride, const Grid& before, const Grid& after) {
    const bool below = learned_, here = stage.level > shape_.frozen_levels;
    const int outputs = stage.channels;
    bool learned = below;
    const auto layer = [&](double in, double out, double kernel, const Grid& grid, double groups = 1) {
      add(stage.level, convolution_work(in, out, kernel, grid.cells(), groups), learned);
      learned = learned || here;
    };
    switch (shape_.block) {
      case TrunkBlock::kBasic:
        layer(inputs, outputs, 3, after);
        layer(outputs, outputs, 3, after);
        break;
      case TrunkBlock::kBottleneck: {
        const double inner = outputs / 4.0;
        layer(inputs, inner, 1, before);
        layer(inner, inner, 3, after);
        layer(inner, outputs, 1, after);
        break;
      }
      case TrunkBlock::kInverted: {
        const double inner = static_cast<double>(inputs) * stage.expansion;
        if (stage.expansion != 1) layer(inputs, inner, 1, before);
        layer(inner, inner, stage.kernel, after, inner);
        layer(inner, outputs, 1, after);
        break;
      }
    }
    if (shape_.block != TrunkBlock::kInverted && (stride != 1 || inputs != outputs))
      add(stage.level, convolution_work(inputs, outputs, 1, after.cells()), below);
    learned_ = below || here;
  }

  void run(const Grid& image) {
    const double stem_kernel = shape_.stem_kernel;
    Grid grid = image.by(shape_.stem_stride);
    add(1, convolution_work(3, shape_.stem_channels, stem_kernel, grid.cells()), false);
    learned_ = shape_.frozen_levels < 1;
    work_.grid[1] = grid;
    if (shape_.pooling) grid = grid.by(2);
    int inputs = shape_.stem_channels;
    for (const TrunkStage& stage : shape_.stages)
      for (int block = 0; block < stage.blocks; ++block) {
        const int stride = block == 0 ? stage.stride : 1;
        const Grid after = grid.by(stride);
        add_block(stage, inputs, stride, grid, after);
        grid = after;
        inputs = stage.channels;
        work_.grid[static_cast<std::size_t>(stage.level)] = grid;
      }
    if (shape_.head_channels > 0)
      add(kTrunkLevels, convolution_work(inputs, shape_.head_channels, 1, grid.cells()), learned_);
  }

 private:
  const TrunkShape& shape_;
  TrunkWork& work_;
  bool learned_ = false;  // something below learns
};

Work plain_work(const MethodOptions&, const WorkCase& of) {
  const TrunkWork trunk = trunk_work(of);
  const LayerWork classifier = classifier_work(of);
  Work work;
  work.hr_row = work.lr_row = trunk.step + trained(classifier.forward);
  work.query = work.gallery = trunk.forward;
  work.parameters = trunk.parameters + classifier.parameters;
  work.feature = trunk_shape(of.network).channels(kTrunkLevels);
  return work;
}

}  // namespace

LayerWork convolution_work(double inputs, double outputs, double kernel, double cells, double groups, bool bias) {
  const double weights = inputs / groups * outputs * kernel * kernel;
  return {weights * cells, weights + (bias ? 1 : 2) * outputs};
}

TrunkWork trunk_work(const WorkCase& of) {
  TrunkWork work;
  const TrunkShape shape = trunk_shape(of.network);
  TrunkCount(shape, work).run({of.height, of.width});
  return work;
}

LayerWork classifier_work(const WorkCase& of, double inputs) {
  if (inputs == 0) inputs = trunk_shape(of.network).channels(kTrunkLevels);
  const double products = inputs * of.identities;
  return {products, products + of.identities + (of.network.neck ? 2 * inputs : 0)};
}

Work work(const MethodOptions& options, const WorkCase& of) {
  const auto counted = row(options).cost.work;
  return counted == nullptr ? plain_work(options, of) : counted(options, of);
}

}  // namespace resolute::methods
