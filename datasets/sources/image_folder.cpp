#include "datasets/sources/image_folder.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "datasets/samples/listing.h"

namespace resolute::datasets::sources {
namespace {

// \param below of the folder, relative to root with '/' behind it; empty for root itself
void walk(core::FileSystem& files, const fs::path& root, const std::string& below, Remarks& remarks,
          std::vector<Sample>& samples) {
  for (const std::string& name : files.list(root / below)) {
    if (name.starts_with('.')) continue;
    const std::string path = below + name;
    std::error_code error;
    const bool folder = fs::is_directory(root / path, error), link = fs::is_symlink(root / path, error);
    if (folder && link) {
      remarks.leave_out("symbolic link to a folder");
    } else if (folder) {
      // A path that is too long is refused before the folders below it are gone through.
      remarks.gather(path, [&] {
        if (const std::string_view problem = name_problem(path); !problem.empty())
          throw core::input_error(fmt::format("folder '{}' is refused", printable(path)), problem, "rename it");
        walk(files, root, path + "/", remarks, samples);
      });
    } else if (!is_image_name(name)) {
      remarks.leave_out("no image by its name");
    } else if (const std::string_view problem = name_problem(path); !problem.empty()) {
      remarks.refuse(path,
                     core::input_error(fmt::format("image '{}' is refused", printable(path)), problem, "rename it"));
    } else {
      samples.push_back({path, 0, 1, "gallery"});
    }
  }
}

}  // namespace

std::vector<Sample> list_image_folder(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  std::error_code error;
  if (!fs::is_directory(root, error))
    throw core::input_error(fmt::format("'{}' is no folder", printable(root.string())), {}, "name one with images");
  std::vector<Sample> samples;
  walk(files, root, "", remarks, samples);
  if (samples.empty() && !remarks.refused_any())
    throw core::input_error(fmt::format("folder '{}' has no images in it", printable(root.string())),
                            "files ending in .jpg, .jpeg, .png or .bmp are expected, in it or in folders below it");
  std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) { return a.path < b.path; });
  return samples;
}

}  // namespace resolute::datasets::sources
