#include "operations/space/contents.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "core/hash/sha256.h"
#include "core/process/side_by_side.h"
#include "experiments/store/bundle.h"
#include "experiments/store/job_folder.h"
#include "experiments/store/kept_states.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/store/claim.h"

namespace resolute::operations {
namespace {

using experiments::JobId;
using experiments::JobSpecification;

orchestrator::Instant changed_at(const struct stat& status) {
  return orchestrator::Instant(std::chrono::seconds(status.st_mtim.tv_sec)) +
         std::chrono::duration_cast<orchestrator::Milliseconds>(std::chrono::nanoseconds(status.st_mtim.tv_nsec));
}

// Adds to bytes and touched what lies at the path; links are not followed. \param temporaries where given, gets those
// that lie below \param looked where given, called at each file and folder
void measure(const fs::path& path, StoredItem& item, std::vector<fs::path>* temporaries = nullptr,
             const std::function<void()>& looked = {}) {
  if (looked) looked();
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    item.held = item.held || errno != ENOENT;
    return;
  }
  item.touched = std::max(item.touched, changed_at(status));
  if (!S_ISDIR(status.st_mode)) {
    item.bytes += static_cast<std::uint64_t>(status.st_size);
    return;
  }
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    if (temporaries != nullptr && core::is_temporary_name(at->path().filename().string()))
      temporaries->push_back(at->path());
    measure(at->path(), item, temporaries, looked);
  }
  if (error && error != std::errc::no_such_file_or_directory) item.held = true;
}

// Names of what the job's result stands on, and its own.
Names stands_on(const experiments::StoreLayout& store, const JobId& job, const JobSpecification& specification) {
  Names names{job.hex};
  for (const settings::PackSettings& pack : experiments::packs_of(specification)) {
    names.insert(store.pack_folder(pack).filename().string());
    if (std::holds_alternative<experiments::ShardSpecification>(specification)) return names;
    names.insert(experiments::job_id(experiments::SealSpecification{pack}).hex);
    for (int shard = 0; shard < pack.shards; ++shard)
      names.insert(experiments::job_id(experiments::ShardSpecification{pack, shard}).hex);
  }
  if (const JobId* training = experiments::weights_read_by(specification)) names.insert(training->hex);
  return names;
}

class Contents {
 public:
  Contents(core::FileSystem& files, const experiments::StoreLayout& store, const Names& planned)
      : files_(files), bundled_(files, store), store_(store), planned_(planned), claims_(files, store) {}

  std::vector<StoredItem> read() {
    const fs::path jobs = store_.root() / "jobs";
    const auto folders = files_.list(jobs);
    core::side_by_side(folders.size(), [&](std::size_t i) {
      const auto names = orchestrator::unless_foreign(files_, store_, [&] { return files_.list(jobs / folders[i]); });
      for (const std::string& name : names.value_or(std::vector<std::string>()))
        if (core::is_sha256_hex(name)) add_job({name});
    });
    for (const std::string& name : files_.list(store_.root() / "packs")) add_named(ItemKind::kPacks, "packs", name);
    for (const std::string& name : files_.list(store_.root() / "raw")) add_named(ItemKind::kRaw, "raw", name);
    for (const fs::path& path : experiments::bundle_files(files_, store_)) add_bundle(path);
    for (const std::string& name : files_.list(store_.root())) add_scratch_of(name);
    add_scratch(experiments::notes_without_state(files_, store_));
    return std::move(items_);
  }

 private:
  std::string below_store(const fs::path& path) const { return path.lexically_relative(store_.root()).string(); }

  void add(StoredItem item) {
    const std::lock_guard lock(guard_);
    items_.push_back(std::move(item));
  }

  void add_scratch(const std::vector<fs::path>& paths) {
    for (const fs::path& path : paths) {
      StoredItem item{ItemKind::kScratch, below_store(path)};
      measure(path, item);
      add(std::move(item));
    }
  }

  void add_job(const JobId& job) {
    const fs::path folder = store_.job_folder(job);
    StoredItem item{ItemKind::kJobs, below_store(folder), {job.hex}};
    std::vector<fs::path> temporaries;
    measure(folder, item, &temporaries);
    item.held = item.held || claims_.held(job);
    if (!planned_.contains(job.hex)) item.needs = needs_of(job);
    const fs::path checkpoints = store_.checkpoints_folder(job);
    if (orchestrator::has_result(files_, store_, job) && files_.exists(checkpoints)) {
      StoredItem left{ItemKind::kCheckpoints, below_store(checkpoints)};
      measure(checkpoints, left);
      left.held = left.held || item.held;
      add(std::move(left));
    }
    add_scratch(temporaries);
    add(std::move(item));
  }

  std::optional<Names> needs_of(const JobId& job) {
    try {
      if (const auto specification = experiments::read_stored_specification(bundled_, store_, job))
        return stands_on(store_, job, *specification);
    } catch (const core::RuntimeError& error) {
      if (error.is_storage()) throw;
      return std::nullopt;
    }
    // A folder that was made and in which nothing was begun yet.
    if (!orchestrator::has_result(files_, store_, job)) return Names{job.hex};
    return std::nullopt;
  }

  void add_named(ItemKind kind, const std::string& folder, const std::string& name) {
    const fs::path path = store_.root() / folder / name;
    if (core::is_temporary_name(name)) return add_scratch({path});
    if (!experiments::is_named_by_content(name)) return;
    StoredItem item{kind, below_store(path), {name}, Names{name}};
    std::vector<fs::path> temporaries;
    measure(path, item, &temporaries);
    add_scratch(temporaries);
    add(std::move(item));
  }

  // One that cannot be read is `store check`'s to name.
  void add_bundle(const fs::path& path) {
    StoredItem item{ItemKind::kBundles, below_store(path)};
    try {
      const experiments::Bundle bundle(files_, path);
      for (const auto& entry : bundle.entries()) item.names.insert(entry.job.hex);
    } catch (const core::RuntimeError& error) {
      if (error.is_storage()) throw;
      item.held = true;
    }
    measure(path, item);
    add(std::move(item));
  }

  // Adds the scratch of the store's folder itself and of the parts that have no items.
  void add_scratch_of(const std::string& name) {
    const fs::path path = store_.root() / name;
    if (core::is_temporary_name(name) || experiments::is_scratch_store(name)) return add_scratch({path});
    if (path == store_.trash_folder())
      for (const fs::path& folder : {path, path / "compact"})
        for (const std::string& below : files_.list(folder))
          if (core::is_temporary_name(below)) add_scratch({folder / below});
    if (name != "suites" && name != "weights" && name != "durations" && name != "bundles" && name != "states") return;
    StoredItem whole;
    std::vector<fs::path> temporaries;
    measure(path, whole, &temporaries);
    add_scratch(temporaries);
  }

  core::FileSystem& files_;
  experiments::BundledFiles bundled_;
  const experiments::StoreLayout& store_;
  const Names& planned_;
  orchestrator::ClaimHolders claims_;
  std::mutex guard_;
  std::vector<StoredItem> items_;  // under guard_
};

}  // namespace

std::vector<StoredItem> read_contents(core::FileSystem& files, const experiments::StoreLayout& store,
                                      const Names& planned) {
  return Contents(files, store, planned).read();
}

void look_again(core::FileSystem& files, const experiments::StoreLayout& store, StoredItem& item,
                const std::function<void()>& looked) {
  item.bytes = 0;
  item.touched = {};
  measure(store.root() / item.path, item, nullptr, looked);
  if (item.kind == ItemKind::kJobs)
    item.held = item.held || orchestrator::ClaimHolders(files, store).held({*item.names.begin()});
}

orchestrator::Instant changed_at(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0)
    throw core::system_error(fmt::format("cannot stat '{}'", path.string()), errno);
  return changed_at(status);
}

}  // namespace resolute::operations
