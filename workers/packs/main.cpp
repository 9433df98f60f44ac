//! \file
//! resolute-worker: runs one process rank of one job (docs/inside/worker.md). It builds packs and writes splits itself;
//! for all else it becomes resolute-torch, which stands beside it: a process that loads libtorch computes for 0.2 s
//! before it does anything.

#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "core/process/process.h"
#include "core/split.h"
#include "datasets/pack/pack.h"
#include "datasets/split/split.h"
#include "experiments/store/job_folder.h"
#include "workers/packs/pack_job.h"
#include "workers/rank/command_line.h"
#include "workers/rank/job_options.h"
#include "workers/rank/rank_process.h"

namespace resolute::workers {
namespace {

namespace po = boost::program_options;

// Writes `split-SEED.json` (docs/inside/formats/manifest.md) into `folder`: of a training or an evaluation, whose pack
// is in the store, with the evaluation's own query rates where it asks for others, and as many gallery draws as it
// compares (a training: none). \return the file \throws RuntimeError: kInput if there is no such job, it has no split,
// or its pack is not there; kCorrupt if that is damaged
std::filesystem::path export_split_of_job(core::FileSystem& files, const experiments::StoreLayout& store,
                                          const experiments::JobId& job, const std::filesystem::path& folder) {
  const experiments::JobSpecification specification = read_specification(files, store, job);
  const auto write = [&](const experiments::PackSettings& pack, const datasets::SplitSettings& settings, int draws) {
    const auto reader = datasets::PackReader::open(files, store.pack_folder(pack));
    return datasets::export_split(files, folder, datasets::make_split(reader, settings), draws);
  };
  if (const auto* training = std::get_if<experiments::TrainingSpecification>(&specification))
    return write(training->pack, training->split, 0);
  if (const auto* evaluation = std::get_if<experiments::EvaluationSpecification>(&specification)) {
    datasets::SplitSettings settings = evaluation->split;
    if (!evaluation->protocol.query_rates.empty()) settings.query_rates = evaluation->protocol.query_rates;
    return write(evaluation->pack, settings, evaluation->protocol.draws);
  }
  throw core::input_error(fmt::format("job '{}' is of kind {}", job.hex, experiments::kind_name(specification)),
                          "only trainings and evaluations have a split");
}

void write_split(const std::vector<std::string>& arguments) {
  po::options_description known("Options of split");
  known.add_options()("store", po::value<std::string>())("job", po::value<std::string>())("out",
                                                                                          po::value<std::string>());
  const po::variables_map values = parse(arguments, known, {"store", "job", "out"});
  const auto text = [&](const char* option) { return values[option].as<std::string>(); };
  std::cout << export_split_of_job(core::real_file_system(), experiments::StoreLayout(text("store")), {text("job")},
                                   text("out"))
                   .string()
            << '\n';
}

// Reads nothing that can be read only once. \return nothing if the job is not there, which is resolute-torch's to
// refuse
std::optional<experiments::JobSpecification> read_specification(const po::variables_map& values) {
  const experiments::JobId job{values["job"].as<std::string>()};
  if (!core::is_sha256_hex(job.hex)) return std::nullopt;
  const experiments::StoreLayout store(values["store"].as<std::string>());
  return experiments::read_stored_specification(core::real_file_system(), store, job);
}

// The dynamic loader would end the process with exit code 127 and words of its own. It is asked before: that takes 3
// ms.
void require_libraries(const std::filesystem::path& program) {
  core::SpawnRequest trace{{program.string()}, core::current_environment()};
  trace.environment["LD_TRACE_LOADED_OBJECTS"] = "1";
  constexpr std::string_view kMissing = " => not found";
  std::string names;
  for (std::string_view line : core::split(core::run_command(std::move(trace), std::chrono::minutes(1)).out, '\n'))
    if (line.ends_with(kMissing))
      names += (names.empty() ? "" : ", ") + std::string(line.substr(1, line.size() - 1 - kMissing.size()));
  if (names.empty()) return;
  const bool is_torch = names.find("libtorch") != std::string::npos;
  throw core::input_error(is_torch ? "libtorch is not found" : "the worker's libraries are not found", names,
                          is_torch ? "pip install \"resolute[native]\" where a wheel brought the worker, else install "
                                     "the package anew"
                                   : "load their module, or install the package anew");
}

// The process, its descriptors and its arguments stay what they are; /proc and `ps` name the worker as it was started.
[[noreturn]] void become_torch(char** arguments) {
  const std::filesystem::path program = core::own_program().parent_path() / "resolute-torch";
  if (core::is_executable(program)) require_libraries(program);
  core::undo_set_up();
  ::execv(program.c_str(), arguments);
  throw core::system_error("cannot start '" + program.string() + "'", errno, "install it beside resolute-worker");
}

void run(int count, char** arguments) {
  const std::string command = count > 1 ? arguments[1] : "";
  const std::vector<std::string> own(arguments + std::min(count, 2), arguments + count);
  if (command == "split") return write_split(own);
  if (command != "run") become_torch(arguments);
  const po::variables_map values = parse(own, run_options(), {"store", "job"});
  const auto specification = read_specification(values);
  if (!specification || !builds_pack(*specification)) become_torch(arguments);
  const JobOptions options = job_options(values);
  begin_rank(options);
  run_pack_job(core::real_file_system(), options, *specification);
}

}  // namespace
}  // namespace resolute::workers

int main(int argc, char** argv) {
  resolute::core::set_up_process();
  resolute::core::leave_process(resolute::workers::run_to_last_line([&] { resolute::workers::run(argc, argv); }));
}
