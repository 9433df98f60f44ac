#include "datasets/samples/links.h"

#include <fmt/format.h>

#include <unordered_map>

#include "datasets/samples/listing.h"

namespace resolute::datasets::sources {
namespace {

bool is_link(const fs::path& path) {
  std::error_code none;  // of a file that cannot be looked at its reader tells
  return fs::is_symlink(fs::symlink_status(path, none));
}

// Remembers which folders are links: many images lie in one.
class Links {
 public:
  explicit Links(const fs::path& root) : root_(root) {}

  // The first link on the way from the root to `place`; empty where there is none.
  fs::path on_way_to(const fs::path& place) {
    fs::path at = root_;
    const fs::path below = place.lexically_relative(root_);
    for (auto part = below.begin(); part != below.end(); ++part) {
      at /= *part;
      if (std::next(part) == below.end() ? is_link(at) : is_linked_folder(at)) return at;
    }
    return {};
  }

 private:
  bool is_linked_folder(const fs::path& folder) {
    const auto [known, is_new] = folders_.try_emplace(folder.string());
    if (is_new) known->second = is_link(folder);
    return known->second;
  }

  const fs::path root_;
  std::unordered_map<std::string, bool> folders_;
};

}  // namespace

core::RuntimeError link_error(const std::string& problem, const fs::path& link) {
  std::error_code none;
  return core::input_error(
      problem,
      fmt::format("'{}' leads to '{}'", printable(link.string()), printable(fs::read_symlink(link, none).string())),
      "copy the images, or have links followed: follow_links = true, in data ingest and embed "
      "--follow-links");
}

void refuse_links(const fs::path& root, const std::vector<Sample>& samples,
                  const std::function<fs::path(const std::string& path)>& place_of, Remarks& remarks) {
  Links links(root);
  std::size_t count = 0;
  const Sample* first = nullptr;
  fs::path link;
  for (const Sample& sample : samples) {
    fs::path found = links.on_way_to(place_of(sample.path));
    if (found.empty() || count++ > 0) continue;
    first = &sample;
    link = std::move(found);
  }
  if (first == nullptr) return;
  remarks.refuse(first->path, link_error(fmt::format("image '{}' lies behind a symbolic link{}", printable(first->path),
                                                     count > 1 ? fmt::format(", and {} more do", count - 1) : ""),
                                         link));
}

}  // namespace resolute::datasets::sources
