#pragma once
//! \file
//! The layout of a store: one folder, shared by the nodes. Paths only; nothing here touches a disk.
//!
//!     packs/NAME-HASH/{shard-NNNNN.h5, pack.json}        HASH: first 16 digits of the pack settings' SHA-256
//!     raw/NAME-HASH/…                                    images of a synthetic data set
//!     jobs/ab/abcdef…/{spec.json, attempt-NNN-{stdout,stderr,metrics.jsonl,…}, checkpoints/, result.json, …}
//!     suites/NAME/{journal-EPOCH, owner-EPOCH, plan-HASH.json, tables/, report.html, submissions/, …}
//!     suites/NAME/before/NNNNNN/abcdef…                  of jobs to be made anew (operations/space/set_aside.h)
//!     suites/NAME@K/journal-EPOCH                        of the Kth of several allocations that run NAME side by side
//!     durations/RUN.jsonl                                how long jobs took (orchestrator/store/durations.h)
//!     bundles/NAME-NNNNNN                                small files of finished jobs (bundle.h)
//!     weights/{SHA256.safetensors, NAME.json}            imported trunks by content, and the names they go by
//!     states/KEY/STEPS-abcdef…                           trainings that keep their last state (kept_states.h)
//!     trash/                                             what `resolute store gc` or `suite compact` has taken
//!     (operations/space/trash.h)

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "experiments/specification/specification.h"

namespace resolute::experiments {

class StoreLayout {
 public:
  explicit StoreLayout(std::filesystem::path root) : root_(std::move(root)) {}
  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path pack_folder(const PackSettings& pack) const;
  std::filesystem::path raw_folder(const PackSettings& pack) const;
  std::filesystem::path job_folder(const JobId& job) const;
  std::filesystem::path specification_file(const JobId& job) const;
  std::filesystem::path result_file(const JobId& job) const;
  //! The features or distances of an evaluation: `docs/inside/formats/features.md`.
  std::filesystem::path features_file(const JobId& evaluation) const;
  std::filesystem::path checkpoints_folder(const JobId& job) const;
  //! Why a training ends for a loss or a gradient that is not finite, each time that it runs: a line of text.
  std::filesystem::path divergence_file(const JobId& training) const;
  //! A file that one attempt leaves beside the job's result. \param attempt 1, 2, …; three digits or more
  std::filesystem::path attempt_file(const JobId& job, int attempt, const std::string& name) const;
  std::filesystem::path suite_folder(const std::string& suite) const;
  std::filesystem::path trash_folder() const { return root_ / "trash"; }
  std::filesystem::path states_folder() const { return root_ / "states"; }
  std::filesystem::path weights_folder() const { return root_ / "weights"; }
  //! \param sha256 of the file, 64 hexadecimal digits
  std::filesystem::path weights_file(const std::string& sha256) const;
  //! The file of a name (weights_catalogue.h). \param name a plain name
  std::filesystem::path weights_name_file(const std::string& name) const;
  //! Names the training of the store whose trunk these weights are. \param sha256 of weights_file()
  std::filesystem::path weights_origin_file(const std::string& sha256) const;

 private:
  std::filesystem::path root_;
};

//! Tells whether a folder of packs/ or raw/ can be one of a store: NAME-HASH. Others are whoever's put them there.
bool is_named_by_content(const std::string& folder);

//! Tells whether a folder of the store can be one in which a job runs apart, as mkdtemp(3) names it: "scratch-XXXXXX".
bool is_scratch_store(const std::string& folder);
//! The pattern for mkdtemp(3).
inline constexpr std::string_view kScratchStore = "scratch-XXXXXX";

//! The attempt to which a file of a job's folder belongs; nothing if it is no attempt's.
std::optional<int> attempt_of(const std::string& file_name);

//! The folder below suites/ in which allocation K keeps its journal: `NAME` for the first, `NAME@K` for others.
//! \param allocation 1, 2, …
std::string run_name(const std::string& suite, int allocation);
//! The inverse; nothing if `folder` is not one of the suite's.
std::optional<int> allocation_of(const std::string& suite, const std::string& folder);
//! The suite's NAME by a folder below suites/, NAME or `NAME@K`.
std::string suite_of_run(const std::string& folder);

}  // namespace resolute::experiments
