// An agent with its spawner, and this test in the coordinator's place.
#include "orchestrator/agent/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "core/files/file_system.h"
#include "core/hash/sha256.h"
#include "orchestrator/decisions/failure.h"
#include "orchestrator/transport/in_process.h"
#include "tests/orchestrator/support/nvidia_smi.h"
#include "tests/support/equal.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::agent_test {
namespace {

using namespace orchestrator;
using testing::HasSubstr;

const AttemptKey kKey{std::string(64, 'd'), 1};

class AgentTest : public testing::Test {
 protected:
  AgentTest() : coordinator_(hub_->endpoint(0)), agent_end_(hub_->endpoint(1)), spawner_(Spawner::start()) {
    agent_.emplace(*agent_end_, spawner_, core::monotonic_clock(), options_);
  }
  void send(const Message& message) { coordinator_->send(1, encode(message)); }
  // The agent's words, up to and with the next message of type M.
  template <class M>
  M await() {
    const auto deadline = core::monotonic_clock().now() + std::chrono::seconds(10);
    while (core::monotonic_clock().now() < deadline) {
      agent_->step();
      while (auto delivery = coordinator_->receive()) {
        const Message message = decode(delivery->bytes);
        if (const auto* wanted = std::get_if<M>(&message)) return *wanted;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ADD_FAILURE() << "nothing came";
    return {};
  }
  RankCommand shell(const std::string& script, int rank, bool gpu) const {
    RankCommand command;
    command.process_rank = rank;
    command.arguments = {"/bin/sh", "-c", script};
    command.out = (folder_ / fmt::format("out-{}", rank)).string();
    command.err = (folder_ / fmt::format("err-{}", rank)).string();
    command.gpu = gpu;
    return command;
  }
  std::string text(const std::string& name) const {
    return core::read_text_if_exists(core::real_file_system(), folder_ / name).value_or("");
  }

  AgentOptions options_{
      .host = "here", .slots = 3, .inventory = {{}, {"GPU-a", "GPU-b"}, {{}, {}}, 4096, 1}, .numeric_class = "class"};
  TemporaryFolder folder_;
  std::shared_ptr<InProcessHub> hub_ = InProcessHub::create(2);
  std::unique_ptr<Transport> coordinator_;
  std::unique_ptr<Transport> agent_end_;
  Spawner spawner_;
  std::optional<Agent> agent_;
};

TEST_F(AgentTest, joins_with_what_it_has) {
  const auto named = [](const std::string& gpu) { return BurnIn{gpu, "", "", 0, 0, {}}; };
  EXPECT_EQ(await<Join>(), (Join{"here", 3, 2, 4096, "class", {named("GPU-a"), named("GPU-b")}}));
}

TEST_F(AgentTest, ranks_see_a_gpu_of_their_own_or_none) {
  const std::string say = "echo \"$CUDA_VISIBLE_DEVICES\"";
  send(Launch{kKey, {shell(say + "; sleep 0.3", 0, true), shell(say + "; sleep 0.3", 1, true), shell(say, 2, false)}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(await<RankEnded>().code, 0);
  EXPECT_EQ(text("out-0"), "GPU-a\n");
  EXPECT_EQ(text("out-1"), "GPU-b\n");
  EXPECT_EQ(text("out-2"), "\n");
  // Given back at their ranks' ends.
  send(Launch{kKey, {shell(say, 3, true)}});
  EXPECT_EQ(await<RankEnded>().code, 0);
  EXPECT_EQ(text("out-3"), "GPU-a\n");
}

TEST_F(AgentTest, ranks_of_one_job_get_different_gpus_however_many_jobs_each_may_have) {
  options_.jobs_per_gpu = 4;
  agent_.emplace(*agent_end_, spawner_, core::monotonic_clock(), options_);
  await<Join>();
  for (const int attempt : {2, 3}) {
    send(Launch{{kKey.job, attempt}, {shell("sleep 1000", attempt, true)}, {}, {"GPU-b"}});
    await<RankStarted>();
  }
  const std::string say = "echo \"$CUDA_VISIBLE_DEVICES\"";
  send(Launch{kKey, {shell(say + "; sleep 0.3", 0, true), shell(say, 1, true)}});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(await<RankEnded>().code, 0);
  EXPECT_EQ(text("out-0"), "GPU-b\n");
  EXPECT_EQ(text("out-1"), "GPU-a\n") << "where there are two others";
}

TEST_F(AgentTest, a_rank_without_a_free_gpu_ends_at_once_and_may_be_tried_again) {
  const std::string run = "sleep 1000";
  send(Launch{kKey, {shell(run, 0, true), shell(run, 1, true), shell(run, 2, true)}});
  const auto ended = await<RankEnded>();
  EXPECT_EQ(ended.process_rank, 2);
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.evidence, HasSubstr("no GPU of this agent is free"));
  send(Kill{kKey, 0});
  EXPECT_EQ(await<RankEnded>().signal, SIGKILL);
  EXPECT_EQ(await<RankEnded>().signal, SIGKILL);
}

TEST_F(AgentTest, joins_anew_when_everything_it_ran_is_gone) {
  await<Join>();
  send(Launch{kKey, {shell("echo $$; sleep 1000", 0, true)}});
  await<RankStarted>();
  send(Rejoin{});
  await<Join>();
  send(Launch{{kKey.job, 2}, {shell("echo \"$CUDA_VISIBLE_DEVICES\"", 1, true)}});
  EXPECT_EQ(await<RankEnded>().key.attempt, 2) << "of what was given up nothing is heard";
  EXPECT_EQ(text("out-1"), "GPU-a\n");
}

TEST_F(AgentTest, leaves_when_its_spawner_is_killed) {
  await<Join>();
  ::kill(spawner_.process(), SIGKILL);
  EXPECT_THAT(await<Leave>().why, HasSubstr("starts its ranks is gone"));
  EXPECT_TRUE(agent_->finished());
  EXPECT_EQ(agent_->exit_code(), 1);
}

// A rank on a GPU ends with words that accuse the GPU.
class AccusedGpu : public AgentTest {
 protected:
  RankEnded end_of(const std::string& script, bool gpu = true) {
    send(Launch{kKey, {shell(script, 0, gpu)}});
    return await<RankEnded>();
  }
  static Cause cause_of(const RankEnded& ended) {
    return classify(
        {{}, 0, 0, ended.code, ended.signal, ended.evidence, ended.out_of_memory, ended.gpu, ended.store_failed});
  }
  static constexpr const char* kAssert = "echo 'RuntimeError: CUDA error: device-side assert triggered' >&2; exit 1";
  NvidiaSmi program_;
};

TEST_F(AccusedGpu, that_is_sound_leaves_the_end_to_the_job) {
  program_.behave("echo 0");
  const RankEnded ended = end_of(kAssert);
  EXPECT_EQ(ended.evidence, "its GPU is sound: RuntimeError: CUDA error: device-side assert triggered");
  EXPECT_EQ(ended.gpu, "GPU-a");
  EXPECT_EQ(cause_of(ended), Cause::kExitCode);
  EXPECT_EQ(cause_of(end_of("echo 'NCCL error: unhandled cuda error' >&2; kill -ABRT $$")), Cause::kSignal);
  EXPECT_THAT(program_.asked(), HasSubstr("--id=GPU-a "));
}

TEST_F(AccusedGpu, that_is_broken_takes_the_end_on_itself) {
  program_.behave("echo 2");
  const RankEnded ended = end_of(kAssert);
  EXPECT_EQ(ended.evidence,
            "its GPU is broken: 2 uncorrected errors of its memory; RuntimeError: CUDA error: device-side assert "
            "triggered");
  EXPECT_EQ(cause_of(ended), Cause::kDeviceError);
}

TEST_F(AccusedGpu, that_cannot_be_asked_is_judged_by_words) {
  EXPECT_EQ(end_of(kAssert).evidence, "RuntimeError: CUDA error: device-side assert triggered");
  EXPECT_EQ(cause_of(end_of(kAssert)), Cause::kDeviceError);
}

TEST_F(AccusedGpu, is_asked_by_number_only_where_that_is_known_and_never_as_a_slice) {
  program_.behave("echo 0");
  for (const auto& [gpu, model, asked] :
       {std::tuple("1", "", ""), std::tuple("MIG-a", "", ""), std::tuple("1", "NVIDIA H200", "--id=1 ")}) {
    options_.inventory.gpus = {gpu};
    options_.inventory.models = {model};
    agent_.emplace(*agent_end_, spawner_, core::monotonic_clock(), options_);
    EXPECT_EQ(cause_of(end_of(kAssert)) == Cause::kExitCode, *asked != '\0') << gpu;
    EXPECT_THAT(program_.asked(), HasSubstr(asked));
  }
}

TEST_F(AccusedGpu, is_not_asked_where_nothing_accuses_it) {
  program_.behave("echo 0");
  EXPECT_EQ(end_of("echo 'KeyError: lr' >&2; exit 1").evidence, "KeyError: lr");
  EXPECT_EQ(end_of("echo 'CUDA error: out of memory' >&2; exit 1").evidence, "CUDA error: out of memory");
  EXPECT_EQ(end_of("echo 'CUDA error' >&2; exit 2").evidence, "CUDA error");
  EXPECT_EQ(end_of(kAssert, false).evidence, "RuntimeError: CUDA error: device-side assert triggered") << "it has none";
  EXPECT_EQ(program_.asked(), "");
}

TEST_F(AccusedGpu, that_hangs_holds_up_nobody_else_and_is_not_given_out) {
  options_.heartbeat = std::chrono::milliseconds(50);
  options_.gpu_limit = std::chrono::seconds(3);
  agent_.emplace(*agent_end_, spawner_, core::monotonic_clock(), options_);
  program_.behave("/bin/sleep 1000");
  send(Launch{kKey, {shell(kAssert, 0, true)}});
  for (int signs = 0; program_.asked().empty() && signs < 100; ++signs) await<Heartbeat>();
  await<Heartbeat>();
  send(Launch{{kKey.job, 2}, {shell("echo \"$CUDA_VISIBLE_DEVICES\"", 1, true)}});
  EXPECT_EQ(await<RankEnded>().process_rank, 1);
  EXPECT_EQ(text("out-1"), "GPU-b\n");
  EXPECT_THAT(await<RankEnded>().evidence,
              HasSubstr("its GPU is broken: nvidia-smi has no answer of it; RuntimeError: CUDA error"));
}

// An agent that nobody speaks to but as a test says, by a clock of the test's own. The limit is 120 s.
class SilentCoordinator : public testing::Test {
 protected:
  // \return whether the agent has given the coordinator up after so long
  bool given_up_after(std::chrono::seconds silence) {
    for (std::chrono::seconds gone(0); gone < silence && !agent_.finished(); gone += std::chrono::seconds(1)) {
      clock_.advance(std::chrono::seconds(1));
      agent_.step();
    }
    return agent_.coordinator_lost();
  }
  void answer(bool stalls) {
    coordinator_->send(1, encode(HeartbeatAnswer{stalls}));
    agent_.step();
  }
  std::shared_ptr<InProcessHub> hub_ = InProcessHub::create(2);
  std::unique_ptr<Transport> coordinator_ = hub_->endpoint(0);
  std::unique_ptr<Transport> agent_end_ = hub_->endpoint(1);
  tests::ManualClock clock_;
  Spawner spawner_ = Spawner::start();
  Agent agent_{*agent_end_, spawner_, clock_, {}};
};

TEST_F(SilentCoordinator, is_given_up_after_the_limit) {
  answer(false);
  EXPECT_FALSE(given_up_after(std::chrono::seconds(120)));
  EXPECT_TRUE(given_up_after(std::chrono::seconds(1)));
  EXPECT_EQ(agent_.exit_code(), 75);
}

TEST_F(SilentCoordinator, whose_store_stalls_is_waited_for_longer_but_not_for_ever) {
  answer(true);
  EXPECT_FALSE(given_up_after(std::chrono::seconds(600))) << "the store keeps it from answering";
  EXPECT_TRUE(given_up_after(std::chrono::seconds(1))) << "it may have died in the stall";
}

TEST_F(SilentCoordinator, whose_store_answers_again_is_waited_for_as_ever) {
  answer(true);
  EXPECT_FALSE(given_up_after(std::chrono::seconds(500)));
  answer(false);
  EXPECT_FALSE(given_up_after(std::chrono::seconds(120)));
  EXPECT_TRUE(given_up_after(std::chrono::seconds(1)));
}

// SLURM stops whole allocations so, to go on with them later.
TEST_F(SilentCoordinator, is_not_to_blame_while_the_agent_itself_was_stopped) {
  answer(false);
  clock_.advance(std::chrono::hours(5));
  agent_.step();
  EXPECT_FALSE(agent_.finished());
  EXPECT_FALSE(given_up_after(std::chrono::seconds(120)));
  EXPECT_TRUE(given_up_after(std::chrono::seconds(1)));
}

// A rank that hangs in the kernel: it is not the coordinator that is gone.
TEST_F(SilentCoordinator, does_not_count_as_lost_by_an_agent_that_cannot_rejoin) {
  TemporaryFolder folder;
  RankCommand rank;
  rank.arguments = {"/bin/sleep", "1000"};
  rank.out = (folder / "out").string();
  rank.err = (folder / "err").string();
  coordinator_->send(1, encode(Launch{kKey, {rank}}));
  agent_.step();
  // Nothing is heard of its end: the spawner that would tell is stopped.
  ::kill(spawner_.process(), SIGSTOP);
  coordinator_->send(1, encode(Rejoin{}));
  EXPECT_FALSE(given_up_after(std::chrono::seconds(122)));
  EXPECT_TRUE(agent_.finished());
  ::kill(spawner_.process(), SIGCONT);
}

TEST(NumericClass, is_the_digest_of_what_the_worker_says_or_unknown) {
  EXPECT_EQ(find_numeric_class({"/bin/sh", "-c", "echo \"$@\"", "worker"}, {}), core::sha256_hex("describe\n"));
  EXPECT_EQ(find_numeric_class({"/bin/sh", "-c", "echo \"$@\"", "worker"}, "GPU-a"),
            core::sha256_hex("describe cuda\n"));
  EXPECT_EQ(find_numeric_class({"/bin/sh", "-c", "echo $CUDA_VISIBLE_DEVICES"}, "GPU-a"), core::sha256_hex("GPU-a\n"));
  EXPECT_EQ(find_numeric_class({"/bin/sh", "-c", "exit 2"}, {}), "");
  EXPECT_EQ(find_numeric_class({"/no/such/worker"}, {}), "");
}

// Two drivers of one class make a gang together.
TEST(NumericClass, leaves_out_what_a_worker_tells_beside_it) {
  const auto class_of = [](const std::string& json) {
    return find_numeric_class({"/bin/sh", "-c", "echo '" + json + "'"}, "GPU-a");
  };
  for (const char* driver : {"13.0", "13.1"})
    EXPECT_EQ(class_of(fmt::format(R"({{"driver_serves":"{}","numeric_class":"a=1"}})", driver)),
              core::sha256_hex("a=1"));
  EXPECT_EQ(class_of(R"({"numeric_class":1})"), core::sha256_hex("{\"numeric_class\":1}\n"));
}

}  // namespace
}  // namespace resolute::tests::agent_test
