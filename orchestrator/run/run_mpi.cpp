#include <signal.h>

#include <exception>
#include <future>
#include <memory>
#include <numeric>
#include <thread>
#include <variant>

#include "core/log.h"
#include "core/process/process.h"
#include "orchestrator/agent/agent.h"
#include "orchestrator/run/run.h"
#include "orchestrator/run/run_checks.h"
#include "orchestrator/transport/in_process.h"
#include "orchestrator/transport/mpi.h"

namespace resolute::orchestrator {
namespace {

constexpr auto kFlushLimit = std::chrono::milliseconds(2000);

// Another node may be the only one without the library.
std::unique_ptr<MpiTransport> start_transport(int rank) {
  try {
    return MpiTransport::start();
  } catch (const core::RuntimeError& error) {
    if (rank != 0) throw error.at(core::host_name());
    throw;
  }
}

// The place of the agent in an MPI rank. If the coordinator's process has one too, no other of its host counts: there
// is none, but in tests.
AgentPlace place_of(const HostShare& share, bool coordinator) {
  AgentPlace place;
  place.launched = true;
  place.several_hosts = !share.one_host;
  if (coordinator) return place;
  const int before = share.with_coordinator ? 1 : 0;
  std::vector<std::uint64_t> processors;
  std::vector<std::uint64_t> gpus;
  for (auto given = share.given.begin() + before; given != share.given.end(); ++given) {
    processors.push_back(given->processors);
    gpus.push_back(given->gpus);
  }
  const auto self = static_cast<std::size_t>(share.index - before);
  place.cores = portion_among_equals(processors, self);
  place.gpus = portion_among_equals(gpus, self);
  place.agents = static_cast<int>(processors.size());
  return place;
}

// The worker describes the machine and burns it in, which takes its time: the run may be over before.
std::variant<AgentOptions, Shutdown> options_unless_over(MpiTransport& transport, const RunOptions& options) {
  auto made = std::make_shared<std::promise<AgentOptions>>();
  std::future<AgentOptions> ready = made->get_future();
  std::thread([made, options, place = place_of(transport.host_share(), false)] {
    try {
      made->set_value(agent_options(options, place));
    } catch (...) {
      made->set_exception(std::current_exception());
    }
  }).detach();
  while (ready.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready)
    while (auto delivery = transport.receive()) try {
        const Message message = decode(delivery->bytes);
        if (const auto* over = std::get_if<Shutdown>(&message)) return *over;
      } catch (const core::RuntimeError& error) {
        core::log_warning("a message of the coordinator was refused: {}", error.what());
      }
  return ready.get();
}

[[noreturn]] void run_agent(MpiTransport& transport, Spawner spawner, const RunOptions& options) {
  // The coordinator decides when ranks stop; a launcher's signal to the whole job must not take their checkpoints.
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) ::signal(number, SIG_IGN);
  const core::Clock& clock = core::monotonic_clock();
  bool orderly = false;
  bool coordinator_lost = false;
  int exit_code = 1;
  try {
    auto begin = options_unless_over(transport, options);
    if (const auto* over = std::get_if<Shutdown>(&begin)) {
      orderly = over->orderly;
      exit_code = over->exit_code;
    } else {
      Agent agent(transport, spawner, clock, std::get<AgentOptions>(std::move(begin)));
      IdleWait idle(clock);
      while (!agent.finished()) {
        if (agent.step())
          idle.active();
        else
          idle.wait(spawner.descriptor());
      }
      orderly = agent.orderly();
      coordinator_lost = agent.coordinator_lost();
      exit_code = agent.exit_code();
    }
  } catch (const std::exception& error) {
    core::log_error("the agent ends: {}", error.what());
  }
  transport.flush(kFlushLimit);
  { Spawner ended = std::move(spawner); }
  if (coordinator_lost && options.on_coordinator_lost)
    options.on_coordinator_lost(transport.self() - 1, transport.size() - 1);
  leave_mpi(orderly, exit_code);
}

using Report = std::function<int(const RunOutcome*, const std::exception*)>;

void release(Transport& transport, const std::vector<Address>& agents, bool orderly) {
  for (Address address : agents) transport.send(address, encode(Shutdown{orderly, 0}));
  transport.flush(kFlushLimit);
}

// Does the work on a thread of its own, while this one, which alone calls MPI, tells the agents that the coordinator
// lives: images may take minutes to render and tables to write, and an agent ends itself when it hears nothing.
// Whatever the store does to the work, this thread does not fall silent: that none of it stalls is the truth for
// agents.
template <class Work>
std::invoke_result_t<Work> while_heard(Transport& transport, const std::vector<Address>& agents,
                                       std::chrono::milliseconds interval, Work work) {
  auto result = std::async(std::launch::async, std::move(work));
  while (result.wait_for(interval) != std::future_status::ready) {
    try {
      for (Address address : agents) transport.send(address, encode(HeartbeatAnswer{}));
      transport.flush(std::chrono::milliseconds(0));
    } catch (const core::RuntimeError&) {
      // An agent has gone; the work needs none, and the coordinator notices.
    }
  }
  return result.get();
}

// The coordinator and, where its host has no agent of its own, one beside it in this process. Returns the exit code;
// the agents have been told to leave then. They are kept until the outcome is reported: the first to leave waits for
// the last. \param addresses of the agents in other processes
int coordinate(std::unique_ptr<MpiTransport> mpi, std::vector<Address> addresses, std::optional<Spawner>& spawner,
               experiments::Plan plan, RunOptions options, const Report& report, bool& orderly) {
  core::FileSystem& files = core::real_file_system();
  const core::Clock& clock = core::monotonic_clock();
  StopSignals signals;
  const HostShare share = mpi->host_share();
  const bool with_agent = share.given.size() == 1 || options.coordinator_serves;
  std::unique_ptr<Transport> transport;
  std::unique_ptr<Transport> agent_end;
  if (with_agent) {
    auto hub = InProcessHub::create(2);
    agent_end = hub->endpoint(1);
    addresses.push_back(mpi->size());
    transport = std::make_unique<JoinedTransport>(std::move(mpi), hub->endpoint(0));
  } else {
    transport = std::move(mpi);
    spawner.reset();
  }
  std::optional<Agent> agent;
  if (with_agent) {
    // Its burn-in may take a while.
    AgentOptions local = while_heard(*transport, addresses, options.heartbeat,
                                     [&] { return agent_options(options, place_of(share, true)); });
    local.coordinator_limit = std::chrono::hours(24 * 365);
    agent.emplace(*agent_end, *spawner, clock, local);
  }
  try {
    std::optional<Coordinator> made;
    for (;;) {
      // A predecessor that may live is watched for a while, and a long journal takes time to read.
      while_heard(*transport, addresses, options.heartbeat, [&] {
        made.emplace(files, clock, *transport, plan, options, addresses);
        if (options.begun) options.begun();
      });
      Coordinator& coordinator = *made;
      IdleWait idle(clock);
      while (!coordinator.finished()) {
        pass_on_signals(signals, options, coordinator);
        bool busy = agent && agent->step();
        busy = coordinator.step() || busy;
        if (busy)
          idle.active();
        else
          idle.wait(coordinator.descriptor(), spawner ? spawner->descriptor() : -1);
      }
      orderly = coordinator.orderly();
      const RunOutcome outcome = coordinator.outcome();
      auto next =
          while_heard(*transport, addresses, options.heartbeat, [&] { return next_plan(outcome, options, &signals); });
      std::optional<int> exit_code;
      if (!next)
        exit_code = while_heard(*transport, addresses, options.heartbeat, [&] { return report(&outcome, nullptr); });
      // A slow store takes its time to close the run's files; agents that have been told to leave wait for seconds.
      while_heard(*transport, addresses, options.heartbeat, [&] { made.reset(); });
      if (exit_code) {
        release(*transport, addresses, orderly);
        return *exit_code;
      }
      plan = *std::move(next);
      options.follows = true;
    }
  } catch (...) {
    release(*transport, addresses, true);
    throw;
  }
}

}  // namespace

void run_mpi(const std::function<experiments::Plan()>& make_plan, const RunOptions& options,
             const std::function<int(const RunOutcome*, const std::exception*)>& report) {
  // Before MPI_Init: nothing of MPI may be inherited by the ranks.
  std::optional<Spawner> spawner = Spawner::start({.interface = options.interface});
  const auto environment = core::current_environment();
  std::unique_ptr<MpiTransport> transport = start_transport(launched_rank(environment));
  // Each of them would be rank 0 of a run of its own, all on one suite.
  try {
    require_acquainted(environment, transport->size());
  } catch (const core::RuntimeError& error) {
    let_first_rank_speak(environment);
    leave_mpi(true, report(nullptr, &error));
  }
  if (transport->self() != 0) run_agent(*transport, *std::move(spawner), options);
  bool orderly = true;
  int exit_code = 1;
  std::vector<Address> agents(static_cast<std::size_t>(transport->size() - 1));
  std::iota(agents.begin(), agents.end(), 1);
  try {
    experiments::Plan plan;
    std::optional<RunOutcome> done;
    try {
      while_heard(*transport, agents, options.heartbeat, [&] {
        plan = make_plan();
        if (options.only) plan = select(plan, *options.only);
        done = outcome_if_done(core::real_file_system(), plan, options);
        while (done) {
          auto next = next_plan(*done, options, nullptr);
          if (!next) break;
          plan = *std::move(next);
          done = outcome_if_done(core::real_file_system(), plan, options);
        }
        if (done)
          exit_code = report(&*done, nullptr);
        else
          check_before_run(plan, options);
      });
    } catch (...) {
      // Agents wait for a word, whatever becomes of the plan.
      release(*transport, agents, true);
      throw;
    }
    if (done)
      release(*transport, agents, true);
    else
      exit_code = coordinate(std::move(transport), agents, spawner, plan, options, report, orderly);
  } catch (const std::exception& error) {
    exit_code = report(nullptr, &error);
  }
  spawner.reset();
  leave_mpi(orderly, exit_code);
}

}  // namespace resolute::orchestrator
