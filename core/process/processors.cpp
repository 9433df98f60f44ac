#include "core/process/processors.h"

#include <sched.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstddef>

#include "core/error.h"

namespace resolute::core {

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

int usable_processors() { return static_cast<int>(usable_processor_numbers().size()); }

void give_way() {
  // Of a thread, not of the process: Linux.
  if (::setpriority(PRIO_PROCESS, 0, 19) != 0) throw system_error("the priority cannot be lowered", errno);
}

}  // namespace resolute::core
