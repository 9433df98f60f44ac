#include "orchestrator/coordinator/places_aside.h"

#include <gmock/gmock.h>

#include "tests/orchestrator/support/events.h"
#include "tests/orchestrator/support/read_journals.h"
#include "tests/support/temporary_folder.h"

namespace resolute::orchestrator::places_aside_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PlacesAside : public testing::Test {
 protected:
  void add_run(const std::vector<Event>& events) { tests::write_run(store_.suite_folder("toy"), events); }
  std::vector<std::string> found() {
    std::vector<std::string> texts;
    for (const auto& place : places_aside(files_, store_, "toy")) texts.push_back(text_of(place));
    return texts;
  }
  // A job of one attempt that ends on an agent.
  static std::vector<Event> bad_end(int job, int agent, const std::string& gpu) {
    auto added = tests::toy_job(job);
    added.gpus = !gpu.empty();
    auto exited = tests::rank_exit(job, 1, 0, 1, 0, "CUDA error: uncorrectable ECC error");
    exited.gpu = gpu;
    return {added, tests::toy_placed(job, 1, {{{agent}, 1}}), Started{{job}, 1}, exited,
            AttemptEnded{{job}, 1, Cause::kDeviceError, exited.evidence, true, {}, ""}};
  }
  tests::TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
  experiments::StoreLayout store_{folder_.path()};
};

TEST_F(PlacesAside, names_hosts_and_gpus_of_the_last_run_and_why) {
  EXPECT_THAT(found(), IsEmpty()) << "it has never been run";
  std::vector<Event> events{tests::toy_agent(0, "node7", 2, 2), tests::toy_agent(1, "node8", 2, 2)};
  for (auto& event : bad_end(0, 0, "GPU-12ab")) events.push_back(event);
  for (auto& event : bad_end(1, 1, "")) events.push_back(event);
  events.emplace_back(GpuSetAside{{0}, "GPU-12ab", tests::at(60'000), "GPU-12ab of node7: 2 attempts"});
  events.emplace_back(HostSetAside{"node8", tests::at(60'000), "2 attempts"});
  add_run(events);
  EXPECT_THAT(found(), ElementsAre("GPU-12ab of node7: 2 attempts", "node8: 2 attempts"));
  add_run({});
  EXPECT_THAT(found(), IsEmpty()) << "a new run uses all again";
}

TEST_F(PlacesAside, what_a_user_has_drained_is_no_bad_hardware) {
  add_run({tests::toy_agent(0, "node7", 2), HostDrained{"node7", true, "by kim"}});
  EXPECT_THAT(found(), IsEmpty());
}

}  // namespace
}  // namespace resolute::orchestrator::places_aside_test
