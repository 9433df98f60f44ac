#include "datasets/split/gallery_draws.h"

#include <algorithm>
#include <map>

#include "datasets/split/split.h"

namespace resolute::datasets {

std::vector<std::vector<std::size_t>> draw_galleries(const settings::EvaluationProtocol& protocol, std::uint64_t seed,
                                                     std::span<const std::int64_t> asked,
                                                     std::span<const std::int64_t> shown) {
  using settings::ProtocolName;
  std::vector<std::vector<std::size_t>> draws;
  if (protocol.name == ProtocolName::kWholeGallery) return draws;
  const bool is_0_asked = std::ranges::find(asked, 0) != asked.end();
  std::map<std::int64_t, std::vector<std::size_t>> images_of;
  for (std::size_t i = 0; i < shown.size(); ++i)
    if (shown[i] != -1 && (shown[i] != 0 || is_0_asked)) images_of[shown[i]].push_back(i);
  const int shots = protocol.name == ProtocolName::kMultiShot ? protocol.shots : 1;
  for (int draw = 0; draw < protocol.draws; ++draw) draws.push_back(draw_gallery(images_of, seed, draw, shots));
  return draws;
}

}  // namespace resolute::datasets
