#pragma once
//! \file
//! A submission in a folder of its own, and a simulated SLURM that it is submitted to.

#include <filesystem>
#include <functional>
#include <optional>

#include "slurm/submission.h"
#include "tests/slurm/simulated_slurm.h"
#include "tests/slurm/submission_samples.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests {

//! One submission, one SLURM; processes come and go.
struct Cluster {
  using Outcome = std::variant<slurm::KnownJob, slurm::Refused>;

  explicit Cluster(const slurm::SubmissionRequest& request = sample_request()) {
    slurm::create_submission(immortal_files_, root.path(), request, "text\n");
  }

  std::filesystem::path path() const { return root / "submissions" / "0123456789ab"; }
  slurm::SubmissionFolder folder() { return {immortal_files_, path()}; }
  //! \return nothing: it was killed
  std::optional<Outcome> ensure(int generation, Mortal& process, const std::function<void(bool)>& sleeps = {}) {
    std::optional<Outcome> outcome;
    KillingFileSystem files(process);
    const slurm::Effects effects = controller.effects(process, sleeps);
    slurm::Client client(effects);
    slurm::SubmissionFolder folder(files, path());
    process.survives([&] { outcome = slurm::ensure_submitted(files, client, effects, folder, batch, generation); });
    return outcome;
  }
  Outcome ensure(int generation = 0) {
    Mortal process;
    return *ensure(generation, process);
  }
  slurm::KnownJob submitted(int generation = 0) { return std::get<slurm::KnownJob>(ensure(generation)); }

  TemporaryFolder root;
  SimulatedSlurm controller;
  slurm::Batch batch = sample_batch(1);

 private:
  Mortal immortal_;
  KillingFileSystem immortal_files_{immortal_};  // saves the syncing
};

}  // namespace resolute::tests
