//! \file
//! resolute-torch: all that resolute-worker is asked for and needs libtorch for (docs/inside/worker.md).
//! resolute-worker becomes it.

#include <boost/program_options.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/numbers.h"
#include "core/process/process.h"
#include "workers/device/allocator.h"
#include "workers/device/numeric_class.h"
#include "workers/jobs/commands.h"
#include "workers/jobs/job.h"
#include "workers/rank/command_line.h"
#include "workers/rank/rank_process.h"

namespace resolute::workers {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kUsage =
    "Usage: resolute-worker run --store STORE --job ID [options]\n"
    "       resolute-worker split --store STORE --job ID --out FOLDER    (writes its trial's split-SEED.json there)\n"
    "       resolute-worker embed --store STORE --job TRAINING --list LIST --root DIR --out FILE [options]\n"
    "                                          (features of a list's images; started by resolute embed)\n"
    "       resolute-worker describe [cuda]    (the numeric class of this machine and build, as JSON)\n"
    "       resolute-worker burn-in cpu|cuda SECONDS    (the same training again and again; started by --burn-in)\n"
    "       resolute-worker onnx …        (started by resolute export onnx)\n"
    "       resolute-worker weights …     (started by resolute weights)\n";

po::options_description embed_options() {
  po::options_description options("Options of embed, beside those of run");
  options.add_options()("list", po::value<std::string>(), "images in the format of images.csv")(
      "root", po::value<std::string>(), "where the list's paths lead from")(
      "out", po::value<std::string>(), "features.h5 to write")("without-cameras", po::bool_switch(),
                                                               "those of the list mean nothing")(
      "flip", po::bool_switch(), "means over each image and its mirror image")(
      "fill-truncated", po::bool_switch(), "JPEGs whose data end early are filled, not refused");
  return options;
}

EmbeddingRequest parse_embed(const std::vector<std::string>& arguments) {
  po::options_description known = run_options();
  known.add(embed_options());
  const po::variables_map values = parse(arguments, known, {"store", "job", "list", "root", "out"});
  const auto text = [&](const char* option) { return values[option].as<std::string>(); };
  return {job_options(values),
          text("list"),
          text("root"),
          text("out"),
          !values["without-cameras"].as<bool>(),
          values["flip"].as<bool>(),
          values["fill-truncated"].as<bool>()};
}

// The place of a rank in its gang, before it reads or computes anything.
void enter(const JobOptions& options) {
  begin_rank(options);
  keep_freed_memory();
  enter_numeric_class(options.threads);
}

void run(const std::vector<std::string>& arguments) {
  const std::string command = arguments.empty() ? "" : arguments.front();
  const std::vector<std::string> own(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  if (command == "--help" || command == "-h" || command == "help") {
    std::cout << kUsage << '\n' << run_options() << '\n' << embed_options();
  } else if (command == "describe" && arguments.size() <= 2) {
    enter_numeric_class();
    const std::unique_ptr<Device> device = open_device(arguments.size() == 2 ? arguments[1] : "cpu", 0);
    std::cout << core::canonical_json(describe_numeric_class(*device)) << '\n';
  } else if (command == "burn-in" && own.size() == 2) {
    const auto seconds = core::number_of<int>(own[1]);
    if (!seconds || *seconds < 0 || *seconds > 3600)
      throw core::input_error(fmt::format("burn-in for '{}' s", own[1]), "it takes 0 to 3600 s");
    keep_freed_memory();
    enter_numeric_class();
    const std::unique_ptr<Device> device = open_device(own[0], 0);
    std::cout << core::canonical_json(burn_in(*device, std::chrono::seconds(*seconds))) << '\n';
  } else if (command == "onnx") {
    run_onnx_command(core::real_file_system(), own);
  } else if (command == "weights") {
    run_weights_command(core::real_file_system(), own);
  } else if (command == "run") {
    const JobOptions options = job_options(parse(own, run_options(), {"store", "job"}));
    enter(options);
    run_job(core::real_file_system(), options);
  } else if (command == "embed") {
    const EmbeddingRequest request = parse_embed(own);
    enter(request.ranks);
    run_embedding(core::real_file_system(), request);
  } else {
    throw core::input_error(command.empty() ? std::string("no command") : fmt::format("unknown command '{}'", command),
                            {}, "see resolute-worker --help");
  }
}

}  // namespace
}  // namespace resolute::workers

int main(int argc, char** argv) {
  resolute::core::set_up_process();
  resolute::core::leave_process(resolute::workers::run_to_last_line([&] {
    resolute::workers::run({argv + 1, argv + argc});
  }));
}
