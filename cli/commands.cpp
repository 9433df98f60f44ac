#include <fmt/ranges.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/help.h"
#include "cli/subcommands.h"
#include "core/split.h"
#include "settings/names.h"

namespace resolute::cli {

namespace {

std::vector<std::string> words_of_name(const Command& command) {
  const auto parts = core::split(command.name, ' ');
  return {parts.begin(), parts.end()};
}

bool is_group(const std::string& word) { return settings::is_among(command_groups(), word); }

// The names of listed commands that end in the word: `table` is short for `suite table`.
std::vector<std::string> names_that_end_in(const std::string& word) {
  std::vector<std::string> names;
  for (const Command& command : commands())
    if (is_listed(command) && words_of_name(command).back() == word) names.emplace_back(command.name);
  return names;
}

}  // namespace

bool is_listed(const Command& command) { return command.purpose != Purpose::kScripts; }

const std::vector<Command>& commands() {
  using enum Purpose;
  static const std::vector<Command> kCommands = {
      {kData, "data synth", "render procedural people as image files", data_synth},
      {kData, "data ingest", "make a pack of HDF5 shards from raw images", data_ingest},
      {kData, "data verify", "check every byte of a pack", data_verify},
      {kData, "data show", "describe a pack; show a sample", data_show},
      {kData, "data split", "write split manifests of a pack, or replay a published one", data_split},
      {kData, "data export", "write a trial's images and lists for torchreid, fast-reid or as CSV", data_export},
      {kSuites, "suite plan", "work a suite out: its jobs and tables", suite_plan},
      {kSuites, "suite keys", "the settings of a suite: default, range and meaning of each", suite_keys},
      {kSuites, "suite run", "run the missing jobs of a suite, alone or under mpirun or srun", suite_run},
      {kSuites, "suite submit", "hand a suite to SLURM and walk away", suite_submit},
      {kSuites, "suite resume", "go on where it stopped: submit the rest again, or run it here", suite_resume},
      {kSuites, "suite cancel", "stop a run that is at work, or give up one job", suite_cancel},
      {kSuites, "suite drain", "start nothing more on a host", suite_drain},
      {kSuites, "suite rerun", "make trials of rows in several numeric classes anew", suite_rerun},
      {kSuites, "suite rename", "give a suite of the store another name; its history goes along", suite_rename},
      {kSuites, "suite compact", "pack the small files of finished jobs, for file systems that count files",
       suite_compact},
      {kSuites, "suite simulate", "run a suite by a virtual clock on an imagined machine", suite_simulate},
      {kJobs, "train", "run one training, without a coordinator", train},
      {kJobs, "repro", "run a job again, and tell the first step whose bits differ", repro},
      {kJobs, "explain", "explain the state of a job", explain},
      {kJobs, "logs", "show the standard error of a job: tracebacks, warnings; --follow", logs},
      {kJobs, "embed", "compute features of any images by a finished training", embed},
      {kJobs, "weights import", "put the trunk of a torchvision or timm ResNet into the store", weights_import},
      {kJobs, "weights export", "write the trunk of a training for others", weights_export},
      {kJobs, "weights list", "list the weights of a store", weights_list},
      {kJobs, "export onnx", "the embedding network of a training as an ONNX graph", export_onnx},
      {kResults, "suite status", "show jobs by state, running jobs, failures with their cause; --watch", suite_status},
      {kResults, "suite watch", "follow a run in the terminal, or serve the report's page over HTTP", suite_watch},
      {kResults, "suite list", "list the suites of a store: state, node-hours, disk", suite_list},
      {kResults, "suite log", "the journal of a suite's runs", suite_log},
      {kResults, "suite table", "the tables, as far as their numbers are there", suite_table},
      {kResults, "suite compare", "two suites beside one another: settings, numbers, differences", suite_compare},
      {kResults, "suite report", "one page of it all: tables, figures, galleries, timeline", suite_report},
      {kResults, "suite export", "the results as CSV or SQLite files", suite_export},
      {kResults, "suite bundle", "a suite with its results in one file: tables made again anywhere", suite_bundle},
      {kResults, "rank", "CMC and mAP of query and gallery features", rank},
      {kStores, "store check", "check every hash that a store keeps; name all damage at once", store_check},
      {kStores, "store gc", "find unneeded files of a store, and their size; --yes removes them", store_gc},
      {kStores, "store compact", "pack the small files of all suites' finished jobs", store_compact},
      {kMachine, "doctor", "check this machine: MPI, GPUs, SLURM, file system", doctor},
      {kMachine, "completion", "a script with which bash or zsh completes all this", completion},
      {kScripts, "suite allocation", "the program of a batch script; not for people", suite_allocation},
  };
  return kCommands;
}

std::optional<FoundCommand> find_command(const Arguments& arguments) {
  for (const Command& command : commands()) {
    const auto parts = words_of_name(command);
    if (parts.size() <= arguments.size() && std::equal(parts.begin(), parts.end(), arguments.begin()))
      return FoundCommand{&command, parts.size()};
  }
  return std::nullopt;
}

core::RuntimeError unknown_command(const Arguments& arguments) {
  const std::string& first = arguments.front();
  const bool group = is_group(first) && arguments.size() > 1;
  const std::string given = group ? first + " " + arguments[1] : first;
  std::vector<std::string> names{group ? first + " --help" : "--help"};
  if (!group) names.emplace_back("--version");
  for (const Command& command : commands())
    if (is_listed(command))
      if (const auto parts = words_of_name(command); !group || parts.front() == first)
        names.push_back(group ? command.name : parts.front());
  std::string hint = settings::did_you_mean(given, names);
  if (hint.empty())
    if (const auto longer = names_that_end_in(group ? arguments[1] : first); !longer.empty())
      hint = fmt::format("did you mean '{}'", fmt::join(longer, "' or '"));
  if (hint.empty()) hint = group ? fmt::format("see resolute {} --help", first) : "see resolute --help";
  return core::input_error(fmt::format("unknown command '{}'", given), {}, hint);
}

}  // namespace resolute::cli
