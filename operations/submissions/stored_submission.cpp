#include "operations/submissions/stored_submission.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "core/error.h"
#include "core/files/ownership.h"
#include "core/log.h"

namespace resolute::operations {

std::string effective_user() {
  const char* named = std::getenv("USER");
  return core::user_name(::geteuid()).value_or(named != nullptr ? named : "");
}

std::optional<std::string> other_submitter(const slurm::SubmissionRequest& request) {
  const std::string user = request.by.substr(0, request.by.rfind('@'));
  const std::string self = effective_user();
  if (user.empty() || self.empty() || user == self) return std::nullopt;
  return user;
}

void require_sbatch(const std::map<std::string, std::string>& environment) {
  if (core::program_on_path(environment, "sbatch")) return;
  throw core::input_error("there is no sbatch here",
                          "it is on no folder of PATH: this is no machine of a SLURM cluster",
                          "log in to one, or run the suite here with `resolute suite run`");
}

slurm::Client interactive_client() {
  return slurm::Client(slurm::real_effects(), {.patience = std::chrono::seconds(10)});
}

StoredSubmission read_submission(const slurm::SubmissionFolder& folder) {
  StoredSubmission stored{folder.request(), folder.ended(), {}};
  stored.other_user = other_submitter(stored.request);
  for (const slurm::Batch& batch : stored.request.batches) {
    StoredBatch& one = stored.batches.emplace_back(StoredBatch{batch, folder.batch_folder(batch)});
    one.generation = folder.last_generation(batch);
    if (one.generation >= 0) one.last = folder.generation(batch, one.generation);
    const auto* intent = std::get_if<slurm::Intended>(&one.last);
    if (intent != nullptr && intent->armed) one.last = folder.generation(batch, --one.generation);
  }
  return stored;
}

void read_history(core::FileSystem& files, const slurm::SubmissionFolder& folder, StoredBatch& batch) {
  batch.known = folder.known_jobs(batch.batch);
  batch.runs = slurm::read_runs(files, batch.folder);
  const auto logs = files.list(batch.folder / "log");
  batch.logs = {logs.begin(), logs.end()};
  if (batch.batch.on_demand) batch.why = folder.why_wanted(batch.batch, batch.generation);
}

StoredSubmission read_whole_submission(core::FileSystem& files, const slurm::SubmissionFolder& folder) {
  StoredSubmission stored = read_submission(folder);
  for (StoredBatch& batch : stored.batches) read_history(files, folder, batch);
  return stored;
}

std::vector<StoredSubmission> read_submissions(core::FileSystem& files, const std::filesystem::path& suite_folder,
                                               std::set<std::string>* warned) {
  // One by one, not by slurm::submissions(): what can be read of them is shown whatever else is broken.
  const std::filesystem::path below = suite_folder / "submissions";
  std::vector<StoredSubmission> all;
  for (const std::string& token : files.list(below)) {
    try {
      if (!files.exists(below / token / "request.json")) continue;
      all.push_back(read_whole_submission(files, slurm::SubmissionFolder(files, below / token)));
    } catch (const core::RuntimeError& error) {
      if (warned == nullptr || warned->insert(error.what()).second)
        core::log_warning("a submission is left out: {}", error.what());
    }
  }
  std::ranges::sort(all, [](const auto& a, const auto& b) {
    return std::tie(a.request.created, a.request.token) < std::tie(b.request.created, b.request.token);
  });
  return all;
}

std::vector<const slurm::ScriptStart*> telling_runs(const std::vector<StoredBatch>& batches) {
  std::vector<const slurm::ScriptStart*> telling;
  const slurm::ScriptStart* on_demand = nullptr;
  for (const StoredBatch& batch : batches) {
    if (batch.runs.empty()) continue;
    const slurm::ScriptStart& run = batch.runs.back();
    if (!batch.batch.on_demand)
      telling.push_back(&run);
    else if (on_demand == nullptr || run.end >= on_demand->end)
      on_demand = &run;
  }
  if (on_demand != nullptr) telling.push_back(on_demand);
  return telling;
}

bool ended_for_good(const slurm::ScriptStart& run) {
  return run.end && (run.cause == slurm::EndCause::kComplete || run.cause == slurm::EndCause::kIncomplete ||
                     run.cause == slurm::EndCause::kIdle);
}

bool nothing_follows(const slurm::ScriptStart& run) {
  return ended_for_good(run) || (run.end && (run.given_up || run.cause == slurm::EndCause::kCancelled ||
                                             run.cause == slurm::EndCause::kConfiguration));
}

const slurm::ScriptStart* last_word(const StoredBatch& batch) {
  const auto* job = std::get_if<slurm::KnownJob>(&batch.last);
  const int deciding = batch.generation - (job != nullptr && job->armed ? 1 : 0);
  return batch.runs.empty() || batch.runs.back().generation < deciding ? nullptr : &batch.runs.back();
}

bool is_unsettled(const StoredBatch& batch) {
  return batch.generation < 0 || std::holds_alternative<slurm::Intended>(batch.last);
}

bool is_never_wanted(const StoredBatch& batch) { return batch.batch.on_demand && batch.generation < 0; }

bool is_over(const StoredBatch& batch) {
  const auto* last = last_word(batch);
  return last != nullptr && ended_for_good(*last);
}

std::filesystem::path log_file(const StoredBatch& batch, slurm::SlurmJobId job) {
  return batch.folder / "log" / fmt::format("{}.log", job);
}

bool has_log(const StoredBatch& batch, slurm::SlurmJobId job) {
  return batch.logs.contains(fmt::format("{}.log", job));
}

NamesByCluster names_to_ask(const std::vector<StoredSubmission>& submissions) {
  NamesByCluster names;
  for (const StoredSubmission& submission : submissions)
    if (!submission.ended && !submission.other_user)
      for (const StoredBatch& batch : submission.batches)
        if (batch.generation >= 0 && !is_over(batch)) names[submission.request.cluster].push_back(batch.batch.job_name);
  return names;
}

SlurmAnswer ask_slurm(const slurm::Client& client, const NamesByCluster& names) {
  SlurmAnswer answer;
  try {
    for (const auto& [cluster, cluster_names] : names)
      for (slurm::QueuedJob& job : client.at(cluster).find(cluster_names)) answer.queued.push_back(std::move(job));
    return answer;
  } catch (const core::RuntimeError& error) {
    return {{}, error.what()};
  }
}

// squeue does not tell them.
void ask_for_exits(const slurm::Client& client, const NamesByCluster& names, SlurmAnswer& answer) {
  constexpr std::size_t kMost = 4;
  std::map<std::string, const slurm::QueuedJob*> failed;  // the last of each name
  for (const slurm::QueuedJob& job : answer.queued)
    if (job.state == slurm::JobState::kFailed || job.state == slurm::JobState::kOutOfMemory)
      if (auto& last = failed[job.name]; last == nullptr || job.id > last->id) last = &job;
  for (const auto& [cluster, cluster_names] : names)
    for (const std::string& name : cluster_names) {
      const auto last = failed.find(name);
      if (last == failed.end() || answer.exits.size() == kMost) continue;
      const slurm::SlurmJobId id = last->second->id;
      try {
        const auto shown = client.at(cluster).show(id, name);
        if (const auto* known = std::get_if<slurm::ShownJob>(&shown)) answer.exits[{name, id}] = known->exit;
      } catch (const core::RuntimeError& error) {
        core::log_debug("the end of job {} is not known: {}", id, error.what());
      }
    }
}

bool suite_has_changed(core::FileSystem& files, const slurm::SubmissionFolder& folder, const std::string& text) {
  return core::read_text_if_exists(files, folder.suite_file()).value_or("") != text;
}

std::vector<const slurm::QueuedJob*> jobs_named_as(const StoredBatch& batch, const SlurmAnswer& answer) {
  std::vector<const slurm::QueuedJob*> jobs;
  for (const slurm::QueuedJob& job : answer.queued)
    if (job.name == batch.batch.job_name) jobs.push_back(&job);
  return jobs;
}

}  // namespace resolute::operations
