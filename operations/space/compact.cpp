#include "operations/space/compact.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "core/clock.h"
#include "core/files/ownership.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "core/process/side_by_side.h"
#include "experiments/store/bundle.h"
#include "operations/space/trash.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/store/claim.h"
#include "orchestrator/store/stored_jobs.h"

namespace resolute::operations {
namespace {

using experiments::BundledJob;
using experiments::JobId;

constexpr std::uint64_t kLargestBundled = std::uint64_t{16} << 20;
constexpr std::size_t kJobsAtATime = 64;  // whose files are in memory before they are packed

// The files that a finished job leaves beside its result.
struct Leavings {
  BundledJob job;
  bool checkpoints = false;  // there is a folder, to be removed once empty
  std::int64_t kept = 0;
  bool held = false;
};

std::optional<core::Bytes> small_file(core::FileSystem& files, const fs::path& path) {
  const auto file = files.open_for_read(path);
  if (file->size() > kLargestBundled) return std::nullopt;
  core::Bytes bytes(static_cast<std::size_t>(file->size()));
  file->read_at(0, bytes);
  return bytes;
}

// One works at a time: what one compares and then removes, another must not count on. \param work is given the taker at
// work; null where nothing is to be changed
CompactReport alone(core::FileSystem& files, const experiments::StoreLayout& store, const CompactOptions& options,
                    const std::function<CompactReport(Taking*)>& work) {
  if (options.dry_run) return work(nullptr);
  Taking taking(files, core::monotonic_clock(), store, Taker::kCompaction);
  try {
    CompactReport report = work(&taking);
    taking.give_up();
    return report;
  } catch (...) {
    taking.give_up();
    throw;
  }
}

class Compaction {
 public:
  Compaction(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite,
             const std::map<std::string, std::string>& jobs, const CompactOptions& options, Taking* taking)
      : files_(files),
        store_(store),
        suite_(suite),
        jobs_(jobs),
        options_(options),
        taking_(taking),
        claims_(files, store) {}

  CompactReport run() {
    std::vector<JobId> ids;
    for (const auto& [id, kind] : jobs_) ids.push_back({id});
    const auto stored = orchestrator::look_at_jobs(files_, store_, ids);
    std::vector<JobId> finished;
    for (std::size_t i = 0; i < stored.size(); ++i)
      if (stored[i].result) finished.push_back(ids[i]);
    report_.finished = static_cast<std::int64_t>(finished.size());
    at_once_ = core::calls_at_once(finished.size());
    for (std::size_t begin = 0; begin < finished.size(); begin += kJobsAtATime) {
      const std::size_t count = std::min(kJobsAtATime, finished.size() - begin);
      std::vector<Leavings> found(count);
      core::side_by_side(count, at_once_, [&](std::size_t i) { found[i] = leavings_of(finished[begin + i]); });
      for (Leavings& one : found) take(std::move(one));
      if (options_.progress) options_.progress(begin + count, finished.size());
    }
    flush();
    return report_;
  }

 private:
  Leavings leavings_of(const JobId& job) {
    Leavings found;
    found.job.job = job;
    if (taking_ != nullptr) taking_->renew();
    const fs::path folder = store_.job_folder(job);
    const auto names = orchestrator::unless_foreign(files_, store_, [&] { return files_.list(folder); });
    const auto has = [&](const char* name) { return names && std::binary_search(names->begin(), names->end(), name); };
    if (!has("result.json")) return found;  // or removed meanwhile
    if (has("claim") && claims_.held(job)) {
      found.held = true;
      return found;
    }
    const auto result =
        orchestrator::unless_foreign(files_, store_, [&] { return files_.read(store_.result_file(job)); });
    if (!result) return found;
    found.job.result_sha256 = core::sha256_hex(*result);
    std::vector<std::string> leavings;
    for (const std::string& name : *names)
      if (experiments::attempt_of(name)) leavings.push_back(name);
    // A job that others need keeps its specification, which their workers read.
    if (has("spec.json") && jobs_.at(job.hex) == "evaluation") leavings.emplace_back("spec.json");
    // Nothing could be removed there: each compaction would pack the same files once more.
    if (core::why_not_writable(folder)) {
      found.kept = std::ssize(leavings);
      return found;
    }
    for (std::string& name : leavings) add_file(found, folder, std::move(name));
    found.checkpoints = has("checkpoints");
    return found;
  }

  void add_file(Leavings& found, const fs::path& folder, std::string name) {
    std::optional<core::Bytes> bytes;
    if (experiments::is_bundled_name(name))
      if (auto read = orchestrator::unless_foreign(files_, store_, [&] { return small_file(files_, folder / name); }))
        bytes = std::move(*read);
    if (bytes)
      found.job.files.push_back({std::move(name), std::move(*bytes)});
    else
      ++found.kept;
  }

  void take(Leavings one) {
    report_.kept += one.kept;
    report_.held += one.held ? 1 : 0;
    if (one.job.files.empty() && !one.checkpoints) return;
    ++report_.jobs;
    for (const auto& file : one.job.files) pending_bytes_ += file.bytes.size();
    pending_.push_back(std::move(one.job));
    checkpoints_.push_back(one.checkpoints);
    if (pending_bytes_ >= options_.bundle_bytes) flush();
  }

  // The bundle is on the disk before the first file goes.
  void flush() {
    const bool files = std::ranges::any_of(pending_, [](const auto& job) { return !job.files.empty(); });
    if (files && taking_ != nullptr) {
      taking_->renew();
      const fs::path made = experiments::publish_bundle(files_, store_, suite_, experiments::encode_bundle(pending_));
      report_.bundles.push_back(made.filename().string());
    }
    std::mutex guard;
    core::side_by_side(pending_.size(), at_once_, [&](std::size_t i) {
      const CompactReport tidied = tidy(pending_[i], checkpoints_[i]);
      const std::lock_guard lock(guard);
      add(report_, tidied);
    });
    pending_.clear();
    checkpoints_.clear();
    pending_bytes_ = 0;
  }

  CompactReport tidy(const BundledJob& job, bool checkpoints) {
    CompactReport tidied;
    const fs::path folder = store_.job_folder(job.job);
    for (const auto& file : job.files)
      if (taking_ == nullptr || remove_unchanged(folder / file.name, file.bytes)) {
        ++tidied.files;
        tidied.bytes += static_cast<std::int64_t>(file.bytes.size());
      } else {
        ++tidied.kept;
      }
    if (taking_ == nullptr) return tidied;
    if (checkpoints && orchestrator::unless_foreign(files_, store_, [&] {
                         return files_.remove_folder(folder / "checkpoints");
                       }).value_or(false))
      ++tidied.folders;
    return tidied;
  }

  // A file that was written since it was read is in no bundle.
  bool remove_unchanged(const fs::path& path, const core::Bytes& bytes) {
    const auto now = orchestrator::unless_foreign(files_, store_, [&] { return small_file(files_, path); });
    return now && *now && **now == bytes && taking_->remove(path.lexically_relative(store_.root()).string());
  }

  core::FileSystem& files_;
  const experiments::StoreLayout& store_;
  const std::string& suite_;
  const std::map<std::string, std::string>& jobs_;  // id → kind
  const CompactOptions& options_;
  Taking* taking_;  // null: nothing is to be changed
  orchestrator::ClaimHolders claims_;
  std::size_t at_once_ = 1;
  std::vector<BundledJob> pending_;
  std::vector<bool> checkpoints_;  // beside pending_: Leavings::checkpoints
  std::uint64_t pending_bytes_ = 0;
  CompactReport report_;
};

// Unpacks the files of a job whose folder is there. \return files and bytes written again
std::pair<std::int64_t, std::int64_t> restore(core::FileSystem& files, const experiments::StoreLayout& store,
                                              const experiments::Bundle& bundle, const experiments::BundleEntry& entry,
                                              bool dry_run) {
  std::pair<std::int64_t, std::int64_t> restored{0, 0};
  const fs::path folder = store.job_folder(entry.job);
  // The packed files of a job that was done anew since count for nothing (docs/inside/formats/bundle.md).
  const auto result = core::read_text_if_exists(files, store.result_file(entry.job));
  if (result && core::sha256_hex(*result) != entry.result_sha256) {
    core::log_info("job {} was done anew: its files in '{}' are of the result before and are dropped",
                   experiments::short_id(entry.job), bundle.path().filename().string());
    return restored;
  }
  for (const auto& file : entry.files) {
    if (dry_run ? files.exists(folder / file.name)
                : !core::publish_exclusive(files, folder / file.name, bundle.read(file)))
      continue;
    ++restored.first;
    restored.second += static_cast<std::int64_t>(file.size);
  }
  return restored;
}

// Null if a collection has taken it meanwhile.
std::unique_ptr<experiments::Bundle> open_unless_gone(core::FileSystem& files, const fs::path& path) try {
  return std::make_unique<experiments::Bundle>(files, path);
} catch (const core::RuntimeError& error) {
  if (!error.is_missing()) throw;
  return nullptr;
}

CompactReport unpack_all(core::FileSystem& files, const experiments::StoreLayout& store,
                         const std::optional<std::string>& suite, const CompactOptions& options, Taking* taking) {
  CompactReport report;
  orchestrator::ClaimHolders claims(files, store);
  std::mutex guard;
  auto paths = experiments::bundle_files(files, store, suite);
  std::ranges::reverse(paths);  // of a job's files in several bundles the later one's count
  const auto unless_damaged = [&](const fs::path& path, const auto& work) {
    try {
      work();
    } catch (const core::RuntimeError& error) {
      const bool is_damage = error.kind() == core::ErrorKind::kInput || error.kind() == core::ErrorKind::kCorrupt;
      if (!is_damage || error.error_number() != 0) throw;
      const std::lock_guard lock(guard);
      report.damaged.emplace(path.filename().string(), error.what());
    }
  };
  for (const fs::path& path : paths) {
    std::unique_ptr<experiments::Bundle> bundle;
    unless_damaged(path, [&] { bundle = open_unless_gone(files, path); });
    if (bundle == nullptr) continue;
    const auto& entries = bundle->entries();
    std::int64_t held = 0;
    core::side_by_side(entries.size(), [&](std::size_t i) {
      if (taking != nullptr) taking->renew();
      // One without a folder may lie in the trash of a collection, and come back.
      const bool leave = claims.held(entries[i].job) || !files.exists(store.job_folder(entries[i].job));
      std::pair<std::int64_t, std::int64_t> restored;
      if (!leave) unless_damaged(path, [&] { restored = restore(files, store, *bundle, entries[i], options.dry_run); });
      const std::lock_guard lock(guard);
      held += leave ? 1 : 0;
      report.jobs += restored.first > 0 ? 1 : 0;
      report.files += restored.first;
      report.bytes += restored.second;
    });
    report.finished += static_cast<std::int64_t>(entries.size());
    report.held += held;
    if (held == 0 && !report.damaged.contains(path.filename().string())) {
      if (taking != nullptr) taking->remove(path.lexically_relative(store.root()).string());
      report.bundles.push_back(path.filename().string());
    }
    if (options.progress)
      options.progress(static_cast<std::size_t>(report.finished), static_cast<std::size_t>(report.finished));
  }
  return report;
}

}  // namespace

CompactReport compact(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan,
                      const CompactOptions& options) {
  std::map<std::string, std::string> jobs;
  for (const auto& job : plan.jobs) jobs.emplace(job.id.hex, experiments::kind_name(job.specification));
  return compact(files, store, plan.suite, jobs, options);
}

CompactReport compact(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite,
                      const std::map<std::string, std::string>& jobs, const CompactOptions& options) {
  return alone(files, store, options,
               [&](Taking* taking) { return Compaction(files, store, suite, jobs, options, taking).run(); });
}

void add(CompactReport& to, const CompactReport& one) {
  to.finished += one.finished;
  to.jobs += one.jobs;
  to.files += one.files;
  to.folders += one.folders;
  to.bytes += one.bytes;
  to.held += one.held;
  to.kept += one.kept;
  to.bundles.insert(to.bundles.end(), one.bundles.begin(), one.bundles.end());
}

CompactReport unpack(core::FileSystem& files, const experiments::StoreLayout& store,
                     const std::optional<std::string>& suite, const CompactOptions& options) {
  return alone(files, store, options, [&](Taking* taking) { return unpack_all(files, store, suite, options, taking); });
}

}  // namespace resolute::operations
