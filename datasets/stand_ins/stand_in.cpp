#include "datasets/stand_ins/stand_in.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/random/random.h"

namespace resolute::datasets::sources {
namespace {

enum class Standing { kAbsent, kSame, kOther };

// The contents of `out`. An empty folder counts as absent.
Standing look_at(core::FileSystem& files, const fs::path& out, const std::string& settings) {
  std::error_code unknown;
  if (!fs::is_directory(out, unknown)) return Standing::kAbsent;
  const auto found = core::read_text_if_exists(files, out / kDrawnFile);
  if (found) return *found == settings ? Standing::kSame : Standing::kOther;
  return files.list(out).empty() ? Standing::kAbsent : Standing::kOther;
}

}  // namespace

void write_whole(core::FileSystem& files, const fs::path& out, const std::string& settings,
                 const std::function<void(NewFolder&)>& fill) {
  switch (look_at(files, out, settings)) {
    case Standing::kSame:
      return;
    case Standing::kOther:
      throw core::input_error(fmt::format("folder '{}' holds something else", out.string()),
                              "a synthetic data set of other settings, or other files",
                              "name another folder or remove it");
    case Standing::kAbsent:
      core::require_new_folder(files, out);
  }
  try {
    core::write_new_folder(files, out, [&](NewFolder& folder) {
      fill(folder);
      folder.write(kDrawnFile, settings);
    });
  } catch (...) {
    // Another process may have put the same data set there first.
    if (look_at(files, out, settings) == Standing::kSame) return;
    throw;
  }
}

void for_each_image(const StandInSettings& settings, const std::function<void(int, int, int)>& visit) {
  for (int identity = 0; identity < settings.identities; ++identity)
    for (int camera = 0; camera < settings.cameras; ++camera) {
      if (settings.irregular && identity == settings.identities - 1 && camera > 0) continue;
      for (int image = 0; image < settings.images_per_camera; ++image) visit(identity, camera, image);
    }
}

Image stand_in_image(const StandInSettings& settings, int identity, int camera, int image) {
  SyntheticSettings image_settings = static_cast<const SyntheticSettings&>(settings);
  if (settings.irregular) {
    core::RandomStream stream("stand-in-size", {settings.seed, static_cast<std::uint64_t>(identity),
                                                static_cast<std::uint64_t>(camera), static_cast<std::uint64_t>(image)});
    image_settings.height =
        std::clamp(static_cast<int>(std::lround(settings.height * stream.uniform(0.5, 1.5))), 32, 1024);
    image_settings.width =
        std::clamp(static_cast<int>(std::lround(settings.width * stream.uniform(0.5, 1.5))), 16, 1024);
  }
  return image_settings.subject == Subject::kVehicle ? render_vehicle(image_settings, identity, camera, image)
                                                     : render_person(image_settings, identity, camera, image);
}

core::Bytes encode_bmp(const Image& image) {
  constexpr std::uint32_t kHeaderBytes = 54;
  const auto width = static_cast<std::uint32_t>(image.width);
  const auto height = static_cast<std::uint32_t>(image.height);
  const std::uint32_t stride = (width * 3 + 3) / 4 * 4;
  core::Bytes bytes{std::byte{'B'}, std::byte{'M'}};
  bytes.reserve(kHeaderBytes + std::size_t{stride} * height);
  core::append_little_endian(bytes, kHeaderBytes + stride * height);
  core::append_little_endian(bytes, std::uint32_t{0});
  core::append_little_endian(bytes, kHeaderBytes);
  core::append_little_endian(bytes, std::uint32_t{40});
  core::append_little_endian(bytes, width);
  core::append_little_endian(bytes, height);
  core::append_little_endian(bytes, std::uint16_t{1});   // planes
  core::append_little_endian(bytes, std::uint16_t{24});  // bits a pixel
  for (const std::uint32_t value : {0U, stride * height, 2835U, 2835U, 0U, 0U})
    core::append_little_endian(bytes, value);
  for (int y = image.height - 1; y >= 0; --y) {  // from the lowest row up, blue first
    const std::uint8_t* row = image.pixels.data() + static_cast<std::size_t>(y) * width * 3;
    for (std::uint32_t x = 0; x < width; ++x)
      for (const std::uint32_t channel : {2U, 1U, 0U}) bytes.push_back(static_cast<std::byte>(row[x * 3 + channel]));
    bytes.resize(bytes.size() + stride - width * 3);
  }
  return bytes;
}

}  // namespace resolute::datasets::sources
