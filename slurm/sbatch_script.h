#pragma once
//! \file
//! The batch script of an allocation: a pure function of the request (golden files in tests/golden/slurm). The script
//! sets up the site's environment and runs `resolute suite allocation`, which decides everything else. The shell stays
//! for two things: it passes SLURM's notice on, and if a signal has killed the program (such as the kernel's, for
//! memory), it calls the program once more to decide what follows.

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "settings/choice.h"
#include "settings/sbatch_text.h"

namespace resolute::slurm {

//! Bytes of one option's value: sbatch reads a word of a script into 8 KiB before 23.02.
inline constexpr std::size_t kLongestWord = 4000;

//! The option that asks for GPUs: --gres=gpu:N per node, --gpus=N for all nodes together, or --gpus-per-node=N.
enum class GpuRequest { kGres, kGpus, kGpusPerNode };
constexpr auto words_of(GpuRequest) { return settings::words("gres", "gpus", "gpus-per-node"); }

//! The request to SLURM; empty or 0: the cluster's default.
struct Resources {
  int nodes = 1;
  int gpus_per_node = 0;
  std::string gpu_type;          //!< "a100" asks for a100:4 instead of 4
  int cpus_per_node = 0;         //!< --cpus-per-task, one task per node
  std::string memory;            //!< per node: "64G"; "0" is all of it
  std::chrono::seconds time{0};  //!< limit; whole minutes, rounded up
  std::string partition, account, qos, constraint, exclude, reservation;
  std::string mail_user, mail_type;  //!< mail_type as sbatch has it: "END,FAIL"
  bool exclusive = false;
  std::vector<std::string> options;  //!< more options of sbatch, such as "--licenses=x"
  GpuRequest gpu_request = GpuRequest::kGres;
  std::string comment{};  //!< one line, instead of ours: some sites book by it

  bool operator==(const Resources&) const = default;
};

//! How the script's own shell is prepared.
struct SiteEnvironment {
  std::vector<std::string> modules;   //!< `module load` each
  std::vector<std::string> commands;  //!< lines of bash, as they are
};

//! The signal of sbatch's --signal may come this much earlier than asked (sbatch(1)): the controller looks every 30 s.
inline constexpr std::chrono::seconds kNoticeComesEarlier{60};

struct ScriptRequest {
  std::string job_name;  //!< is_job_name()
  std::string comment;   //!< one line, for squeue's %k, unless the resources have one; at most 1000 bytes
  Resources resources;
  SiteEnvironment site;
  std::filesystem::path working_folder;  //!< absolute
  std::filesystem::path output;          //!< absolute folder: JOB.log there
  std::string dependency{};              //!< more than singleton: "afterany:12", "afterok:3,after:4"; empty: none
  //! The job outlives the loss of any of its nodes. If it loses the first one, which runs the script, SLURM does not
  //! requeue it: a process on another node must.
  bool no_kill = false;
  std::chrono::seconds notice{120};  //!< SIGUSR1 comes to the script this long before the time limit, or earlier
  //! Program and arguments; after its death by a signal the same with "--killed-by SIGNAL".
  std::vector<std::string> command;
  std::vector<std::pair<std::string, std::string>> variables;  //!< exported before it, in this order
};

//! Checks one text. \throws RuntimeError (kInput) naming its option
void validate(const settings::SbatchText& text, const std::string& value);
//! Checks the resources alone, before anything is made of them. \throws RuntimeError (kInput) naming the option
void validate(const Resources& resources);
//! Refuses what a script cannot hold or would misread: control characters, option values outside their alphabets,
//! options that this program sets itself. \throws RuntimeError (kInput) naming the option
void validate(const ScriptRequest& request);

//! Checks the user's --dependency for sbatch: items such as "afterok:12:13", joined by commas. '?' (any of them) is
//! refused: SLURM then takes any item of the whole list, and our singleton is mostly met.
//! \throws RuntimeError (kInput)
void validate_dependency(const std::string& dependency);

//! Checks the name of one cluster, as --cluster has it; empty is none. \throws RuntimeError (kInput)
void validate_cluster(const std::string& cluster);

//! True for the name of a shell variable.
bool is_variable_name(std::string_view name);

//! The text of the script; validates first.
std::string sbatch_script(const ScriptRequest& request);

//! A word that bash reads back as `text`: 'it'\''s'; plain where nothing needs quoting.
std::string shell_quoted(const std::string& text);
//! The words of a command line, each quoted, with a blank between two.
std::string shell_line(const std::vector<std::string>& words);

}  // namespace resolute::slurm
