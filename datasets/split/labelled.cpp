#include "datasets/split/labelled.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/random/random.h"
#include "datasets/samples/name_key.h"

namespace resolute::datasets {

std::vector<std::uint8_t> draw_labelled(const Split& split, double fraction) {
  RESOLUTE_EXPECT(fraction >= 0 && fraction <= 1, "a share of labelled images is 0 to 1");
  const std::uint64_t pack = name_key(split.pack);
  // Of each identity, its items under the draw that orders them; of equal draws, the earlier item first.
  std::map<std::int64_t, std::vector<std::pair<std::uint64_t, std::size_t>>> by_identity;
  for (std::size_t i = 0; i < split.train.size(); ++i) {
    const TrainItem& item = split.train[i];
    core::RandomStream stream(
        "labelled", {split.options.seed, pack, static_cast<std::uint64_t>(item.identity), name_key(item.path)});
    by_identity[item.identity].emplace_back(stream.next_u64(), i);
  }
  std::vector<std::uint8_t> labelled(split.train.size(), 0);
  for (auto& [identity, items] : by_identity) {
    std::sort(items.begin(), items.end());
    core::RandomStream stream("labelled-share", {split.options.seed, pack, static_cast<std::uint64_t>(identity)});
    const double exact = fraction * static_cast<double>(items.size()) + stream.uniform();
    const auto count = std::min(items.size(), static_cast<std::size_t>(std::floor(exact)));
    for (std::size_t i = 0; i < count; ++i) labelled[items[i].second] = 1;
  }
  return labelled;
}

}  // namespace resolute::datasets
