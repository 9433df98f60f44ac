//! \file
//! resolute-worker: runs one process rank of one job (docs/worker.md).

#include <boost/program_options.hpp>
#include <charconv>
#include <cstdio>
#include <exception>
#include <iostream>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/log.h"
#include "core/process/process.h"
#include "core/process/secret.h"
#include "workers/device/allocator.h"
#include "workers/device/numeric_class.h"
#include "workers/jobs/embedding_job.h"
#include "workers/jobs/job.h"
#include "workers/jobs/onnx_command.h"
#include "workers/jobs/split_command.h"
#include "workers/jobs/weights_command.h"
#include "workers/training/stop_flag.h"

namespace resolute::workers {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kUsage =
    "Usage: resolute-worker run --store STORE --job ID [options]\n"
    "       resolute-worker split --store STORE --job ID --out FOLDER    (writes its trial's split-SEED.json there)\n"
    "       resolute-worker embed --store STORE --job TRAINING --list LIST --root DIR --out FILE [options]\n"
    "                                          (features of a list's images; started by resolute embed)\n"
    "       resolute-worker describe [cuda]    (the numeric class of this machine and build, as JSON)\n"
    "       resolute-worker onnx …        (started by resolute export onnx)\n"
    "       resolute-worker weights …     (started by resolute weights)\n";

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLongestWait = 7 * 24 * 3600;
constexpr std::string_view kWaitRange = "a wait lasts from 1 second to a week";
constexpr std::int64_t kMostThreads = 1024;
constexpr std::string_view kThreadRange = "a rank has from 1 to 1024 threads";

Rendezvous parse_rendezvous(const std::string& text) {
  const auto colon = text.rfind(':');
  Rendezvous rendezvous;
  unsigned port = 0;
  if (colon != std::string::npos) {
    rendezvous.host = text.substr(0, colon);
    const std::string digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size()) port = 0;
  }
  if (rendezvous.host.size() > 2 && rendezvous.host.front() == '[' && rendezvous.host.back() == ']')
    rendezvous.host = rendezvous.host.substr(1, rendezvous.host.size() - 2);
  if (rendezvous.host.empty() || port == 0 || port > 65535)
    throw core::input_error(fmt::format("--rendezvous '{}' is no HOST:PORT", text));
  rendezvous.port = static_cast<std::uint16_t>(port);
  return rendezvous;
}

po::options_description run_options() {
  po::options_description options("Options of run");
  options.add_options()("store", po::value<std::string>(), "the store's folder")(
      "job", po::value<std::string>(), "the job's id; its spec.json stands in the store")(
      "attempt", po::value<int>()->default_value(1), "number of this try, from 1: names the folder of its metrics")(
      "process-rank", po::value<int>()->default_value(0), "this process's number")(
      "process-ranks", po::value<int>()->default_value(1), "number of processes of the job; divides its lanes")(
      "rendezvous", po::value<std::string>(), "HOST:PORT where the process ranks meet")(
      "secret-fd", po::value<int>()->default_value(-1), "descriptor of what only ranks of this attempt know")(
      "rendezvous-fd", po::value<int>()->default_value(-1),
      "process rank 0: a socket that listens at HOST:PORT already")(
      "rendezvous-timeout", po::value<std::int64_t>()->default_value(60), "seconds until all process ranks have met")(
      "exchange-timeout", po::value<std::int64_t>()->default_value(300),
      "seconds that an exchange waits for the slowest process rank")(
      "threads", po::value<std::int64_t>()->default_value(1), "threads of this rank; another number gives other bits")(
      "raw-root", po::value<std::string>()->default_value(""), "folder of raw images, for a shard")(
      "checkpoint-every", po::value<std::int64_t>()->default_value(100), "steps between checkpoints")(
      "evaluate-every", po::value<std::int64_t>()->default_value(0), "epochs between evaluations; 0: none")(
      "recompute", po::bool_switch(), "run the forward pass again for each phase: less memory, the same bits")(
      "progress-fd", po::value<int>()->default_value(-1), "descriptor for progress lines");
  return options;
}

po::options_description embed_options() {
  po::options_description options("Options of embed, beside those of run");
  options.add_options()("list", po::value<std::string>(), "images in the format of images.csv")(
      "root", po::value<std::string>(), "where the list's paths lead from")(
      "out", po::value<std::string>(), "features.h5 to write")("without-cameras", po::bool_switch(),
                                                               "those of the list mean nothing")(
      "flip", po::bool_switch(), "means over each image and its mirror image");
  return options;
}

// Read with its sign: as an unsigned number "-1" would be 2^64 - 1.
std::int64_t number(const po::variables_map& values, const char* option, std::int64_t smallest, std::int64_t largest,
                    std::string_view why) {
  const auto value = values[option].as<std::int64_t>();
  if (value < smallest || value > largest) throw core::input_error(fmt::format("--{} {}", option, value), why);
  return value;
}

po::variables_map parse(const std::vector<std::string>& arguments, const po::options_description& known,
                        std::initializer_list<const char*> required) {
  po::variables_map values;
  try {
    const auto style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(arguments).options(known).positional({}).style(style).run(), values);
    po::notify(values);
  } catch (const po::error& error) {
    throw core::input_error(error.what(), {}, "see resolute-worker --help");
  }
  for (const char* needed : required)
    if (values.count(needed) == 0)
      throw core::input_error(fmt::format("--{} is missing", needed), {}, "see resolute-worker --help");
  return values;
}

JobOptions job_options(const po::variables_map& values) {
  JobOptions options;
  options.store = values["store"].as<std::string>();
  options.job = values["job"].as<std::string>();
  options.attempt = values["attempt"].as<int>();
  options.process_rank = values["process-rank"].as<int>();
  options.process_ranks = values["process-ranks"].as<int>();
  if (values.count("rendezvous") != 0) {
    options.rendezvous = parse_rendezvous(values["rendezvous"].as<std::string>());
    options.rendezvous->listen_descriptor = values["rendezvous-fd"].as<int>();
    const int secret = values["secret-fd"].as<int>();
    if (secret < 0)
      throw core::input_error("--secret-fd is missing", "ranks that meet prove that they are the attempt's");
    options.rendezvous->secret = core::read_secret(secret);
    options.rendezvous->connect_limit =
        std::chrono::seconds(number(values, "rendezvous-timeout", 1, kLongestWait, kWaitRange));
    options.rendezvous->collective_limit =
        std::chrono::seconds(number(values, "exchange-timeout", 1, kLongestWait, kWaitRange));
  }
  options.threads = static_cast<int>(number(values, "threads", 1, kMostThreads, kThreadRange));
  options.raw_root = values["raw-root"].as<std::string>();
  options.checkpoint_every =
      static_cast<std::uint64_t>(number(values, "checkpoint-every", 1, kUnlimited, "at least 1 step is needed"));
  options.evaluate_every =
      static_cast<std::uint64_t>(number(values, "evaluate-every", 0, kUnlimited, "a number of epochs, 0 for never"));
  options.keep_graphs = !values["recompute"].as<bool>();
  options.progress_descriptor = values["progress-fd"].as<int>();
  return options;
}

EmbeddingRequest parse_embed(const std::vector<std::string>& arguments) {
  po::options_description known = run_options();
  known.add(embed_options());
  const po::variables_map values = parse(arguments, known, {"store", "job", "list", "root", "out"});
  const auto text = [&](const char* option) { return values[option].as<std::string>(); };
  return {job_options(values),      text("list"), text("root"), text("out"), !values["without-cameras"].as<bool>(),
          values["flip"].as<bool>()};
}

// What a rank of a gang is, before it reads or computes anything.
void enter(const JobOptions& options) {
  core::set_up_log(fmt::format("resolute-worker[{}]", options.process_rank));
  keep_freed_memory();
  install_stop_signals();
  enter_numeric_class(options.threads);
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

void run(const std::vector<std::string>& arguments) {
  const std::string command = arguments.empty() ? "" : arguments.front();
  const std::vector<std::string> own(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  if (command == "--help" || command == "-h" || command == "help") {
    std::cout << kUsage << '\n' << run_options() << '\n' << embed_options();
  } else if (command == "describe" && arguments.size() <= 2) {
    enter_numeric_class();
    const std::unique_ptr<Device> device = open_device(arguments.size() == 2 ? arguments[1] : "cpu", 0);
    std::cout << core::canonical_json(describe_numeric_class(*device)) << '\n';
  } else if (command == "onnx") {
    run_onnx_command(core::real_file_system(), own);
  } else if (command == "weights") {
    run_weights_command(core::real_file_system(), own);
  } else if (command == "split") {
    write_split(own);
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

int report(std::string_view message, core::ErrorKind kind) {
  // The last line on stderr: what the coordinator shows as the evidence of a failure.
  std::cerr << "resolute-worker: " << message << std::endl;
  return core::exit_code(kind);
}

int guarded_run(const std::vector<std::string>& arguments) {
  try {
    run(arguments);
    return 0;
  } catch (const core::RuntimeError& error) {
    return report(error.what(), error.kind());
  } catch (const std::bad_alloc&) {
    return report("out of memory", core::ErrorKind::kEnvironment);
  } catch (const core::ContractError& error) {
    return report(fmt::format("internal error ({})", error.what()), core::ErrorKind::kEnvironment);
  } catch (const std::exception& error) {
    // libtorch's texts carry a stack after the first line.
    const std::string_view text = error.what();
    return report(fmt::format("unexpected failure ({})", text.substr(0, text.find('\n'))),
                  core::ErrorKind::kEnvironment);
  }
}

}  // namespace
}  // namespace resolute::workers

int main(int argc, char** argv) {
  resolute::core::set_up_process();
  resolute::core::leave_process(resolute::workers::guarded_run({argv + 1, argv + argc}));
}
