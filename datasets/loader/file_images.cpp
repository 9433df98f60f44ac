#include "datasets/loader/file_images.h"

#include "datasets/image/low_resolution.h"

namespace resolute::datasets {

ImageSize FileImages::native_size(std::size_t number) const {
  const fs::path& path = images_.at(number).path;
  return image_size(files_.read(path, kMaxImageBytes), path.string());
}

void FileImages::read(std::size_t number, Image& to) const {
  const fs::path& path = images_.at(number).path;
  decode_image_into(files_.read(path, kMaxImageBytes), path.string(), to, pack_.truncated_images);
}

void FileLoader::fill_view(std::size_t number, int rate, std::span<float> to) {
  const settings::PackSettings& pack = images_.options();
  images_.read(number, native_);
  const bool as_it_is = rate == 1 || images_.came_low(number);
  if (as_it_is || pack.view_from == settings::ViewFrom::kNetwork)
    enlarge(native_, pack.height, pack.width, network_, scratch_);
  if (!as_it_is) {
    const bool native = pack.view_from == settings::ViewFrom::kNative;
    low_resolution_view_into(native ? native_ : network_, rate, pack.kernel, small_, scratch_);
    enlarge(small_, pack.height, pack.width, network_, scratch_);
  }
  augment(network_, {}, rows_, to);
}

}  // namespace resolute::datasets
