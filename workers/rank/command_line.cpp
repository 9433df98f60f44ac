#include "workers/rank/command_line.h"

#include <fmt/format.h>

#include <boost/program_options/parsers.hpp>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string_view>

#include "core/error.h"
#include "core/process/secret.h"

namespace resolute::workers {
namespace {

namespace po = boost::program_options;

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

// Read with its sign: as an unsigned number "-1" would be 2^64 - 1.
std::int64_t number(const po::variables_map& values, const char* option, std::int64_t smallest, std::int64_t largest,
                    std::string_view why) {
  const auto value = values[option].as<std::int64_t>();
  if (value < smallest || value > largest) throw core::input_error(fmt::format("--{} {}", option, value), why);
  return value;
}

std::optional<TraceRequest> trace_request(const po::variables_map& values, int process_rank) {
  const bool file = values.count("trace") != 0;
  const bool nvtx = values["nvtx"].as<bool>();
  const bool steps = values.count("steps") != 0;
  if (!file && !nvtx && !steps) return std::nullopt;
  if (file == nvtx || !steps)
    throw core::input_error("--steps goes with either --trace or --nvtx", {}, "see resolute-worker --help");
  TraceRequest request;
  if (file) request.file = trace_file(values["trace"].as<std::string>(), process_rank);
  read_steps(values["steps"].as<std::string>(), request);
  return request;
}

}  // namespace

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
      "follow-links", po::bool_switch(), "read raw images behind symbolic links, which are refused otherwise")(
      "checkpoint-every", po::value<std::int64_t>()->default_value(0),
      "steps between checkpoints; 0: a minute or more, so that they take 1 % of the time at most")(
      "evaluate-every", po::value<std::int64_t>()->default_value(0), "epochs between evaluations; 0: none")(
      "recompute", po::bool_switch(), "run the forward pass again for each phase: less memory, the same bits")(
      "keep-state", po::bool_switch(), "a training's last checkpoint stays, for one that goes on from it")(
      "go-on-from", po::value<std::string>()->default_value(""),
      "id of a training that this one is with more steps: where its last checkpoint is there, the training goes on "
      "from "
      "it, with the bits of one that was never cut")(
      "through-host", po::bool_switch(),
      "exchange gradients of GPUs through the host's memory: without NCCL, slower, the same bits")(
      "fused-norm", po::bool_switch(),
      "a training's batch norms, the sums behind them and the rectifiers in one pass: on a GPU, other bits")(
      "trace", po::value<std::string>(), "a training's file for a Chrome trace of --steps")(
      "nvtx", po::bool_switch(), "name the operations of --steps for NVIDIA's Nsight Systems")(
      "steps", po::value<std::string>(), "FIRST..LAST, the steps that --trace or --nvtx shows")(
      "progress-fd", po::value<int>()->default_value(-1), "descriptor for progress lines");
  return options;
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
  options.follow_links = values["follow-links"].as<bool>();
  options.checkpoint_every = static_cast<std::uint64_t>(
      number(values, "checkpoint-every", 0, kUnlimited, "a number of steps, 0 for a minute or more"));
  options.evaluate_every =
      static_cast<std::uint64_t>(number(values, "evaluate-every", 0, kUnlimited, "a number of epochs, 0 for never"));
  options.keep_graphs = !values["recompute"].as<bool>();
  options.keep_state = values["keep-state"].as<bool>();
  options.go_on_from = values["go-on-from"].as<std::string>();
  options.through_host = values["through-host"].as<bool>();
  options.fused_norm = values["fused-norm"].as<bool>();
  options.trace = trace_request(values, options.process_rank);
  options.progress_descriptor = values["progress-fd"].as<int>();
  return options;
}

}  // namespace resolute::workers
