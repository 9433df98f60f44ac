#include "orchestrator/journal/owner.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <thread>

#include "core/files/json.h"
#include "core/process/process.h"

namespace resolute::orchestrator {
namespace {

std::string first_line(const fs::path& path) {
  auto text = core::read_text_if_exists(core::real_file_system(), path).value_or("");
  return text.substr(0, text.find('\n'));
}

// The target of a link of /proc/self; empty where there is none.
std::string link_of_self(const char* name) {
  std::error_code error;
  return fs::read_symlink(fs::path("/proc/self") / name, error).string();
}

// /proc/PID/stat behind the command's name, which may hold blanks and parentheses: its state, its parent, …; empty if
// it cannot be read. `process` may be "self".
std::string stat_after_name(const std::string& process) {
  try {
    const std::string text = first_line(fmt::format("/proc/{}/stat", process));
    const auto after_name = text.rfind(") ");
    return after_name == std::string::npos ? std::string() : text.substr(after_name + 2);
  } catch (const core::RuntimeError&) {
    return {};
  }
}

// Field 22 of /proc/PID/stat; 0 where there is none.
std::uint64_t start_in(const std::string& stat_after_name) {
  std::istringstream rest(stat_after_name);
  std::string word;
  for (int field = 3; field <= 22; ++field) rest >> word;
  return rest ? std::strtoull(word.c_str(), nullptr, 10) : 0;
}

}  // namespace

Owner this_owner() {
  Owner owner;
  owner.host = core::host_name();
  owner.boot = first_line("/proc/sys/kernel/random/boot_id");
  owner.process = ::getpid();
  owner.pid_namespace = link_of_self("ns/pid");
  owner.start = start_in(stat_after_name("self"));
  return owner;
}

fs::path owner_file(const fs::path& suite_folder, std::int64_t epoch) {
  return suite_folder / fmt::format("owner-{:06}", epoch);
}

void write_owner(core::FileSystem& files, const fs::path& suite_folder, std::int64_t epoch, const Owner& owner) {
  core::Json json = {{"boot", owner.boot},  {"counter", owner.counter}, {"ended", owner.ended},
                     {"host", owner.host},  {"process", owner.process}, {"pid_namespace", owner.pid_namespace},
                     {"start", owner.start}};
  core::write_atomic(files, owner_file(suite_folder, epoch), core::canonical_json(json) + "\n",
                     core::Folders::kMustExist);
}

std::optional<Owner> read_owner(core::FileSystem& files, const fs::path& suite_folder, std::int64_t epoch) {
  const fs::path path = owner_file(suite_folder, epoch);
  try {
    const auto text = core::read_text_if_exists(files, path);
    if (!text) return std::nullopt;
    const core::Json json = core::parse_json(*text, path.string());
    core::ObjectReader reader(json, path.string());
    Owner owner;
    owner.boot = reader.required<std::string>("boot");
    owner.counter = reader.required<std::int64_t>("counter");
    owner.ended = reader.required<bool>("ended");
    owner.host = reader.required<std::string>("host");
    owner.pid_namespace = reader.optional<std::string>("pid_namespace", {});
    owner.process = reader.required<std::int64_t>("process");
    owner.start = reader.required<std::uint64_t>("start");
    reader.finish();
    return owner;
  } catch (const core::RuntimeError& error) {
    if (error.kind() != core::ErrorKind::kInput && error.kind() != core::ErrorKind::kCorrupt) throw;
    return std::nullopt;
  }
}

OwnerLife life_of(const Owner& owner) {
  if (owner.ended) return OwnerLife::kEnded;
  const Owner self = this_owner();
  if (owner.host != self.host) return OwnerLife::kUnknown;
  // Another boot of this host, or another host that goes by the same name: its counter tells.
  if (owner.boot != self.boot) return OwnerLife::kUnknown;
  // A container's processes have numbers of their own.
  if (owner.pid_namespace.empty() || owner.pid_namespace != self.pid_namespace) return OwnerLife::kUnknown;
  if (owner.process <= 0) return OwnerLife::kEnded;
  if (::kill(static_cast<pid_t>(owner.process), 0) != 0 && errno == ESRCH) return OwnerLife::kEnded;
  // Some process has the number. Only /proc tells if it is the owner's, and /proc may hide other users' processes
  // (hidepid) or show those of another name space.
  std::error_code error;
  if (fs::read_symlink("/proc/self", error) != std::to_string(self.process)) return OwnerLife::kUnknown;
  const std::string stat = stat_after_name(std::to_string(owner.process));
  if (stat.empty()) return OwnerLife::kUnknown;
  const bool runs = !stat.starts_with('Z');  // a zombie does nothing any more
  return runs && start_in(stat) == owner.start ? OwnerLife::kAlive : OwnerLife::kEnded;
}

void require_no_owner(core::FileSystem& files, const fs::path& suite_folder, std::int64_t epoch,
                      std::chrono::milliseconds watch) {
  const auto begin = std::chrono::steady_clock::now();
  const auto first = read_owner(files, suite_folder, epoch);
  for (auto owner = first;; owner = read_owner(files, suite_folder, epoch)) {
    if (owner && life_of(*owner) == OwnerLife::kEnded) return;
    if (owner && (!first || owner->counter != first->counter))
      throw core::RuntimeError(
          core::ErrorKind::kTransient, fmt::format("the suite in '{}' is being run already", suite_folder.string()),
          fmt::format("by process {} on '{}'", owner->process, owner->host), "wait for it, or end it first");
    const auto left = watch - (std::chrono::steady_clock::now() - begin);
    if (left <= left.zero()) return;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, std::chrono::milliseconds(100)));
  }
}

}  // namespace resolute::orchestrator
