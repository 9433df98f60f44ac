#include "methods/row.h"

#include <numeric>

#include "methods/work.h"
#include "settings/trunk_shape.h"

namespace resolute::methods {
namespace {

Cost resolution_adaptive_cost(const MethodOptions& any, const WorkCase& asked) {
  const auto& options = std::get<ResolutionAdaptiveOptions>(any);
  const TrunkWork trunk = trunk_work(asked);
  const double dimensions = std::accumulate(options.widths.begin(), options.widths.end(), 0.0);
  const double embedding = dimensions * settings::trunk_shape(asked.network).channels(settings::kTrunkLevels);
  const double units = options.verification ? dimensions * options.verification_width : 0;
  // The embedding, and two differences of each image: to a positive and to a negative.
  const double image = 1 + (embedding + 2 * units) / trunk.forward;
  return {.hr_row = 2 * image,
          .lr_row = image,
          .parameters = 1 + (embedding + units) / trunk.parameters,
          .feature = dimensions};
}

}  // namespace

Row row_of(const ResolutionAdaptiveOptions& options) {
  Row row;
  row.tells.masks = options.masks != Masks::kOff;
  if (options.varying_length || row.tells.masks) row.tells.level_rates = options.level_rates;
  int dimensions = 0;
  for (std::size_t level = 0; options.varying_length && level < options.widths.size(); ++level)
    row.tells.prefixes.push_back(dimensions += options.widths[level]);
  if (row.tells.masks) row.groups.push_back({"masks"});
  row.cost = resolution_adaptive_cost;
  return row;
}

}  // namespace resolute::methods
