#include "methods/row.h"

#include "methods/work.h"
#include "settings/trunk_shape.h"

namespace resolute::methods {
namespace {

Cost vpfa_cost(const MethodOptions& any, const WorkCase& asked) {
  const auto& options = std::get<VpfaOptions>(any);
  const TrunkWork trunk = trunk_work(asked);
  const double features = settings::trunk_shape(asked.network).channels(settings::kTrunkLevels),
               hidden = options.hidden;
  const double map = 2 * hidden * (features + hidden);
  // The trunk passes forward alone. Each copy passes a map forward and backward.
  const double images = (1.0 + asked.copies) * trunk.forward + 3 * map * asked.copies;
  return {.hr_row = images / trunk.step,
          .query = 1 + map / trunk.forward,
          .parameters = 1 + map * static_cast<double>(options.level_rates.size() - 1) / trunk.parameters};
}

}  // namespace

Row row_of(const VpfaOptions& options) {
  Row row;
  row.needs = {.lr = false, .copies = true, .streams = false, .labels = false};
  row.tells.level_rates = options.level_rates;
  row.groups = {{"maps"}};
  row.cost = vpfa_cost;
  return row;
}

}  // namespace resolute::methods
