#include "datasets/image/low_resolution.h"

#include "core/error.h"

namespace resolute::datasets {

void low_resolution_view_into(const Image& native, int rate, Kernel kernel, Image& to, ResizeScratch& scratch) {
  RESOLUTE_EXPECT(rate >= 1 && rate <= settings::kLargestRate,
                  fmt::format("a rate of {} is outside 1..{}", rate, settings::kLargestRate));
  const ImageSize size = shrunk_size({native.height, native.width}, rate);
  resize_into(native, size.height, size.width, kernel, to, scratch);
}

Image low_resolution_view(const Image& native, int rate, Kernel kernel) {
  Image view;
  ResizeScratch scratch;
  low_resolution_view_into(native, rate, kernel, view, scratch);
  return view;
}

Image enlarge(const Image& image, int height, int width) { return resize(image, height, width, Kernel::kTriangle); }

void enlarge(const Image& image, int height, int width, Image& to, ResizeScratch& scratch) {
  resize_into(image, height, width, Kernel::kTriangle, to, scratch);
}

}  // namespace resolute::datasets
