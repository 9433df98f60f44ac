// `resolute train`: one training without a coordinator. Starts the worker's process ranks and waits for them; the
// worker itself resumes from its checkpoints and publishes the result (docs/worker.md).

#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <iostream>
#include <thread>

#include "cli/command.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/file_system.h"
#include "core/json.h"
#include "core/log.h"
#include "core/process.h"
#include "core/progress.h"
#include "experiments/specification.h"
#include "experiments/store_layout.h"

namespace resolute::cli {

namespace options = boost::program_options;
using experiments::JobId;
using experiments::StoreLayout;
using experiments::TrainingSpecification;

namespace {

constexpr CommandHelp kHelp{"resolute train SPEC.json --store STORE [--ranks W] [--device cpu|cuda]",
                            "Runs one training from its specification (docs/formats/specification.md), going on from "
                            "its last checkpoint if there is\n"
                            "one. The pack must be in the store. W process ranks give the same bits as one; W divides "
                            "the specification's lanes.",
                            "  resolute train spec.json --store store --ranks 2\n"};

volatile sig_atomic_t stop_requested = 0;

void request_stop(int) { stop_requested = 1; }

struct Rendezvous {
  core::FileDescriptor listener;
  int port = 0;
};

// A listening socket on a free port of the loopback; process rank 0 serves the store of the process group on it.
Rendezvous bind_loopback() {
  Rendezvous made;
  made.listener = core::FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (!made.listener.valid() || ::bind(made.listener.get(), raw, length) != 0 ||
      ::listen(made.listener.get(), 64) != 0 || ::getsockname(made.listener.get(), raw, &length) != 0)
    throw core::system_error("cannot listen on the loopback", errno);
  made.port = ntohs(address.sin_port);
  return made;
}

// The next free attempt folder: what an earlier try logged stays.
int next_attempt(const StoreLayout& store, const JobId& job) {
  int attempt = 1;
  while (core::real_file_system().exists(store.attempt_folder(job, attempt))) ++attempt;
  return attempt;
}

std::vector<pid_t> start_ranks(const std::string& worker, const std::filesystem::path& store, const JobId& job,
                               int ranks, int attempt, int progress_descriptor) {
  Rendezvous rendezvous;
  if (ranks > 1) rendezvous = bind_loopback();
  auto environment = core::current_environment();
  environment["OMP_NUM_THREADS"] = "1";
  environment["MKL_NUM_THREADS"] = "1";
  std::vector<pid_t> children;
  for (int process_rank = 0; process_rank < ranks; ++process_rank) {
    core::SpawnRequest request;
    request.arguments = {worker,
                         "run",
                         "--store",
                         store.string(),
                         "--job",
                         job.hex,
                         "--attempt",
                         std::to_string(attempt),
                         "--process-rank",
                         std::to_string(process_rank),
                         "--process-ranks",
                         std::to_string(ranks)};
    auto add = [&](std::initializer_list<std::string> more) {
      request.arguments.insert(request.arguments.end(), more.begin(), more.end());
    };
    if (ranks > 1) add({"--rendezvous", fmt::format("127.0.0.1:{}", rendezvous.port), "--store-prefix", job.hex});
    if (ranks > 1 && process_rank == 0) {
      add({"--rendezvous-fd", "4"});
      request.descriptors[4] = rendezvous.listener.get();
    }
    if (process_rank == 0) {
      add({"--progress-fd", "3"});
      request.descriptors[3] = progress_descriptor;
    }
    request.descriptors[1] = STDERR_FILENO;
    request.descriptors[2] = STDERR_FILENO;
    request.environment = environment;
    children.push_back(core::spawn_process(request));
  }
  return children;
}

// Draws the worker's progress lines until the pipe closes.
void follow_progress(int descriptor, std::uint64_t steps) {
  core::Progress progress("training", steps);
  std::string pending;
  std::array<char, 4096> buffer;
  while (true) {
    ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    pending.append(buffer.data(), static_cast<std::size_t>(count));
    for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      auto line = core::Json::parse(pending.substr(0, end), nullptr, false);
      pending.erase(0, end + 1);
      if (line.is_object() && line.contains("step") && line["step"].is_number_unsigned())
        progress.update(line["step"].get<std::uint64_t>());
    }
  }
}

// Waits for every rank; the first that fails takes the others down. \return the exit code of the whole
int wait_for_ranks(std::vector<pid_t> children) {
  int code = 0;
  bool told_to_stop = false;
  while (!children.empty()) {
    if (stop_requested != 0 && !told_to_stop) {
      told_to_stop = true;
      for (pid_t child : children) ::kill(child, SIGTERM);
    }
    int word = 0;
    pid_t ended = ::waitpid(-1, &word, WNOHANG);
    if (ended < 0 && errno != EINTR) throw core::system_error("cannot wait for the worker", errno);
    if (ended <= 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      continue;
    }
    std::erase(children, ended);
    core::ExitStatus status = core::to_exit_status(word);
    const auto* exited = std::get_if<core::Exited>(&status);
    int one = exited != nullptr ? exited->code : 1;
    if (exited == nullptr) core::log_error("process {} of the training was {}", ended, core::describe(status));
    // A failure tells more than an interruption. Ranks that were told to stop end together by themselves; after a
    // failure the others would wait for the dead one.
    if (one != 0 && (code == 0 || code == 75)) code = one;
    if (one != 0 && one != 75)
      for (pid_t child : children) ::kill(-child, SIGKILL);
  }
  return code;
}

}  // namespace

int train(const Arguments& arguments) {
  int ranks = 1;
  options::options_description visible;
  auto add = visible.add_options();
  add("store", options::value<std::string>(), "folder of packs, jobs and suites (required)");
  add("ranks", options::value(&ranks)->default_value(1), "process ranks W");
  add("device", options::value<std::string>(), "must be the specification's device: it is part of what is trained");
  add("json", "print result.json on stdout");
  add("help,h", "this text");
  auto values = parse_options(arguments, kHelp, visible, {"SPEC.json"});
  if (!values) return 0;
  auto& files = core::real_file_system();
  std::string path = (*values)["SPEC.json"].as<std::string>();
  auto specification = experiments::specification_from_json(core::parse_json(core::read_text(files, path), path), path);
  experiments::validate(specification, path);
  const auto* training = std::get_if<TrainingSpecification>(&specification);
  if (training == nullptr)
    throw core::input_error(path + ": this is a specification of a " + experiments::kind_name(specification),
                            "train takes a training");
  if (values->count("device") > 0 && (*values)["device"].as<std::string>() != training->device)
    throw core::input_error(path + ": key 'device' has the value '" + training->device + "'",
                            "--device " + (*values)["device"].as<std::string>() + " asks for another",
                            "change the specification: a device is part of what is trained");
  if (ranks < 1 || training->lanes % ranks != 0)
    throw core::input_error(fmt::format("--ranks {} does not divide {} lanes", ranks, training->lanes),
                            "every process rank runs the same number of lanes");
  StoreLayout store(required_value(*values, "store"));
  require_writable_store(store.root());
  const std::string worker = worker_program();
  JobId job = experiments::job_id(specification);
  core::write_atomic(files, store.specification_file(job),
                     core::canonical_json(experiments::to_json(specification)) + "\n");
  if (!files.exists(store.result_file(job))) {
    struct sigaction action {};
    action.sa_handler = request_stop;
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
    int attempt = next_attempt(store, job);
    files.create_directories(store.attempt_folder(job, attempt));
    core::Pipe progress = core::make_pipe();
    auto children = start_ranks(worker, store.root(), job, ranks, attempt, progress.write_end.get());
    progress.write_end.reset();
    std::jthread follower(follow_progress, progress.read_end.get(), static_cast<std::uint64_t>(training->recipe.steps));
    int code = wait_for_ranks(std::move(children));
    follower.join();
    // The store is the truth: a rank may fail after the result was published.
    if (code != 0 && !files.exists(store.result_file(job))) return code;
  }
  std::string result = core::read_text(files, store.result_file(job));
  if (values->count("json") > 0)
    std::cout << result;
  else
    std::cout << fmt::format("{}  {}\n", job.hex,
                             core::parse_json(result, store.result_file(job).string()).value("weights_sha256", ""));
  return 0;
}

}  // namespace resolute::cli
