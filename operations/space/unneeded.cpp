#include "operations/space/unneeded.h"

#include <algorithm>
#include <utility>

namespace resolute::operations {
namespace {

// \param paths of folders
bool lies_in_one(const std::string& path, const Names& paths) {
  for (std::size_t at = path.rfind('/'); at != std::string::npos && at > 0; at = path.rfind('/', at - 1))
    if (paths.contains(path.substr(0, at))) return true;
  return false;
}

}  // namespace

std::vector<StoredItem> what_nothing_needs(Names needed, const std::vector<StoredItem>& items,
                                           orchestrator::Instant untouched_since) {
  std::vector<bool> stays(items.size());
  bool unknown = false;
  const auto is_needed = [&](const StoredItem& item) {
    return item.held || item.touched > untouched_since || (unknown && !item.names.empty()) ||
           std::ranges::any_of(item.names, [&](const auto& name) { return needed.contains(name); });
  };
  // One round for each result that stands on another: an evaluation, its training, its pack.
  for (bool grew = true; std::exchange(grew, false);)
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (stays[i] || !is_needed(items[i])) continue;
      stays[i] = grew = true;
      if (items[i].needs)
        needed.insert(items[i].needs->begin(), items[i].needs->end());
      else
        unknown = true;
    }
  Names paths;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (!stays[i]) paths.insert(items[i].path);
  std::vector<StoredItem> outer;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (!stays[i] && !lies_in_one(items[i].path, paths)) outer.push_back(items[i]);
  std::ranges::sort(outer, [](const auto& a, const auto& b) { return a.path < b.path; });
  return outer;
}

}  // namespace resolute::operations
