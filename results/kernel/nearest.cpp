#include "results/kernel/nearest.h"

#include <algorithm>

#include "core/error.h"

namespace resolute::results::kernel {

std::vector<std::size_t> nearest(std::span<const double> distances, std::size_t count,
                                 const std::function<std::string()>& of, int neighbour) {
  constexpr std::size_t kMostTies = 1000;
  std::vector<std::size_t> found;
  if (distances.empty()) return found;
  const std::size_t wanted = std::min(count, distances.size());
  std::vector<double> sorted(distances.begin(), distances.end());
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(wanted - 1), sorted.end());
  const double farthest = sorted[wanted - 1];
  for (std::size_t image = 0; image < distances.size(); ++image) {
    if (distances[image] > farthest) continue;
    found.push_back(image);
    if (found.size() > wanted + kMostTies)
      throw core::input_error(
          fmt::format("more than {} images are as near to {} as its neighbour {}", kMostTies, of(), neighbour),
          "features that are equal tell nothing of neighbours");
  }
  return found;
}

}  // namespace resolute::results::kernel
