#include "results/kernel/matching.h"

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace resolute::results {
namespace {

void check(const Labels& labels, const char* side) {
  if (!labels.cameras.empty() && labels.cameras.size() != labels.identities.size())
    throw core::input_error(
        fmt::format("the {} has {} identities and {} cameras", side, labels.identities.size(), labels.cameras.size()),
        "each image needs one identity and one camera");
}

}  // namespace

Matching::Matching(const Labels& query, const Labels& gallery) : query_(query), gallery_(gallery) {
  check(query, "query");
  check(gallery, "gallery");
  by_identity_.reserve(gallery.identities.size());
  for (std::size_t g = 0; g < gallery.identities.size(); ++g) by_identity_.emplace_back(gallery.identities[g], g);
  std::ranges::sort(by_identity_);
  junk_ = of_identity(kJunk).size();
}

std::span<const std::pair<std::int64_t, std::size_t>> Matching::of_identity(std::int64_t identity) const {
  auto first = std::ranges::lower_bound(by_identity_, std::pair(identity, std::size_t{0}));
  auto last = std::upper_bound(first, by_identity_.end(), std::pair(identity, std::numeric_limits<std::size_t>::max()));
  return {first, last};
}

void Matching::matches_of(std::size_t query, std::vector<std::size_t>& matches) const {
  matches.clear();
  std::int64_t identity = query_.identities[query];
  if (identity == kJunk) return;
  bool by_camera = !query_.cameras.empty() && !gallery_.cameras.empty();
  for (const auto& [_, g] : of_identity(identity))
    if (!by_camera || gallery_.cameras[g] != query_.cameras[query]) matches.push_back(g);
}

std::size_t Matching::wrong_for(std::size_t query) const {
  std::int64_t identity = query_.identities[query];
  std::size_t matches = identity == kJunk ? 0 : of_identity(identity).size();
  return gallery() - junk_ - matches;
}

std::size_t Matching::gallery_identities() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < by_identity_.size(); ++i) {
    std::int64_t identity = by_identity_[i].first;
    if (identity == kJunk || identity == 0) continue;
    if (i == 0 || by_identity_[i - 1].first != identity) ++count;
  }
  return count;
}

}  // namespace resolute::results
