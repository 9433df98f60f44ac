#include "datasets/sources/listing.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace resolute::datasets::sources {

bool NameReader::literal(std::string_view text) {
  fits_ = fits_ && rest_.substr(0, text.size()) == text;
  if (fits_) rest_.remove_prefix(text.size());
  return fits_;
}

std::int64_t NameReader::number() {
  constexpr std::size_t kMostDigits = 9;
  std::size_t digits = 0;
  std::int64_t value = 0;
  while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9' && digits <= kMostDigits)
    value = value * 10 + (rest_[digits++] - '0');
  fits_ = fits_ && digits >= 1 && digits <= kMostDigits;
  if (!fits_) return 0;
  rest_.remove_prefix(digits);
  return value;
}

bool is_image_name(std::string_view name) {
  constexpr std::array<std::string_view, 4> kExtensions{".jpg", ".jpeg", ".png", ".bmp"};
  if (name.empty() || name.front() == '.') return false;
  std::string extension(name.substr(stem_of(name).size()));
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::string_view stem_of(std::string_view name) { return name.substr(0, std::min(name.rfind('.'), name.size())); }

std::string printable(std::string_view name) {
  std::string shown(name);
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return shown;
}

void require_folder(core::FileSystem& files, const std::filesystem::path& root, std::string_view folder,
                    std::string_view layout) {
  if (files.exists(root / folder)) return;
  throw core::input_error(fmt::format("folder '{}' is missing in '{}'", folder, root.string()),
                          fmt::format("the layout is {}", layout), "name the folder that holds them");
}

std::vector<std::string> image_names(core::FileSystem& files, const std::filesystem::path& root,
                                     std::string_view folder) {
  std::vector<std::string> names = files.list(root / folder);
  std::erase_if(names, [](const std::string& name) { return !is_image_name(name); });
  // The interface promises the order; manifests depend on it, whatever file system stands behind.
  std::sort(names.begin(), names.end());
  if (names.empty())
    throw core::input_error(fmt::format("folder '{}' has no images in it", (root / folder).string()),
                            "files ending in .jpg, .jpeg, .png or .bmp are expected", "unpack the data set again");
  return names;
}

core::RuntimeError wrong_name(std::string_view path, std::string_view source, std::string_view pattern,
                              std::string_view example) {
  return core::input_error(fmt::format("'{}' is not a {} image name", printable(path), source),
                           fmt::format("expected {}, as {}", pattern, example),
                           "rename it or take it out of the folder");
}

}  // namespace resolute::datasets::sources
