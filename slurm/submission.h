#pragma once
//! \file
//! A suite's submissions in the store, and how a batch job is submitted exactly once
//! (docs/inside/formats/submission.md): the intent is on disk first, the job's name is unique, and after any failure
//! SLURM is asked for that name. Name, id and time of submission together identify a job. A second job of one name
//! waits for the first (singleton). SLURM forgets that once a job has started, so a requeued job may meet its double;
//! the suite's owner file keeps them apart. Each finds finished work done, so a double costs nothing but its start.
//! SLURM gives a requeued job a new time of submission (seen with 22.05): a later time under a known id is the same job
//! or another one.
//!
//!     suites/NAME/submissions/TOKEN/
//!         request.json, suite.toml                  what was submitted; written whole, never changed
//!         ended.json                                the user cancelled it, or it is done: nothing of it is resumed
//!         batch-001/script-000.sh                   of generation 0; written anew at each try
//!         batch-001/intent-000.json                 generation 0 is going to be submitted
//!         batch-001/accepted-000.json               SLURM has it | refused-000.json: it has not, and why
//!         batch-001/run-JOB-RRR.json                one start of the script, RRR: SLURM's restart count (allocation.h)
//!         batch-001/log/JOB.log

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "settings/choice.h"
#include "settings/job_kind.h"
#include "slurm/client.h"
#include "slurm/launcher.h"
#include "slurm/sbatch_script.h"

namespace resolute::slurm {

//! How an allocation is followed by the next while the suite is not complete.
enum class Continuation {
  kRequeue,  //!< itself again
  kChain,    //!< another job after it
  kArmed,    //!< itself again, and where that fails another job, which waits for its end from its begin on
};
constexpr auto words_of(Continuation) { return settings::words("requeue", "chain", "armed"); }

//! One job that is handed to sbatch; one on demand, again and again.
struct Batch {
  int number = 1;                          //!< 1, 2, …
  std::string job_name;                    //!< unique over all submissions: resolute-SUITE-TOKEN-NUMBER
  int first_allocation = 1;                //!< of `suite run --allocation`
  std::vector<settings::JobKind> kinds{};  //!< that its run starts, `suite run --kinds`; empty: all
  std::optional<Resources> resources{};    //!< its own, instead of SubmissionRequest::resources
  //! Submitted when there is work for it, and ended by SubmissionRequest::idle_limit when there is none.
  bool on_demand = false;
};

//! Hexadecimal digits of a submission's token, which tells it apart from all others.
inline constexpr std::size_t kTokenDigits = 12;
bool is_token(std::string_view text);

//! How `resolute` is started on the nodes.
struct Container {
  std::vector<std::string> command{};  //!< words before it; empty: no container
  std::string program{};               //!< its path inside; empty: as outside

  bool operator==(const Container&) const = default;
};

//! request.json.
struct SubmissionRequest {
  std::string token;  //!< is_token()
  std::string suite;
  std::string title;
  Time created{};
  std::string by;                           //!< `user@host`
  std::filesystem::path store;              //!< absolute
  std::filesystem::path resolute;           //!< the program, absolute, as the nodes see it
  std::filesystem::path relative_to;        //!< absolute: what relative paths of the suite are relative to
  std::vector<std::string> plan_arguments;  //!< --profile, --set, --from-scratch as they were given
  std::vector<std::string> run_arguments;   //!< of `suite run` besides the next two: --gpus, --bind, …
  std::optional<int> slots{};               //!< --slots of `suite run`; nothing: the batch's processors per node
  int jobs_per_gpu = 1;                     //!< --jobs-per-gpu of `suite run`
  Container container{};
  std::string launcher = "auto";  //!< or parse_launcher()'s
  Continuation continuation = Continuation::kRequeue;
  int most_restarts = 1000;  //!< of one batch, or generations of it; at least 1
  Resources resources;
  SiteEnvironment site;
  //! The one lead before an allocation's end: the run stops then, and SLURM's notice is asked for then.
  std::chrono::seconds notice{120};
  std::filesystem::path working_folder;
  std::vector<std::pair<std::string, std::string>> variables{};  //!< that the suite names, as they were
  std::vector<Batch> batches;
  LaunchOptions launch{};
  std::string dependency{};  //!< of the first job of each batch on other people's; validate_dependency(); empty: none
  std::string notify{};      //!< who hears of its end: a command of sh or an address; empty: nobody
  //! Without anything to start, after which the run of a batch on demand ends.
  std::chrono::seconds idle_limit{0};
  std::vector<std::string> left_out{};  //!< nodes that are excluded besides: jobs failed there in the run before
  std::string cluster{};  //!< of a site that has several: where its jobs are; empty: the submitting machine's
};
//! The resources of a batch: its own, else the request's.
const Resources& resources_of(const SubmissionRequest& request, const Batch& batch);
core::Json to_json(const SubmissionRequest& request);
//! Strict: every member checked, unknown ones refused.
//! \throws RuntimeError (kCorrupt) that opens with `where`
SubmissionRequest request_from_json(const core::Json& json, const std::string& where);

//! Pure: the script of a batch. \param folder of the submission
ScriptRequest script_of(const SubmissionRequest& request, const Batch& batch, const std::filesystem::path& folder,
                        int generation = 0);

//! A SLURM job for sure: id and time of submission together with the batch's name.
struct KnownJob {
  SlurmJobId id = 0;
  std::string cluster;              //!< empty: the only one
  std::optional<Time> submitted{};  //!< as first seen; nothing where SLURM did not answer in time
  bool armed = false;               //!< submitted before its turn, in case that the generation before it cannot go on
};

//! One generation of a batch, as its folder says.
struct NeverTried {};
//! Somebody was about to submit it, and did not write how that went.
struct Intended {
  std::vector<KnownJob> others{};  //!< jobs of the batch's name that stood in SLURM before: none of this generation
  std::string why{};               //!< one is wanted now, of a batch on demand; empty: somebody asked for it
  bool armed = false;              //!< as KnownJob::armed; without a job it stands for nothing
};
using GenerationState = std::variant<NeverTried, Intended, KnownJob, Refused>;

//! A submission's folder. No file of it is written over. A file that is torn, of another version or of another
//! submission is a RuntimeError (kCorrupt) that names it.
class SubmissionFolder {
 public:
  SubmissionFolder(core::FileSystem& files, std::filesystem::path folder);
  const std::filesystem::path& path() const { return folder_; }
  SubmissionRequest request() const;
  //! A job that SLURM has counts more than a refusal.
  GenerationState generation(const Batch& batch, int number) const;
  //! The last generation that was at least intended; -1: none.
  int last_generation(const Batch& batch) const;
  //! Intended::why of a generation; empty too where it was never intended.
  std::string why_wanted(const Batch& batch, int number) const;
  //! Every job that was ever accepted for the batch, by generation.
  std::vector<KnownJob> known_jobs(const Batch& batch) const;
  std::filesystem::path batch_folder(const Batch& batch) const;
  std::filesystem::path suite_file() const { return folder_ / "suite.toml"; }
  bool ended() const;
  //! Its commands run as the user who submits it, so nobody else may have written them. \throws RuntimeError (kInput)
  //! unless its folder, request.json, suite.toml and the folders of its batches belong to the effective user or root,
  //! and no other may write to them
  void require_own() const;
  //! Writes ended.json; nothing of it is submitted from now on. Idempotent.
  void end(const std::string& why);
  //! A generation is going to be submitted. \return true if this intent stands there now. The first wins; a later
  //! caller has to look first what came of it
  bool intend(const Batch& batch, int number, const Intended& intent);
  //! SLURM has a job of this generation. Its script calls this too when it begins, which settles what sbatch left open.
  //! \return the job that stands there now: the first wins
  KnownJob accept(const Batch& batch, int number, const KnownJob& job);
  //! SLURM has refused it. \return the refusal that stands there now
  Refused refuse(const Batch& batch, int number, const Refused& refusal);

 private:
  core::FileSystem& files_;
  std::filesystem::path folder_;
};

//! Writes a new submission, request.json last. A second call with the same request and text does nothing. \param
//! suite_text of suite.toml \return its folder \throws RuntimeError (kInput) for a request that could not be read back,
//! or where another stands under this token
SubmissionFolder create_submission(core::FileSystem& files, const std::filesystem::path& suite_folder,
                                   const SubmissionRequest& request, const std::string& suite_text);
//! Those of a suite, oldest first (by creation, then token). A folder without request.json is none. \throws
//! RuntimeError (kCorrupt) for a request that cannot be read: its jobs may live, so it must not be passed over
std::vector<SubmissionFolder> submissions(core::FileSystem& files, const std::filesystem::path& suite_folder);

//! The job of this generation among those that bear its batch's name: the earliest that belongs to no other generation.
//! A job with another generation's id belongs to that one, also with a later time, for it was requeued; unless
//! `never_requeued` has the id. Pure.
std::optional<KnownJob> own_job(const std::vector<QueuedJob>& queued, const std::vector<KnownJob>& others,
                                const std::set<SlurmJobId>& never_requeued = {});

//! Submits a batch's generation exactly once, whatever was tried before: looks first where an intent stands without an
//! answer, writes the intent, calls sbatch, and looks again where the answer was unclear. Safe to call again after
//! being killed at any point, and from several processes; a job is doubled only if SLURM shows it later than all looks,
//! or forgot it, or two processes call at once and one is held up: then singleton and owner file keep the two apart.
//! \throws RuntimeError kTransient if SLURM does not say whether it has the job: calling again later settles it; kInput
//! if there is no SLURM here, or if the submission has ended
//! \param intent its `why` and `armed`; a refusal of an armed one is not kept: it is asked for again in its turn
std::variant<KnownJob, Refused> ensure_submitted(core::FileSystem& files, Client& client, const Effects& effects,
                                                 SubmissionFolder& folder, const Batch& batch, int generation,
                                                 const Intended& intent = {});

}  // namespace resolute::slurm
