#include "core/process/processors.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <string>

#include "core/error.h"
#include "core/split.h"

namespace resolute::core {

namespace fs = std::filesystem;

std::vector<int> usable_processor_numbers() {
  constexpr std::size_t kMostSets = 1024;  // a million processors
  // The kernel refuses (EINVAL) a mask that is smaller than its own, and a machine may have more than one set's 1,024.
  for (std::vector<cpu_set_t> sets(1);; sets.resize(2 * sets.size())) {
    const std::size_t bytes = sets.size() * sizeof(cpu_set_t);
    CPU_ZERO_S(bytes, sets.data());
    if (::sched_getaffinity(0, bytes, sets.data()) == 0) {
      std::vector<int> numbers;
      for (std::size_t place = 0; place < sets.size() * CPU_SETSIZE; ++place)
        if (CPU_ISSET_S(place, bytes, sets.data())) numbers.push_back(static_cast<int>(place));
      return numbers;
    }
    if (errno != EINVAL || sets.size() >= kMostSets) throw system_error("cannot read the usable cores", errno);
  }
}

int usable_processors() {
  const auto all = static_cast<int>(usable_processor_numbers().size());
  return std::min(all, processor_quota().value_or(all));
}

std::vector<fs::path> control_group_folders(std::string_view controller, const fs::path& machine) {
  std::vector<fs::path> folders;
  std::ifstream groups(machine / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "4:cpu,cpuacct:/user", version 2: "0::/user"
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = split(std::string_view(line).substr(first + 1, second - first - 1), ',');
    const bool unified = controllers.front().empty();
    if (!unified && std::ranges::find(controllers, controller) == controllers.end()) continue;
    const fs::path root = machine / (unified ? "sys/fs/cgroup" : fmt::format("sys/fs/cgroup/{}", controller));
    for (fs::path group = line.substr(second + 1);; group = group.parent_path()) {
      folders.push_back(root / group.relative_path());
      if (!group.has_relative_path()) break;
    }
  }
  return folders;
}

std::optional<int> processor_quota(const fs::path& machine) {
  std::optional<int> least;
  for (const fs::path& folder : control_group_folders("cpu", machine)) {
    double quota = 0, period = 0;  // "max", and -1 in version 1: no bound
    if (!(std::ifstream(folder / "cpu.max") >> quota >> period) &&
        !(std::ifstream(folder / "cpu.cfs_quota_us") >> quota && std::ifstream(folder / "cpu.cfs_period_us") >> period))
      continue;
    if (!(quota > 0 && period > 0 && quota / period < 1e6)) continue;
    const auto processors = static_cast<int>(std::ceil(quota / period));
    least = std::min(processors, least.value_or(processors));
  }
  return least;
}

void give_way() {
  // Linux sets it for a thread, not for the process.
  if (::setpriority(PRIO_PROCESS, 0, 19) != 0) throw system_error("the priority cannot be lowered", errno);
}

}  // namespace resolute::core
