#include "methods/row.h"

#include "methods/work.h"

namespace resolute::methods {
namespace {

//! G, from f5 to an image.
LayerWork decoder_work(const WorkCase& of, const TrunkShape& shape, const TrunkWork& trunk, DecoderKind kind) {
  LayerWork sum;
  const auto add = [&](const LayerWork& layer) {
    sum.forward += layer.forward;
    sum.parameters += layer.parameters;
  };
  Grid grid = trunk.grid[kTrunkLevels];
  double inputs = shape.channels(kTrunkLevels);
  for (const int outputs : shape.decoder_widths) {
    if (grid.height >= of.height && grid.width >= of.width) break;
    const double before = grid.cells();
    grid = {2 * grid.height, 2 * grid.width};
    // A transposed convolution of 4x4 and stride 2 multiplies each of its inputs by its whole kernel.
    add(kind == DecoderKind::kNearest ? convolution_work(inputs, outputs, 3, grid.cells())
                                      : convolution_work(inputs, outputs, 4, before));
    inputs = outputs;
  }
  add(convolution_work(inputs, 3, 3, grid.cells(), 1, true));
  return sum;
}

//! D_j: a step of it on features that are constants, then the networks' through a D whose weights are.
LayerWork adversary_work(double channels, double width, const Grid& grid, DiscriminatorKind kind) {
  const bool wide = kind == DiscriminatorKind::kConvolutional;
  const LayerWork first = convolution_work(channels, width, 1, grid.cells(), 1, true);
  const double cells = (wide ? grid.by(2) : grid).cells(), half = width / 2;
  LayerWork sum = first;
  for (const LayerWork& layer :
       {wide ? convolution_work(width, width, 3, cells, 1, true) : LayerWork{},
        convolution_work(width, half, wide ? 3 : 1, cells, 1, true), convolution_work(half, 1, 1, cells, 1, true)}) {
    sum.forward += layer.forward;
    sum.parameters += layer.parameters;
  }
  return {trained(sum.forward, first.forward) + 2 * sum.forward, sum.parameters};
}

Work rain_work(const MethodOptions& any, const WorkCase& of) {
  const auto& options = std::get<RainOptions>(any);
  const TrunkShape shape = trunk_shape(of.network);
  const TrunkWork trunk = trunk_work(of);
  const LayerWork classifier = classifier_work(of);
  Work work;
  work.lr_row = trunk.step + trained(classifier.forward);
  work.parameters = trunk.parameters + classifier.parameters;
  if (const Adversary* adversary = options.opponent())
    for (const int level : adversary->levels) {
      const LayerWork one = adversary_work(shape.channels(level), shape.discriminator_width,
                                           trunk.grid[static_cast<std::size_t>(level)], adversary->discriminator);
      work.lr_row += one.forward;
      work.parameters += one.parameters;
    }
  const int images = options.pairing == Pairing::kAligned ? 2 : 1;  // the image and its copy, or itself alone
  work.hr_row = images * work.lr_row;
  if (options.reconstruction) {
    const LayerWork decoder = decoder_work(of, shape, trunk, options.decoder);
    work.hr_row += images * trained(decoder.forward);
    if (of.originals) work.lr_row += trained(decoder.forward);  // nothing else is an LR image held against
    work.parameters += decoder.parameters;
  }
  work.query = work.gallery = trunk.forward;
  work.feature = shape.channels(kTrunkLevels);
  return work;
}

}  // namespace

Row row_of(const RainOptions& options) {
  Row row;
  row.needs.labels = !options.reconstruction && options.opponent() == nullptr;
  if (options.reconstruction) {
    row.tells.recovered = {1};
    row.needs.originals = options.pairing == Pairing::kShuffled ? Originals::kAll : Originals::kOfPool;
  }
  row.cost.work = rain_work;
  return row;
}

}  // namespace resolute::methods
