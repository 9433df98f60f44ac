#include "workers/rank/publish_result.h"

#include <set>

#include "core/files/json.h"
#include "core/log.h"
#include "core/process/secret.h"

namespace resolute::workers {
namespace {

constexpr std::string_view kStaged = "staged-";
constexpr const char* kRecord = "record.json";  // whoever looks for results finds none in there

fs::path decision_of(const experiments::StoreLayout& store, const experiments::JobId& job) {
  return store.job_folder(job) / "publishing";
}

// A file that another process has moved already is where it belongs.
void move_to_place(core::FileSystem& files, const fs::path& from, const fs::path& to) {
  files.create_directories(to.parent_path());
  try {
    files.rename(from, to);
  } catch (const core::RuntimeError& error) {
    if (!error.is_missing()) throw;
  }
}

// The record comes last, by link(): once it is there nothing is moved any more.
void move_staged(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job,
                 const fs::path& staged) {
  const fs::path folder = store.job_folder(job);
  const auto text = core::read_text_if_exists(files, staged / kRecord);
  if (!text) return;  // another process is done with it
  const auto record = std::get<results::EvaluationRecord>(results::parse_record(*text, (staged / kRecord).string()));
  const std::string features = store.features_file(job).filename();
  std::set<fs::path> folders{folder};
  move_to_place(files, staged / features, folder / features);
  for (const auto& [name, sha256] : record.outputs) {
    move_to_place(files, staged / name, folder / name);
    folders.insert((folder / name).parent_path());
  }
  for (const fs::path& changed : folders) files.sync_path(changed);
  try {
    files.link(staged / kRecord, store.result_file(job));
  } catch (const core::RuntimeError& error) {
    if (!error.is_missing()) throw;
  }
  files.sync_path(folder);
}

// Any number of processes may do so at once. The result is looked for after the decision was read: a decision that came
// after the first one was carried out finds it, and moves nothing. identity() asks no cache.
void carry_out_decision(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job) {
  const fs::path decision = decision_of(store, job);
  const auto name = core::read_text_if_exists(files, decision);
  if (!name) return;
  if (!files.identity(store.result_file(job)) && name->starts_with(kStaged) && name->find('/') == std::string::npos)
    move_staged(files, store, job, store.job_folder(job) / *name);
  files.remove(decision);
}

// The folders of this attempt, of dead ones, and of others that will find the result.
void discard_staged(core::FileSystem& files, const fs::path& job_folder) {
  for (const std::string& name : files.list(job_folder)) {
    if (!name.starts_with(kStaged)) continue;
    std::error_code error;
    fs::remove_all(job_folder / name, error);
    if (error) core::log_warning("'{}' stays behind: {}", (job_folder / name).string(), error.message());
  }
}

}  // namespace

bool has_result(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job) {
  carry_out_decision(files, store, job);
  if (!files.exists(store.result_file(job))) return false;
  core::log_info("job {} has its result already", job.hex);
  discard_staged(files, store.job_folder(job));
  return true;
}

void publish_result(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job,
                    const results::Record& record) {
  if (!core::publish_exclusive(files, store.result_file(job), results::record_text(record)))
    core::log_info("job {} was finished by another attempt first", job.hex);
}

fs::path staging_folder(const experiments::StoreLayout& store, const experiments::JobId& job) {
  return store.job_folder(job) / (std::string(kStaged) + core::random_token(6));
}

void publish_staged(core::FileSystem& files, const experiments::StoreLayout& store, const fs::path& staged,
                    const results::EvaluationRecord& record) {
  const std::string text = results::record_text(record);
  core::write_atomic(files, staged / kRecord, text);
  while (!files.identity(store.result_file(record.job))) {
    if (!files.exists(staged / kRecord) && !files.identity(store.result_file(record.job)))
      throw core::input_error(fmt::format("'{}' is gone", staged.string()), "somebody has removed what was computed",
                              "start the job again");
    core::publish_exclusive(files, decision_of(store, record.job), staged.filename().string());
    carry_out_decision(files, store, record.job);
  }
  // A decision that came too late, be it ours or that of one who was killed.
  carry_out_decision(files, store, record.job);
  if (core::read_text(files, store.result_file(record.job)) != text)
    core::log_info("job {} was finished by another attempt first", record.job.hex);
  discard_staged(files, store.job_folder(record.job));
}

}  // namespace resolute::workers
