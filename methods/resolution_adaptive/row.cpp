#include "methods/row.h"

namespace resolute::methods {

Row row_of(const ResolutionAdaptiveOptions& options) {
  Row row;
  row.tells.masks = options.masks != "off";
  if (options.varying_length || row.tells.masks) row.tells.level_rates = options.level_rates;
  int dimensions = 0;
  for (std::size_t level = 0; options.varying_length && level < options.widths.size(); ++level)
    row.tells.prefixes.push_back(dimensions += options.widths[level]);
  row.cost.identities = 2;  // verification compares two
  return row;
}

}  // namespace resolute::methods
