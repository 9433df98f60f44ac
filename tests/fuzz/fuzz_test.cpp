// Drives the fuzzers of what is read but for data sets and weights.
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/files/file_system.h"
#include "orchestrator/agent/framing.h"
#include "orchestrator/journal/snapshot.h"
#include "tests/fuzz/drive.h"
#include "tests/orchestrator/support/journals.h"
#include "tests/support/folders.h"

namespace resolute::tests::fuzz_test {
namespace {

namespace fs = std::filesystem;
using core::Bytes;

// What a real cluster printed (tests/slurm/recorded), as good examples for `command`.
void write_recorded(const std::string& command, std::initializer_list<const char*> scenes) {
  for (const char* scene : scenes) {
    const std::string file = command + "-" + scene + ".txt";
    const Bytes bytes = core::real_file_system().read(tests::source_folder() / "tests/slurm/recorded/22.05" / file);
    std::string text(core::as_text(bytes));
    if (command == "scontrol") {  // what was asked for stands before it
      const std::size_t name = text.find("JobName=") + 8;
      text = fmt::format("{} {}\n{}", std::stoll(text.substr(6)), text.substr(name, text.find(' ', name) - name), text);
    }
    write_good(command, scene, text);
  }
}

// RESOLUTE_WRITE_GOLDEN writes the good examples anew, for a new version of a format.
TEST(Corpus, has_a_good_example_of_each_format) {
  using namespace orchestrator;
  if (std::getenv("RESOLUTE_WRITE_GOLDEN") != nullptr) {
    const AttemptKey key{std::string(64, 'c'), 3};
    const RankCommand command{0, {"worker", "run"}, "/out", "/err", true, true, true, 4096, "1", {0, 2}};
    std::string frames;
    for (const Message& message :
         std::vector<Message>{Join{"node-1", 4, 2, 65536, "class"}, Prepared{key, 40000, "10.0.0.1"},
                              ProgressLine{key, R"({"step": 40})"},
                              RankEnded{key, 1, 0, 9, "last words", true, 900, 12345}, HeartbeatAnswer{true},
                              Launch{key, {command, command}, "secret"}, Kill{key, 30'000}, Shutdown{false, 75}}) {
      write_good("wire", fmt::format("{:02}", message.index()), encode(message));
      append_frame(frames, message);
    }
    write_good("framing", "stream", frames);
    const std::vector<Event> run{toy_run(),
                                 toy_job(0, 2),
                                 toy_job(1, 1, {0}),
                                 toy_agent(0, "one", 2),
                                 toy_agent(1, "two", 2, 1),
                                 toy_placed(0, 1, {{{0}, 1}, {{1}, 1}}, at(5)),
                                 Started{{0}, 1},
                                 Progressed{{0}, 1, 10},
                                 rank_exit(0, 1, 0, 1)};
    write_good("journal", "run", core::as_text(journal_of(run)));
    write_good("snapshot", "run", core::as_text(encode_snapshot({1, 99}, state_after(run))));
    write_good("snapshot", "empty", core::as_text(encode_snapshot({1, 64}, {})));
    write_recorded("squeue", {"array", "pending", "running", "requeued-held", "unlimited"});
    write_recorded("scontrol", {"array", "pending", "running", "preempting", "cancelled"});
    write_recorded("sbatch", {"alone", "cluster"});
  }
  for (const char* format : {"wire", "framing", "journal", "snapshot", "squeue", "scontrol", "sbatch"})
    EXPECT_FALSE(core::real_file_system().list(kCorpus / format).empty()) << format;
}

RESOLUTE_DRIVE_FUZZERS(Fuzz, {"core", "experiments", "orchestrator", "results", "slurm"});

}  // namespace
}  // namespace resolute::tests::fuzz_test
