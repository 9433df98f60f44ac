#pragma once
//! \file
//! The request of `suite submit`: command line over site file over SBATCH_ACCOUNT, _PARTITION, _QOS, _CONSTRAINT,
//! _RESERVATION.

#include <map>
#include <string>
#include <vector>

#include "cli/suite/arguments.h"
#include "core/files/file_system.h"
#include "operations/submissions/batches.h"
#include "slurm/submission.h"

namespace resolute::cli {

//! --nodes, --gpus-per-node, --time, --partition, …, --allocations, --site.
void add_submit_options(boost::program_options::options_description& options);

//! \throws RuntimeError (kInput) for an option of before 0.1.0, which says what there is instead
void refuse_former_options(const std::string& option);

//! \throws RuntimeError (kInput) naming all of --store, --nodes and --time that nothing says
void require_submit_options(const boost::program_options::variables_map& values, core::FileSystem& files,
                            const std::map<std::string, std::string>& environment);

struct SubmitOptions {
  slurm::SubmissionRequest request;  //!< all but its batches, token and time
  std::vector<operations::Pool> pools;
};
//! \throws RuntimeError (kInput) naming the option, FILE:LINE:COLUMN or the variable
SubmitOptions read_submit_options(const SuiteArguments& arguments, const experiments::Plan& plan,
                                  core::FileSystem& files, const std::map<std::string, std::string>& environment);

//! Variables that ask sbatch for something that no submission hands on, by name.
std::vector<std::string> unheeded_variables(const std::map<std::string, std::string>& environment);

//! Says so where a submission goes on at another cluster than the one that is asked for. \param wanted empty: none is
void warn_of_cluster(const slurm::SubmissionRequest& submitted, const std::string& wanted);
//! The cluster that the user's site file, else sbatch's variables, ask for; empty: none. \throws RuntimeError (kInput)
//! of the file
std::string cluster_here(core::FileSystem& files, const std::map<std::string, std::string>& environment);

//! slurm::SubmissionRequest::idle_limit unless somebody says otherwise.
inline constexpr std::chrono::seconds kDefaultIdleLimit{120};

//! "4" or "1..8": least and most, the least 0 or more and at most the most, that at most 999; of one number both.
//! \throws RuntimeError (kInput) that opens with `place`
std::pair<int, int> parse_allocations(const std::string& text, const std::string& place);

}  // namespace resolute::cli
