// The small files of a run. live.json: none, or a status that is written and read again, alone and together with
// others. What a worker says in a progress line goes into it.
#include "orchestrator/journal/owner.h"
#include "orchestrator/store/claim.h"
#include "orchestrator/store/durations.h"
#include "orchestrator/store/live.h"
#include "orchestrator/store/requests.h"
#include "tests/fuzz/memory_folder.h"
#include "tests/fuzz/targets.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::run_files_fuzzer {
namespace {

using namespace orchestrator;

LiveStatus example_status() {
  LiveStatus status;
  status.epoch = 7;
  status.at = Instant(Milliseconds(1'234'567));
  status.seconds_left = 99;
  status.agents = {{"node", 4, 1, 2, 0, "drained"}, {"other", 1, 1, 0, 0, ""}};
  status.running = {{{std::string(64, 'c')}, 2, {"node", "other"}, 3, 12.5, 40, 300, -3.25, 210, 60},
                    {{std::string(64, 'd')}, 1, {"node"}, 1, 0.5}};
  status.store = {"no space", 12.5};
  status.retried = {{{std::string(64, 'e')}, 3, "storage-full", "worker: no room", 4.5}};
  return status;
}

std::string text_of(const LiveStatus& status) {
  WrittenFile files("suite/live.json");
  write_live(files, "suite", status);
  return files.written;
}

std::vector<std::string> live_examples() { return {text_of(example_status()), text_of({})}; }

}  // namespace

RESOLUTE_FUZZER(live, .rounds = 40'000, .examples = live_examples, .mutate = mutate_json)(std::string_view bytes) {
  MemoryFolder files("suite/live.json", bytes);
  const auto status = read_live(files, "suite");
  if (!status) return false;
  MemoryFolder again("suite/live.json", text_of(*status));
  require(read_live(again, "suite").has_value(), "what was read is written and not read again");
  text_of(together({*status, example_status()}));
  text_of(side_by_side({example_status(), *status}, 2));
  return true;
}

namespace {

std::vector<std::string> progress_examples() {
  return {R"({"step": 40, "steps": 300, "loss": -3.25, "images_per_second": 210})", R"({"checkpoint": 100})"};
}

}  // namespace

RESOLUTE_FUZZER(progress, .rounds = 100'000, .examples = progress_examples, .mutate = mutate_json)
(std::string_view bytes) {
  LiveAttempt attempt = example_status().running[0];
  read_progress_line(std::string(bytes), attempt);
  LiveStatus status;
  status.running = {attempt};
  MemoryFolder files("suite/live.json", text_of(status));
  require(read_live(files, "suite").has_value(), "a worker's line makes a status that cannot be read");
  return true;
}

namespace {

std::vector<std::string> claim_examples() { return {R"({"epoch":1,"run":"000102","suite":"rain"})"}; }

}  // namespace

// Who works on a job: its suite becomes a path.
RESOLUTE_FUZZER(claim, .rounds = 40'000, .examples = claim_examples, .mutate = mutate_json)(std::string_view bytes) {
  const auto claim = parse_claim(std::string(bytes), "claim");
  if (!claim) return false;
  const std::filesystem::path path = std::filesystem::path("/store/suites") / claim->suite;
  require(path.lexically_normal().parent_path() == "/store/suites", "a claim leads out of the store's suites");
  return true;
}

namespace {

std::vector<std::string> owner_examples() {
  return {
      R"({"boot":"b","counter":3,"ended":false,"host":"node-1","process":12,"pid_namespace":"pid:[1]","start":99})"};
}

}  // namespace

// Who runs a suite.
RESOLUTE_FUZZER(owner, .rounds = 20'000, .examples = owner_examples, .mutate = mutate_json)(std::string_view bytes) {
  MemoryFolder files(owner_file("suite", 1), bytes);
  return read_owner(files, "suite", 1).has_value();
}

namespace {

std::vector<std::string> request_examples() {
  return {R"({"by":"kim@login","epoch":1,"request":"stop"})",
          R"({"by":"kim@login","epoch":1,"request":"cancel","job":"abc"})",
          R"({"by":"kim@login","epoch":1,"request":"undrain","host":"node-1"})"};
}

}  // namespace

// What a user asks of a run.
RESOLUTE_FUZZER(request, .rounds = 20'000, .examples = request_examples, .mutate = mutate_json)
(std::string_view bytes) {
  WrittenFile files("suite/requests/1.json", bytes);  // what is no request is given another name
  RequestBox box(files, "suite", 1);
  return !box.read().empty();
}

namespace {

std::vector<std::string> durations_examples() {
  const std::string_view class_name = "0123456789abcdef";
  WrittenFile files("store/durations");
  append_durations(files, experiments::StoreLayout("store"), "run",
                   std::vector<MeasuredDuration>{{std::string(class_name), 100, 2000, 500, 300, 0.9},
                                                 {std::string(class_name), 1, 10}});
  return {files.written};
}

}  // namespace

// How long jobs took, line by line: what of it is believed gives times that are numbers.
RESOLUTE_FUZZER(durations, .rounds = 5'000, .examples = durations_examples, .mutate = mutate_lines)
(std::string_view bytes) {
  const TemporaryFolder store;  // a file's age is asked of the machine's file system
  auto& files = core::real_file_system();
  core::replace_unsynced(files, store / "durations/run.jsonl", bytes);
  const Durations durations = Durations::read(files, experiments::StoreLayout(store.path()));
  const Workload workload{"0123456789abcdef", 100, 1};
  const auto expected = durations.expected(workload);
  require(expected.milliseconds >= 0 && expected.milliseconds < 1e18 && expected.checkpoint_ms >= 0,
          "a time that no job takes");
  durations.taken(workload);
  return true;
}

}  // namespace resolute::tests::run_files_fuzzer
