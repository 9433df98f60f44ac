#include "experiments/language/claims.h"

#include <algorithm>

namespace resolute::experiments {
namespace {

bool stands_beside(const ReferenceRequest& request, const std::string& dataset) {
  return request.on.empty() || std::find(request.on.begin(), request.on.end(), dataset) != request.on.end();
}

bool is_of(const RowText& row, const Claim& claim, const std::string& entry, const std::string& dataset) {
  return std::any_of(row.references.begin(), row.references.end(), [&](const ReferenceRequest& request) {
    if (request.paper != claim.paper || request.dataset != claim.dataset || !stands_beside(request, dataset))
      return false;
    return claim.by == "variant" ? request.variant == entry : request.method == entry && request.variant.empty();
  });
}

//! True if the rows of `part` stand in `whole` in the same order.
bool says_as_much(const ClaimPlan& whole, const ClaimPlan& part) {
  if (whole.dataset != part.dataset || whole.metric != part.metric || whole.paper != part.paper ||
      whole.paper_dataset != part.paper_dataset)
    return false;
  auto at = part.worse_to_better.begin();
  for (const std::string& row : whole.worse_to_better)
    if (at != part.worse_to_better.end() && *at == row) ++at;
  return at == part.worse_to_better.end();
}

}  // namespace

std::vector<ClaimPlan> claims_of(const TableText& table, const std::vector<Claim>& claims) {
  std::vector<ClaimPlan> found;
  for (const std::string& dataset : table.datasets) {
    for (const Claim& claim : claims) {
      if (std::find(table.metrics.begin(), table.metrics.end(), claim.metric) == table.metrics.end()) continue;
      ClaimPlan plan{dataset, claim.metric, claim.paper, claim.dataset, {}};
      for (const std::string& entry : claim.worse_to_better) {
        const auto row = std::find_if(table.rows.begin(), table.rows.end(),
                                      [&](const RowText& one) { return is_of(one, claim, entry, dataset); });
        // A row of several entries stands for the first of them: it is no better than itself.
        auto& rows = plan.worse_to_better;
        if (row != table.rows.end() && std::find(rows.begin(), rows.end(), row->id) == rows.end())
          rows.push_back(row->id);
      }
      if (plan.worse_to_better.size() >= 2) found.push_back(std::move(plan));
    }
  }
  std::vector<ClaimPlan> kept;
  for (std::size_t i = 0; i < found.size(); ++i) {
    bool said = false;
    // Of two that say the same the first stays.
    for (std::size_t j = 0; j < found.size(); ++j)
      said = said || (j != i && says_as_much(found[j], found[i]) && (j < i || !says_as_much(found[i], found[j])));
    if (!said) kept.push_back(found[i]);
  }
  return kept;
}

}  // namespace resolute::experiments
