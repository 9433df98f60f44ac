// Two trainings that fit into a machine's memory alone and not together: the kernel ends one, and both are done.

#include <gmock/gmock.h>

#include "tests/support/memory_group.h"
#include "tests/system/cluster/quick_suite.h"

namespace resolute::system_test::memory_test {
namespace {

using testing::ElementsAre;

// Either training with the run fits into kLimit, both do not.
constexpr std::int64_t kMib = std::int64_t{1} << 20, kLimit = 280 * kMib;

// First attempts wait for one another, so that they are at work together.
constexpr const char* kTraining = R"(
import json, os, sys, time
store, job, attempt, progress = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
folder = f"{store}/jobs/{job[:2]}/{job}"
log = os.open(f"{store}/memory.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
checkpoint = f"{folder}/checkpoints/step-1"
os.write(log, f"{job} begins {attempt}{' from its checkpoint' if os.path.exists(checkpoint) else ''}\n".encode())
os.makedirs(os.path.dirname(checkpoint), exist_ok=True)
with open(f"{checkpoint}.tmp", "w") as file:
    file.flush()
    os.fsync(file.fileno())
os.rename(f"{checkpoint}.tmp", checkpoint)
os.write(progress, b'{"checkpoint":1}\n')
open(f"{store}/at-work-{job}", "w").close()
end = time.monotonic() + 30
while attempt == 1 and sum(name.startswith("at-work-") for name in os.listdir(store)) < 2 and time.monotonic() < end:
    time.sleep(0.02)
held = bytearray(b"x") * (150 << 20)
time.sleep(3)
os.write(log, f"{job} ends {attempt}\n".encode())
hash = "a" * 64
provenance = {"from_scratch": True, "lanes": 1, "numeric_class": "none", "pack_sha256": hash, "split_sha256": hash}
record = {"job": job, "metrics": {}, "provenance": provenance, "weights_file": "weights", "weights_sha256": hash}
with open(f"{folder}/.result", "w") as file:
    file.write(json.dumps(record, sort_keys=True, separators=(",", ":")) + "\n")
os.rename(f"{folder}/.result", f"{folder}/result.json")
)";

struct Started {
  const char* name;
  const char* how;  // bash, with PROGRAM for the training's command
};

class Memory : public testing::TestWithParam<Started> {
 protected:
  void write_suite() {
    file_ = write_quick_suite(scratch_.path(), "few", 2, 1);
    write(scratch_ / "training.py", kTraining);
    const auto replace = [](std::string& text, const std::string& from, const std::string& to) {
      text.replace(text.find(from), from.size(), to);
    };
    std::string how = GetParam().how, worker = kQuickWorker;
    replace(how, "PROGRAM",
            fmt::format(R"(/usr/bin/python3 '{}' "$store" "$job" "$attempt" "$progress")",
                        (scratch_ / "training.py").string()));
    replace(worker, "--job) job=$2 ;;", "--job) job=$2 ;; --attempt) attempt=$2 ;; --progress-fd) progress=$2 ;;");
    replace(worker, "sleep 0.5\n", fmt::format("case $specification in *'\"kind\":\"training\"'*) {} ;; esac\n", how));
    write(scratch_ / "worker", worker);
  }
  CommandOutput suite(const std::string& command, const Words& more = {}) const {
    return resolute(joined({"suite", command, file_, "--store", store()}, more));
  }
  fs::path store() const { return scratch_ / "store"; }

  ScratchFolder scratch_;
  fs::path file_;
};

INSTANTIATE_TEST_SUITE_P(Trainings, Memory,
                         testing::Values(Started{"in_a_rank", "exec PROGRAM"},
                                         Started{"under_a_ranks_shell", "PROGRAM; exit"}),
                         [](const auto& one) { return std::string(one.param.name); });

TEST_P(Memory, of_two_trainings_that_fit_alone_one_is_ended_by_the_kernel_and_runs_alone_then) {
  const tests::MemoryGroup group(kLimit);
  if (!group.made()) GTEST_SKIP() << "no memory control group can be made here (needs root, cgroup v1 or v2)";
  write_suite();
  const CommandOutput run = run_program({"/bin/sh", "-c", R"(echo $$ >"$0" && exec "$@")", group.processes(),
                                         kBin / "resolute", "suite", "run", file_, "--store", store(), "--slots", "2"});
  ASSERT_EQ(code_of(run), 0) << run.err;

  // The attempt that the kernel ended has no end; its job's second begins where the other's first has ended.
  const auto log = lines_of(text_of(store() / "memory.log"));
  ASSERT_EQ(log.size(), 5U) << testing::PrintToString(log);
  const std::string lived = log[2].substr(0, 64);
  const std::string killed = log[log[0].starts_with(lived) ? 1 : 0].substr(0, 64);
  EXPECT_NE(lived, killed);
  EXPECT_EQ(log[2], lived + " ends 1");
  EXPECT_EQ(log[3], killed + " begins 2 from its checkpoint");
  EXPECT_EQ(log[4], killed + " ends 2");

  EXPECT_THAT(run.err, HasSubstr("attempt 1 ended, to be run again (out-of-memory: "));
  const CommandOutput story = succeeded(resolute({"explain", killed.substr(0, 12), "--store", store()}));
  EXPECT_THAT(story.out, HasSubstr("alone on its host: it ran out of memory"));
  EXPECT_THAT(succeeded(suite("status")).out, HasSubstr("every result is there"));
  const auto failed = lines_of(succeeded(suite("log", {"--failed"})).out);
  EXPECT_THAT(failed, ElementsAre(HasSubstr("the kernel ended 1 of its processes for that")));
  succeeded(suite("report"));
  EXPECT_THAT(text_of(store() / "suites/few/report.html"), HasSubstr("out of memory"));
}

}  // namespace
}  // namespace resolute::system_test::memory_test
