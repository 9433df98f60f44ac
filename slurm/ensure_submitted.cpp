#include <fmt/ranges.h>

#include <algorithm>

#include "core/log.h"
#include "slurm/submission.h"

namespace resolute::slurm {
namespace {

// A job that sbatch left open appears in the controller's next answers, or was never taken.
constexpr int kLooks = 3;
constexpr std::chrono::seconds kBetweenLooks{3};
constexpr int kTries = 3;

std::vector<KnownJob> jobs_in(const std::vector<QueuedJob>& queued) {
  std::vector<KnownJob> jobs;
  for (const QueuedJob& job : queued) jobs.push_back({job.id, "", job.submitted});
  std::ranges::sort(jobs, {}, &KnownJob::id);
  return jobs;
}

// True if SLURM's job `shown` is the known one.
bool is_same(const KnownJob& known, const KnownJob& shown, const std::set<SlurmJobId>& never_requeued) {
  if (known.id != shown.id) return false;
  return !known.submitted || !shown.submitted || *known.submitted == *shown.submitted ||
         !never_requeued.contains(shown.id);
}

struct Submitter {
  core::FileSystem& files_;
  Client& client_;
  const Effects& effects_;
  SubmissionFolder& folder_;
  const Batch& batch_;
  int generation_;
  const Intended& intent_;
  std::vector<KnownJob> others_{};

  std::variant<KnownJob, Refused> run() {
    if (auto answer = answered()) return *answer;
    folder_.require_own();
    SubmissionRequest request = folder_.request();
    const ScriptRequest script = script_of(request, batch_, folder_.path(), generation_);
    validate(script);
    if (!intend()) {
      if (auto answer = look()) return *answer;
    }
    files_.create_directories(script.output);
    write_script(request);
    return submit(request);
  }

  void write_script(const SubmissionRequest& request) const {
    const ScriptRequest script = script_of(request, batch_, folder_.path(), generation_);
    core::write_atomic(files_, script_file(), sbatch_script(script));
  }

  fs::path script_file() const { return folder_.batch_folder(batch_) / fmt::format("script-{:03}.sh", generation_); }

  std::optional<std::variant<KnownJob, Refused>> answered() const {
    const GenerationState state = folder_.generation(batch_, generation_);
    if (const auto* job = std::get_if<KnownJob>(&state)) return *job;
    if (const auto* refusal = std::get_if<Refused>(&state)) return *refusal;
    return std::nullopt;
  }

  void refuse_ended() const {
    if (!folder_.ended()) return;
    throw core::input_error(fmt::format("submission '{}' has ended", folder_.path().filename().string()),
                            "nothing more of it is submitted", "submit the suite anew");
  }

  // Jobs that bear the name before this generation's first sbatch belong to other generations. Generation 0 has none:
  // the name is new. \return whether nobody can have called sbatch yet
  bool intend() {
    bool first = false;
    if (std::holds_alternative<NeverTried>(folder_.generation(batch_, generation_))) {
      refuse_ended();
      Intended intent = intent_;
      if (generation_ > 0) intent.others = jobs_in(client_.find({batch_.job_name}));
      first = folder_.intend(batch_, generation_, intent);
    }
    const GenerationState state = folder_.generation(batch_, generation_);
    if (const auto* intent = std::get_if<Intended>(&state)) others_ = intent->others;
    return first;
  }

  std::variant<KnownJob, Refused> submit(SubmissionRequest& request) {
    std::string why;
    for (int i = 0; i < kTries; ++i) {
      if (auto answer = answered()) return *answer;
      refuse_ended();
      const auto outcome = client_.submit(script_file());
      if (const auto* accepted = std::get_if<Accepted>(&outcome)) return keep(*accepted);
      if (const auto* refusal = std::get_if<Refused>(&outcome)) {
        // A node that was set aside may have left the cluster since.
        if (!request.left_out.empty() && refusal->why.find("Invalid node name") != std::string::npos) {
          core::log_warning("SLURM does not know all of {}: they are not left out any more",
                            fmt::join(request.left_out, ", "));
          request.left_out.clear();
          write_script(request);
          continue;
        }
        return intent_.armed ? *refusal : folder_.refuse(batch_, generation_, *refusal);
      }
      why = std::get<Unclear>(outcome).why;
      core::log_warning("sbatch of '{}' gave no job ({}); asking whether SLURM has one of that name", batch_.job_name,
                        why);
      if (auto job = look()) return *job;
    }
    throw core::RuntimeError(core::ErrorKind::kTransient,
                             fmt::format("sbatch has not submitted '{}' in {} tries", batch_.job_name, kTries), why,
                             "try again later");
  }

  KnownJob keep(const Accepted& accepted) {
    const KnownJob ours{accepted.id, accepted.cluster, submission_time(accepted.id), intent_.armed};
    KnownJob standing = folder_.accept(batch_, generation_, ours);
    if (standing.id != ours.id)
      core::log_warning("job {} of '{}' is a double of job {}: it waits for that one's end and finds its work done",
                        ours.id, batch_.job_name, standing.id);
    return standing;
  }

  // The time of a job that SLURM has accepted. No failure here may hide the job.
  std::optional<Time> submission_time(SlurmJobId id) {
    try {
      for (const KnownJob& job : jobs_in(client_.find({batch_.job_name})))
        if (job.id == id) return job.submitted;
    } catch (const core::RuntimeError& error) {
      core::log_warning("job {} of '{}' is submitted; SLURM does not say when: {}", id, batch_.job_name, error.what());
    }
    return std::nullopt;
  }

  // Looks a few times for what an sbatch has left, here and in SLURM.
  std::optional<std::variant<KnownJob, Refused>> look() {
    for (int i = 0; i < kLooks; ++i) {
      if (i > 0) effects_.sleep(kBetweenLooks);
      if (auto answer = answered()) return answer;
      const std::vector<QueuedJob> queued = client_.find({batch_.job_name});
      const std::vector<KnownJob> others = other_jobs();
      if (auto job = own_job(queued, others, never_requeued(queued, others))) {
        job->armed = intent_.armed;
        return folder_.accept(batch_, generation_, *job);
      }
    }
    return std::nullopt;
  }

  std::vector<KnownJob> other_jobs() const {
    std::vector<KnownJob> others = folder_.known_jobs(batch_);
    others.insert(others.end(), others_.begin(), others_.end());
    return others;
  }

  // SLURM is asked only for ids that are known with another time: the job was requeued, or it got the id of a lost one.
  std::set<SlurmJobId> never_requeued(const std::vector<QueuedJob>& queued, const std::vector<KnownJob>& others) {
    std::set<SlurmJobId> result;
    for (const KnownJob& job : jobs_in(queued)) {
      const bool in_doubt = std::ranges::any_of(
          others, [&](const KnownJob& other) { return is_same(other, job, {}) && !is_same(other, job, {job.id}); });
      if (!in_doubt) continue;
      const auto answer = client_.show(job.id, batch_.job_name);
      const auto* shown = std::get_if<ShownJob>(&answer);
      if (shown != nullptr && shown->restarts == 0) result.insert(job.id);
    }
    return result;
  }
};

}  // namespace

std::optional<KnownJob> own_job(const std::vector<QueuedJob>& queued, const std::vector<KnownJob>& others,
                                const std::set<SlurmJobId>& never_requeued) {
  std::optional<KnownJob> earliest;
  // A time that SLURM does not give counts as late; of two at the same second the smaller id.
  const auto is_earlier = [](const KnownJob& a, const KnownJob& b) {
    return std::pair(a.submitted.value_or(Time::max()), a.id) < std::pair(b.submitted.value_or(Time::max()), b.id);
  };
  for (const KnownJob& job : jobs_in(queued)) {
    const bool another =
        std::ranges::any_of(others, [&](const KnownJob& other) { return is_same(other, job, never_requeued); });
    if (!another && (!earliest || is_earlier(job, *earliest))) earliest = job;
  }
  return earliest;
}

std::variant<KnownJob, Refused> ensure_submitted(core::FileSystem& files, Client& client, const Effects& effects,
                                                 SubmissionFolder& folder, const Batch& batch, int generation,
                                                 const Intended& intent) {
  RESOLUTE_EXPECT(generation >= 0, "generations begin with 0");
  return Submitter{files, client, effects, folder, batch, generation, intent}.run();
}

}  // namespace resolute::slurm
