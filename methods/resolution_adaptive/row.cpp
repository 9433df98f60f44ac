#include "methods/row.h"

#include <numeric>

#include "methods/work.h"

namespace resolute::methods {
namespace {

//! Masks and zeros multiply nothing by matrices.
Work resolution_adaptive_work(const MethodOptions& any, const WorkCase& of) {
  const auto& options = std::get<ResolutionAdaptiveOptions>(any);
  const TrunkWork trunk = trunk_work(of);
  const double channels = trunk_shape(of.network).channels(kTrunkLevels);
  const double dimensions = std::accumulate(options.widths.begin(), options.widths.end(), 0);
  const LayerWork embedding = convolution_work(channels, dimensions, 1, 1, 1, true);
  const LayerWork classifier = options.classification ? classifier_work(of, dimensions) : LayerWork{};
  const double units = options.verification ? options.verification_width : 0;
  Work work;
  // Of an image a positive and a negative: two differences, whose opposites share the product with the first layer.
  work.lr_row = trunk.step + trained(embedding.forward) + trained(classifier.forward) +
                trained(2 * dimensions * units + 4 * units);
  work.hr_row = 2 * work.lr_row;
  work.query = work.gallery = trunk.forward + embedding.forward;
  work.parameters = trunk.parameters + embedding.parameters + classifier.parameters +
                    (units > 0 ? dimensions * units + 2 * units + 1 : 0);
  work.feature = dimensions;
  return work;
}

}  // namespace

Row row_of(const ResolutionAdaptiveOptions& options) {
  Row row;
  row.tells.masks = options.masks != Masks::kOff;
  if (options.varying_length || row.tells.masks) row.tells.level_rates = options.level_rates;
  int dimensions = 0;
  for (std::size_t level = 0; options.varying_length && level < options.widths.size(); ++level)
    row.tells.prefixes.push_back(dimensions += options.widths[level]);
  row.cost.work = resolution_adaptive_work;
  row.cost.identities = 2;  // verification compares two
  return row;
}

}  // namespace resolute::methods
