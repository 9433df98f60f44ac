#include "methods/row.h"

#include "methods/work.h"
#include "settings/trunk_shape.h"

namespace resolute::methods {
namespace {

//! T's share of a pass and of the parameters grows with the channels of f5, which are many on EfficientNet.
Cost ftwa_cost(const MethodOptions& any, const WorkCase& asked) {
  const auto& options = std::get<FtwaOptions>(any);
  const bool wide = settings::trunk_shape(asked.network).head_channels > 0;
  const double made = options.transforms() ? (wide ? 0.8 : 0.25) : 0;
  const double made_parameters = options.transforms() ? (wide ? 0.9 : 0.35) : 0;
  // An HR image and its copy, of which T sees the copy; E_L, a classifier and W of each side.
  return {.hr_row = 2 + made,
          .lr_row = 1 + made,
          .query = 1 + made,
          .gallery_copy = 1 + made,
          .parameters = 1.1 + made_parameters + (options.weighs() ? 0.1 : 0),
          .feature = 0};
}

}  // namespace

Row row_of(const FtwaOptions& options) {
  Row row;
  row.cost = ftwa_cost;
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
