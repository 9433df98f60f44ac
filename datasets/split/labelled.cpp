#include "datasets/split/labelled.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/error.h"
#include "core/random/random.h"
#include "datasets/samples/name_key.h"

namespace resolute::datasets {
namespace {

std::vector<std::uint8_t> labelled_by_identity(const Split& split, double fraction) {
  std::map<std::int64_t, std::uint64_t> draws;
  for (const TrainItem& item : split.train)
    draws.try_emplace(item.identity,
                      core::RandomStream("labelled-identity", {split.options.seed, name_key(split.pack),
                                                               static_cast<std::uint64_t>(item.identity)})
                          .next_u64());
  std::vector<std::pair<std::uint64_t, std::int64_t>> order;
  for (const auto& [identity, draw] : draws) order.emplace_back(draw, identity);
  std::ranges::sort(order);
  const int count = settings::labelled_identities(fraction, static_cast<int>(order.size()));
  if (fraction > 0 && count < 2)
    throw core::input_error(
        fmt::format("labels for {} of {} training identities of pack '{}'", count, order.size(), split.pack),
        fmt::format("train.labelled_fraction is {}, and losses compare 2", fraction),
        "raise it, or set train.labelled_by = \"image\"");
  std::set<std::int64_t> labelled;
  for (int i = 0; i < count; ++i) labelled.insert(order[static_cast<std::size_t>(i)].second);
  std::vector<std::uint8_t> items;
  for (const TrainItem& item : split.train) items.push_back(labelled.contains(item.identity) ? 1 : 0);
  return items;
}

}  // namespace

std::vector<std::uint8_t> draw_labelled(const Split& split, double fraction, settings::LabelledBy by) {
  RESOLUTE_EXPECT(fraction >= 0 && fraction <= 1, "a share of labelled images is 0 to 1");
  if (by == settings::LabelledBy::kIdentity) return labelled_by_identity(split, fraction);
  const std::uint64_t pack = name_key(split.pack);
  // The items of each identity with the draws that order them; the earlier of two equal draws comes first.
  std::map<std::int64_t, std::vector<std::pair<std::uint64_t, std::size_t>>> by_identity;
  for (std::size_t i = 0; i < split.train.size(); ++i) {
    const TrainItem& item = split.train[i];
    core::RandomStream stream(
        "labelled", {split.options.seed, pack, static_cast<std::uint64_t>(item.identity), name_key(item.path)});
    by_identity[item.identity].emplace_back(stream.next_u64(), i);
  }
  std::vector<std::uint8_t> labelled(split.train.size(), 0);
  for (auto& [identity, items] : by_identity) {
    std::ranges::sort(items);
    core::RandomStream stream("labelled-share", {split.options.seed, pack, static_cast<std::uint64_t>(identity)});
    const double exact = fraction * static_cast<double>(items.size()) + stream.uniform();
    const auto count = std::min(items.size(), static_cast<std::size_t>(std::floor(exact)));
    for (std::size_t i = 0; i < count; ++i) labelled[items[i].second] = 1;
  }
  return labelled;
}

}  // namespace resolute::datasets
