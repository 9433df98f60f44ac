#include "methods/row.h"

namespace resolute::methods {

Row row_of(const FtwaOptions& options) {
  Row row;
  row.tells.sides = true;
  // "hr": v'_HR (without the transformation v_LR) against v_HR; "lr": v_LR against v'_LR of the gallery's copy.
  row.tells.branches = {{.name = "hr"}, {.name = "lr", .gallery_copy = true}};
  row.tells.branch_weights = options.weighs();
  if (options.weighs()) row.tells.distances.push_back({.name = "weighted", .copies = true, .weighted = true});
  if (options.transforms()) row.tells.distances.push_back({.name = "equal", .copies = true});
  for (const Branch& branch : row.tells.branches)
    row.tells.distances.push_back({.name = branch.name, .copies = branch.gallery_copy});
  return row;
}

}  // namespace resolute::methods
