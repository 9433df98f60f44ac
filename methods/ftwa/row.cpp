#include "methods/row.h"

#include <algorithm>

#include "methods/work.h"

namespace resolute::methods {
namespace {

//! T on f5 (methods/ftwa/networks.h): an eighth of its channels, at least 32.
LayerWork transformation_work(double channels, int blocks, double cells) {
  const double width = std::max(channels / 8, 32.0), half = width / 2;
  LayerWork sum;
  const auto add = [&](double inputs, double outputs, double kernel, double times, double on) {
    const LayerWork layer = convolution_work(inputs, outputs, kernel, on, 1, true);
    sum.forward += times * layer.forward;
    sum.parameters += times * layer.parameters;
  };
  add(channels, width, 1, 1, cells);
  add(width, width, 3, blocks, cells);
  add(half, width, 3, 2.0 * blocks, cells);
  add(half, half, 3, blocks, cells);
  add(2 * width, width / 8, 1, blocks, 1);  // attention: once a map
  add(width / 8, 2 * width, 1, blocks, 1);
  add(2 * width, width, 1, blocks, cells);
  add(blocks * width, width, 1, 1, cells);
  add(width, width, 3, 1, cells);
  add(width, channels, 1, 1, cells);
  return sum;
}

Work ftwa_work(const MethodOptions& any, const WorkCase& of) {
  const auto& options = std::get<FtwaOptions>(any);
  const TrunkWork trunk = trunk_work(of);
  const double channels = trunk_shape(of.network).channels(kTrunkLevels);
  const LayerWork classifier = classifier_work(of);
  const LayerWork made = options.transforms() ? transformation_work(channels, options.transformation_blocks,
                                                                    trunk.grid[kTrunkLevels].cells())
                                              : LayerWork{};
  // W of each vector: a quarter as many units, and one.
  const double units = channels / 4, weight = options.weighs() ? channels * units + units : 0;
  const double vector = trained(classifier.forward) + trained(weight);
  Work work;
  // v_HR and the copy's v'_LR, which T sees too; v_LR, and v'_HR that T makes of it.
  work.hr_row = 2 * trunk.step + 2 * vector + trained(made.forward);
  work.lr_row = trunk.step + (options.transformed_losses() ? 2 : 1) * vector + trained(made.forward);
  work.gallery = trunk.forward;
  work.query = work.gallery_copy = trunk.forward + made.forward;
  // E_L is conv1 and the first block; each side has a classifier and an evaluator.
  work.parameters = trunk.parameters + trunk.parameters_to[2] + 2 * classifier.parameters + made.parameters +
                    (options.weighs() ? 2 * (weight + units + 1) : 0);
  return work;
}

}  // namespace

Row row_of(const FtwaOptions& options) {
  Row row;
  row.cost.work = ftwa_work;
  row.needs.labels = !options.transforms();
  row.tells.sides = true;
  // "hr": v'_HR (without the transformation v_LR) against v_HR; "lr": v_LR against v'_LR of the gallery's copy.
  row.tells.branches = {{.name = "hr"}, {.name = "lr", .gallery_copy = true}};
  row.tells.branch_weights = options.weighs();
  if (options.weighs()) row.tells.distances.push_back({.name = "weighted", .branches = {0, 1}, .weighted = true});
  if (options.transforms()) row.tells.distances.push_back({.name = "equal", .branches = {0, 1}});
  row.tells.distances.push_back({.name = "hr", .branches = {0}});
  row.tells.distances.push_back({.name = "lr", .branches = {1}});
  return row;
}

}  // namespace resolute::methods
