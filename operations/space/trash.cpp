#include "operations/space/trash.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <thread>
#include <utility>

#include "core/log.h"
#include "core/process/secret.h"
#include "experiments/store/bundle.h"
#include "operations/space/contents.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/journal/owner.h"

namespace resolute::operations {
namespace {

constexpr std::string_view kTaken = "taken-", kBack = "back-", kDoomed = "doomed-";
constexpr std::int64_t kOwner = 1;  // number of the owner file
constexpr std::size_t kLongestFileName = 255;
constexpr std::chrono::milliseconds kBetweenLooks(100);

fs::path folder_of(const experiments::StoreLayout& store, Taker taker) {
  return taker == Taker::kCollection ? store.trash_folder() : store.trash_folder() / "compact";
}
std::string_view command_of(Taker taker) {
  return taker == Taker::kCollection ? "`resolute store gc`" : "`resolute suite compact`";
}

std::string with_other(std::string text, char from, char to) {
  std::ranges::replace(text, from, to);
  return text;
}
std::string name_in_trash(const std::string& path) { return ":" + with_other(path, '/', ':'); }
std::string path_of(const std::string& name) { return with_other(name.substr(1), ':', '/'); }

// \return false if it was not there
bool rename_if_there(core::FileSystem& files, const fs::path& from, const fs::path& to) {
  try {
    files.rename(from, to);
    return true;
  } catch (const core::RuntimeError& error) {
    if (!error.is_missing() || files.exists(from)) throw;
    return false;
  }
}

// A file never takes the place of another: of a bundle's number another one may have been made meanwhile.
void restore_file(core::FileSystem& files, const experiments::StoreLayout& store, const fs::path& from,
                  const fs::path& to) {
  try {
    if (!files.link(from, to) && to.parent_path() == experiments::bundles_folder(store)) {
      const std::string name = to.filename();
      experiments::publish_bundle(files, store, name.substr(0, name.rfind('-')), files.read(from));
    }
    files.sync_path(to.parent_path());
    files.remove(from);
  } catch (const core::RuntimeError& error) {
    if (!error.is_missing()) throw;
    files.remove(from);  // somebody has removed its folder, or has restored it
  }
}

// It goes with the next collection.
void doom(core::FileSystem& files, const experiments::StoreLayout& store, const fs::path& from) {
  const fs::path doomed = store.trash_folder() / (std::string(kDoomed) + core::random_token(6));
  files.create_directories(doomed);
  rename_if_there(files, from, doomed / from.filename());
}

// If something stands there already, it stays: a run of an earlier version, which waits for nobody, has begun the job
// anew. Then the thing that was taken goes.
void restore(core::FileSystem& files, const experiments::StoreLayout& store, const fs::path& from) {
  const std::string path = path_of(from.filename());
  // A name that name_in_trash() did not make could lead out of the store, as one in a bundle could.
  if (!experiments::is_bundled_name(path)) {
    core::log_warning("'{}' is not put back: no collection gives such a name", from.string());
    return doom(files, store, from);
  }
  const fs::path to = store.root() / path;
  std::error_code error;
  const auto kind = fs::symlink_status(from, error).type();
  if (kind == fs::file_type::not_found) return;
  if (kind != fs::file_type::directory) return restore_file(files, store, from, to);
  try {
    files.create_directories(to.parent_path());
    if (rename_if_there(files, from, to)) files.sync_path(to.parent_path());
  } catch (const core::RuntimeError& problem) {
    if (problem.error_number() != ENOTEMPTY && problem.error_number() != EEXIST) throw;
    doom(files, store, from);
  }
}

// Any number of processes may do so at once. \return false if something still stands in it: of a file that is open, NFS
// keeps one (.nfsXXXX)
bool restore_all(core::FileSystem& files, const experiments::StoreLayout& store, fs::path folder) {
  const std::string name = folder.filename();
  if (name.starts_with(kTaken)) {
    // Its taker, if it goes on, can take nothing more and decide nothing.
    const fs::path back = folder.parent_path() / (std::string(kBack) + name.substr(kTaken.size()));
    rename_if_there(files, folder, back);
    folder = back;
  }
  for (const std::string& item : orchestrator::fresh_list(files, folder)) {
    if (item.starts_with(':'))
      restore(files, store, folder / item);
    else
      files.remove(folder / item);
  }
  return files.remove_folder(folder);
}

class Watch {
 public:
  Watch(core::FileSystem& files, const core::Clock& clock, std::chrono::milliseconds lease)
      : files_(files), clock_(clock), lease_(lease) {}
  // A taker that ended without a word, or stands still.
  bool is_over(const fs::path& folder) {
    const auto owner = orchestrator::read_owner(files_, folder, kOwner);
    if (owner && orchestrator::life_of(*owner) == orchestrator::OwnerLife::kEnded) return true;
    const auto now = clock_.now();
    const std::int64_t counter = owner ? owner->counter : -1;
    const auto seen = seen_.try_emplace(folder, counter, now).first;
    if (seen->second.first != counter) seen->second = {counter, now};
    return now - seen->second.second > lease_;
  }

 private:
  core::FileSystem& files_;
  const core::Clock& clock_;
  std::chrono::milliseconds lease_;
  std::map<fs::path, std::pair<std::int64_t, core::MonotonicTime>> seen_;  // counter, and since when it is that
};

std::vector<std::string> undecided(core::FileSystem& files, const fs::path& trash) {
  auto names = orchestrator::fresh_list(files, trash);
  std::erase_if(names, [](const auto& name) { return !name.starts_with(kTaken) && !name.starts_with(kBack); });
  return names;
}

}  // namespace

void settle_trash(core::FileSystem& files, const core::Clock& clock, const experiments::StoreLayout& store, Taker taker,
                  std::chrono::milliseconds lease) {
  const fs::path trash = folder_of(store, taker);
  // The folder is made so that a look into it asks the server: fresh_list().
  files.create_directories(trash);
  Watch watch(files, clock, lease);
  bool logged = false;
  for (auto names = undecided(files, trash); !names.empty(); names = undecided(files, trash)) {
    bool waits = false;
    for (const std::string& name : names) {
      const fs::path folder = trash / name;
      const bool restores = name.starts_with(kBack) || watch.is_over(folder);
      if (!restores || !restore_all(files, store, folder)) waits = true;
    }
    if (!waits) continue;
    if (!std::exchange(logged, true)) core::log_info("waits for {}, which is at work in this store", command_of(taker));
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

std::vector<fs::path> doomed_folders(core::FileSystem& files, const experiments::StoreLayout& store) {
  std::vector<fs::path> folders;
  for (const std::string& name : files.list(store.trash_folder()))
    if (name.starts_with(kDoomed)) folders.push_back(store.trash_folder() / name);
  return folders;
}

Taking::Taking(core::FileSystem& files, const core::Clock& clock, const experiments::StoreLayout& store, Taker taker)
    : files_(files),
      clock_(clock),
      store_(store),
      taker_(taker),
      folder_(folder_of(store, taker) / (std::string(kTaken) + core::random_token(6))),
      renewed_(clock.now()) {
  settle_trash(files, clock, store, taker);
  files_.create_directories(folder_);
  orchestrator::write_owner(files_, folder_, kOwner, orchestrator::this_owner());
  files_.sync_path(folder_.parent_path());
  began_ = changed_at(orchestrator::owner_file(folder_, kOwner));
  // Two that decide apart could each leave the other's half: a training gone, and its evaluation there.
  if (undecided(files_, folder_.parent_path()).size() == 1) return;
  restore_all(files_, store_, folder_);
  throw core::RuntimeError(core::ErrorKind::kTransient,
                           fmt::format("another {} is at work in this store", command_of(taker)),
                           "one decides at a time", "wait for it");
}

void Taking::give_up() {
  try {
    restore_all(files_, store_, folder_);
  } catch (const std::exception& error) {
    core::log_warning("things that were taken are still in '{}', and come back with the next {}: {}", folder_.string(),
                      command_of(taker_), error.what());
  }
}

void Taking::refuse_overtaken() const {
  throw core::RuntimeError(
      core::ErrorKind::kTransient, fmt::format("another process has taken this {} for dead", command_of(taker_)),
      fmt::format("it stood still for {} s, and all was put back", kCollectionLease.count() / 1000), "start it again");
}

void Taking::renew() {
  const std::lock_guard lock(guard_);
  if (clock_.now() - renewed_ < kCollectionLease / 5) return;
  if (!files_.exists(folder_)) refuse_overtaken();
  orchestrator::Owner owner = orchestrator::this_owner();
  owner.counter = ++counter_;
  orchestrator::write_owner(files_, folder_, kOwner, owner);
  renewed_ = clock_.now();
}

bool Taking::take(const std::string& path) {
  renew();
  const std::string name = name_in_trash(path);
  if (name.size() > kLongestFileName || path.find(':') != std::string::npos) return false;
  try {
    files_.rename(store_.root() / path, folder_ / name);
    return true;
  } catch (const core::RuntimeError& error) {
    if (error.is_storage()) throw;
    if (!files_.exists(folder_)) refuse_overtaken();
    // A file server's answer that was lost: the same call again finds it moved.
    if (error.is_missing() && files_.exists(folder_ / name)) return true;
    const std::lock_guard lock(guard_);
    if (!error.is_missing() && refusal_.empty()) refusal_ = error.what();
    return false;
  }
}

bool Taking::remove(const std::string& path) {
  if (!take(path)) return false;
  files_.remove(folder_ / name_in_trash(path));
  return true;
}

void Taking::put_back(const std::string& path) {
  renew();
  restore(files_, store_, folder_ / name_in_trash(path));
}

fs::path Taking::commit() {
  // Things that were put back are on the disk before the rest is given up.
  files_.sync_path(folder_);
  const fs::path doomed = store_.trash_folder() / (std::string(kDoomed) + core::random_token(6));
  if (!rename_if_there(files_, folder_, doomed)) refuse_overtaken();
  files_.sync_path(store_.trash_folder());
  return doomed;
}

}  // namespace resolute::operations
