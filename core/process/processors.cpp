#include "core/process/processors.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "core/error.h"

namespace resolute::core {

int usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // It fails on machines of more cores than a cpu_set_t has bits for.
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

void give_way() {
  // Of a thread, not of the process: Linux.
  if (::setpriority(PRIO_PROCESS, 0, 19) != 0) throw system_error("the priority cannot be lowered", errno);
}

}  // namespace resolute::core
