#include "datasets/sources/image_folder.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "datasets/samples/links.h"
#include "datasets/samples/listing.h"

namespace resolute::datasets::sources {
namespace {

class FolderWalk {
 public:
  FolderWalk(core::FileSystem& files, fs::path root, bool follow_links, Remarks& remarks)
      : files_(files), root_(std::move(root)), follow_links_(follow_links), remarks_(remarks) {}

  // \param below of the folder, relative to root with '/' behind it; empty for root itself
  void walk(const std::string& below) {
    const std::vector<std::string> names = files_.list(root_ / below);
    around_.push_back(place_of(below));
    for (const std::string& name : names) {
      if (name.starts_with('.')) continue;
      const std::string path = below + name;
      std::error_code error;
      if (fs::is_directory(root_ / path, error)) {
        // A path that is too long is refused before the folders below it are gone through.
        remarks_.gather(path, [&] { enter(path); });
      } else if (!is_image_name(name)) {
        remarks_.leave_out(why_no_image(name));
      } else if (const std::string_view problem = name_problem(path); !problem.empty()) {
        remarks_.refuse(path,
                        core::input_error(fmt::format("image '{}' is refused", printable(path)), problem, "rename it"));
      } else {
        samples_.push_back({path, 0, 1, "gallery"});
      }
    }
    around_.pop_back();
  }
  std::vector<Sample> samples() && { return std::move(samples_); }

 private:
  void enter(const std::string& path) {
    if (const std::string_view problem = name_problem(path); !problem.empty())
      throw core::input_error(fmt::format("folder '{}' is refused", printable(path)), problem, "rename it");
    if (fs::is_symlink(root_ / path)) {
      if (!follow_links_)
        throw link_error(fmt::format("folder '{}' is a symbolic link", printable(path)), root_ / path);
      if (std::ranges::count(around_, place_of(path)) > 0)
        return remarks_.leave_out("symbolic link to a folder around it");
    }
    walk(path + "/");
  }
  fs::path place_of(const std::string& below) const {
    std::error_code none;  // of a folder that is gone files_.list() tells
    return fs::canonical(root_ / below, none);
  }

  core::FileSystem& files_;
  const fs::path root_;
  const bool follow_links_;
  Remarks& remarks_;
  std::vector<fs::path> around_;  // where the folder that is gone through lies, and those that it lies in
  std::vector<Sample> samples_;
};

}  // namespace

std::vector<Sample> list_image_folder(core::FileSystem& files, const fs::path& root, bool follow_links,
                                      Remarks& remarks) {
  std::error_code error;
  if (!fs::is_directory(root, error))
    throw core::input_error(fmt::format("'{}' is no folder", printable(root.string())), {}, "name one with images");
  FolderWalk folder(files, root, follow_links, remarks);
  folder.walk("");
  std::vector<Sample> samples = std::move(folder).samples();
  if (samples.empty() && !remarks.refused_any())
    throw core::input_error(fmt::format("folder '{}' has no images in it", printable(root.string())),
                            "files ending in .jpg, .jpeg, .png or .bmp are expected, in it or in folders below it");
  std::ranges::sort(samples, {}, &Sample::path);
  return samples;
}

}  // namespace resolute::datasets::sources
