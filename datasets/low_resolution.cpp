#include "datasets/low_resolution.h"

#include <algorithm>

#include "core/error.h"

namespace resolute::datasets {

Image low_resolution_view(const Image& native, int rate, Kernel kernel) {
  RESOLUTE_EXPECT(rate >= 1 && rate <= kMaxRate, fmt::format("a rate of {} is outside 1..{}", rate, kMaxRate));
  if (rate == 1) return native;
  return resize(native, std::max(native.height / rate, 1), std::max(native.width / rate, 1), kernel);
}

Image low_resolution_network(const Image& network_size, int rate, Kernel kernel) {
  return low_resolution_view(network_size, rate, kernel);
}

Image enlarge(const Image& image, int height, int width) { return resize(image, height, width, Kernel::kTriangle); }

}  // namespace resolute::datasets
