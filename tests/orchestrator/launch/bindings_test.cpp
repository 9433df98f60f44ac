#include "orchestrator/launch/bindings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <optional>
#include <set>

#include "core/files/file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::bindings_test {
namespace {

using namespace orchestrator;
using testing::ElementsAre;
using testing::IsEmpty;

// The files of the driver of a machine with GPUs.
class DriverFolder {
 public:
  void add(const std::string& bus, const std::string& uuid, const std::string& model = "NVIDIA H200", int minor = 0) {
    core::write_atomic(core::real_file_system(), folder_ / "gpus" / bus / "information",
                       "Model: \t\t " + model + "\nIRQ:   \t\t 42\nGPU UUID: \t " + uuid + "\nBus Location: \t " + bus +
                           "\nDevice Minor: \t " + std::to_string(minor) + "\n");
  }
  void add_device(int minor) {
    core::write_atomic(core::real_file_system(), folder_ / "devices" / ("nvidia" + std::to_string(minor)), "");
  }
  std::vector<std::string> names(const std::map<std::string, std::string>& environment, int granted = 0) const {
    return inventory(environment, granted).gpus;
  }
  Inventory inventory(const std::map<std::string, std::string>& environment, int granted = 0) const {
    return read_inventory(environment, {folder_ / "gpus", folder_ / "devices"}, granted);
  }

 private:
  TemporaryFolder folder_;
};

TEST(Bindings, processors_are_shared_with_other_jobs_where_slurm_gave_fewer_than_may_be_used) {
  EXPECT_FALSE(shared_with_other_jobs({}, 64));
  EXPECT_FALSE(shared_with_other_jobs({{"SLURM_CPUS_ON_NODE", "64"}}, 64));
  EXPECT_FALSE(shared_with_other_jobs({{"SLURM_CPUS_ON_NODE", "8"}}, 4)) << "a launcher that confines further";
  EXPECT_TRUE(shared_with_other_jobs({{"SLURM_CPUS_ON_NODE", "1"}}, 2));
  EXPECT_TRUE(shared_with_other_jobs({{"SLURM_CPUS_ON_NODE", "63"}}, 64));
  for (const char* nonsense : {"", "x", "64(x3)", "99999999999"})
    EXPECT_TRUE(shared_with_other_jobs({{"SLURM_CPUS_ON_NODE", nonsense}}, 64)) << nonsense;
}

TEST(Bindings, slots_are_cores_and_no_more_than_slurm_gave) {
  const auto slots = [](const char* given, int cores, Portion portion = {}) {
    return default_slots({{"SLURM_CPUS_ON_NODE", given}}, cores, portion);
  };
  EXPECT_EQ(default_slots({}, 64, {}), 64);
  EXPECT_EQ(default_slots({}, 0, {}), 1) << "more agents than cores";
  EXPECT_EQ(slots("1", 64), 1);
  EXPECT_EQ(slots("16", 64), 16);
  EXPECT_EQ(slots("64", 16), 16) << "a launcher that confines further";
  EXPECT_EQ(slots("0", 64), 1);
  EXPECT_EQ(slots("-3", 64), 1);
  for (const char* nonsense : {"", "x", "64(x3)", "99999999999"}) EXPECT_EQ(slots(nonsense, 64), 64) << nonsense;
}

TEST(Bindings, agents_that_share_a_node_divide_what_slurm_gave) {
  const auto all = [](const char* given, int cores, int agents) {
    std::vector<int> slots;
    for (int index = 0; index < agents; ++index)
      slots.push_back(default_slots({{"SLURM_CPUS_ON_NODE", given}}, cores, {index, agents}));
    return slots;
  };
  EXPECT_THAT(all("8", 21, 3), ElementsAre(3, 3, 2));
  EXPECT_THAT(all("64", 21, 3), ElementsAre(21, 21, 21));
  EXPECT_THAT(all("2", 21, 3), ElementsAre(1, 1, 1)) << "each can do something";
}

TEST(Bindings, this_machine_has_the_cores_that_we_may_use_and_memory) {
  const Inventory inventory = read_inventory({}, {.gpus = "/no/such/folder"});
  cpu_set_t set;
  ASSERT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
  EXPECT_EQ(inventory.cores.size(), static_cast<std::size_t>(CPU_COUNT(&set)));
  EXPECT_EQ(std::set<int>(inventory.cores.begin(), inventory.cores.end()).size(), inventory.cores.size());
  EXPECT_GT(inventory.memory_mib, 256);
  EXPECT_THAT(inventory.gpus, IsEmpty());
}

TEST(Bindings, two_threads_of_a_core_are_one_core) {
  // hwloc takes no machine from HWLOC_SYNTHETIC if HWLOC_COMPONENTS is set.
  const char* set = std::getenv("HWLOC_COMPONENTS");
  const std::optional<std::string> components = set == nullptr ? std::nullopt : std::optional<std::string>(set);
  ::unsetenv("HWLOC_COMPONENTS");
  ::setenv("HWLOC_SYNTHETIC", "core:1 pu:2", 1);
  const Inventory inventory = read_inventory({}, {.gpus = "/no/such/folder"});
  ::unsetenv("HWLOC_SYNTHETIC");
  if (components) ::setenv("HWLOC_COMPONENTS", components->c_str(), 1);
  EXPECT_EQ(inventory.whole_cores, 1U);
  Inventory four{{0, 2, 4, 6, 1, 3, 5, 7}, {}, {}, 1000, 8};
  four.whole_cores = 4;
  for (const auto& [agents, each] : {std::pair(1, 4U), std::pair(2, 2U), std::pair(4, 1U)})
    for (int index = 0; index < agents; ++index)
      EXPECT_EQ(part_of(four, {index, agents}, {}, agents).whole_cores, each) << agents;
}

TEST(Bindings, gpus_are_those_that_cuda_would_see) {
  DriverFolder driver;
  driver.add("0000:1b:00.0", "GPU-bbbb");
  driver.add("0000:0a:00.0", "GPU-aaaa");
  driver.add("0000:8c:00.0", "GPU-cccc");
  EXPECT_THAT(driver.names({}), ElementsAre("GPU-aaaa", "GPU-bbbb", "GPU-cccc"));
  const auto visible = [&](const std::string& list) { return driver.names({{"CUDA_VISIBLE_DEVICES", list}}); };
  EXPECT_THAT(visible(""), IsEmpty());
  EXPECT_THAT(visible("2,0"), ElementsAre("2", "0"));
  EXPECT_THAT(visible("GPU-bb, GPU-cccc"), ElementsAre("GPU-bb", "GPU-cccc"));
  EXPECT_THAT(visible("1,-1,0"), ElementsAre("1")) << "CUDA stops at the first that is none";
  EXPECT_THAT(visible("0,3,1"), ElementsAre("0"));
  EXPECT_THAT(visible("NoDevFiles"), IsEmpty());
  EXPECT_THAT(visible("MIG-0123"), ElementsAre("MIG-0123"));
  EXPECT_THAT(visible("1,0,1,2"), ElementsAre("1", "0")) << "one named twice would be two ranks'";
  EXPECT_THAT(visible("GPU-aa,GPU-aaaa"), ElementsAre("GPU-aa"));
  EXPECT_EQ(driver.names({}, 8).size(), 3U) << "the driver knows better than the user";
}

// CUDA's numbers are of those that the container has.
TEST(Bindings, a_container_has_the_gpus_that_it_has_a_device_of) {
  DriverFolder driver;
  for (int minor = 0; minor < 4; ++minor)
    driver.add(fmt::format("0000:0{}:00.0", minor), fmt::format("GPU-{}", minor), "NVIDIA H200", minor);
  EXPECT_EQ(driver.names({}).size(), 4U) << "no device has been made yet";
  driver.add_device(3);
  driver.add_device(1);
  EXPECT_THAT(driver.names({}), ElementsAre("GPU-1", "GPU-3"));
  EXPECT_THAT(driver.names({{"CUDA_VISIBLE_DEVICES", "1,2"}}), ElementsAre("1"));
  EXPECT_THAT(driver.names({{"CUDA_VISIBLE_DEVICES", "GPU-0"}}), IsEmpty());
  EXPECT_EQ(driver.names({}, 2).size(), 2U);
  EXPECT_EQ(driver.names({}, 4).size(), 4U) << "the driver may have yet to make the others";
}

TEST(Bindings, a_number_in_the_environment_is_no_gpu_where_there_is_no_driver) {
  const Inventory inventory = read_inventory({{"CUDA_VISIBLE_DEVICES", "0,1"}}, {.gpus = "/no/such/folder"});
  EXPECT_THAT(inventory.gpus, IsEmpty());
}

TEST(Bindings, without_a_driver_gpus_are_the_launchers_or_invented_where_the_user_grants_them) {
  const auto granted = [](const std::map<std::string, std::string>& environment) {
    return read_inventory(environment, {.gpus = "/no/such/folder"}, 2).gpus;
  };
  EXPECT_THAT(granted({}), ElementsAre("0", "1"));
  EXPECT_THAT(granted({{"CUDA_VISIBLE_DEVICES", "6,7"}}), ElementsAre("6", "7"));
  EXPECT_THAT(granted({{"CUDA_VISIBLE_DEVICES", "GPU-aa,MIG-b,GPU-aa"}}), ElementsAre("GPU-aa", "MIG-b"));
  EXPECT_THAT(granted({{"CUDA_VISIBLE_DEVICES", "3,-1,4"}}), ElementsAre("3"));
  EXPECT_THAT(granted({{"CUDA_VISIBLE_DEVICES", ""}}), IsEmpty());
}

TEST(Bindings, processors_that_a_launcher_took_away_are_still_the_machines) {
  cpu_set_t all;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  if (CPU_COUNT(&all) < 2) GTEST_SKIP() << "one processor cannot be divided";
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int processor = 0; CPU_COUNT(&one) == 0; ++processor)
    if (CPU_ISSET(processor, &all)) CPU_SET(processor, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  const Inventory inventory = read_inventory({}, {.gpus = "/no/such/folder"});
  const GivenSets bound = given_sets({});
  ASSERT_EQ(::sched_setaffinity(0, sizeof all, &all), 0);
  EXPECT_EQ(inventory.cores.size(), 1U);
  EXPECT_GE(inventory.machine_processors, CPU_COUNT(&all));
  EXPECT_NE(bound.processors, given_sets({}).processors);
  EXPECT_EQ(bound.gpus, given_sets({}).gpus);
  EXPECT_NE(bound.gpus, given_sets({{"CUDA_VISIBLE_DEVICES", ""}}).gpus);
}

TEST(Bindings, agents_share_only_with_those_that_were_given_the_same) {
  const auto shares = [](const std::vector<std::uint64_t>& digests) {
    std::vector<std::pair<int, int>> places;
    for (std::size_t self = 0; self < digests.size(); ++self) {
      const Portion share = portion_among_equals(digests, self);
      places.emplace_back(share.index, share.agents);
    }
    return places;
  };
  using Places = std::vector<std::pair<int, int>>;
  EXPECT_EQ(shares({7, 7, 7}), (Places{{0, 3}, {1, 3}, {2, 3}}));
  EXPECT_EQ(shares({4, 5, 6}), (Places{{0, 1}, {0, 1}, {0, 1}})) << "srun gave each its own";
  EXPECT_EQ(shares({4, 5, 4, 5}), (Places{{0, 2}, {0, 2}, {1, 2}, {1, 2}}));
}

TEST(Bindings, a_gpu_of_ones_own_is_kept_whole_beside_agents_on_the_same_processors) {
  const Inventory whole{{0, 1, 2, 3}, {"2"}, {{}}, 1000, 4};
  const Inventory part = part_of(whole, {3, 4}, {0, 1}, 4);
  EXPECT_THAT(part.cores, ElementsAre(3));
  EXPECT_THAT(part.gpus, ElementsAre("2"));
  EXPECT_EQ(part.memory_mib, 250);
  EXPECT_EQ(part_of(whole, {0, 1}, {0, 1}, 4).cores, whole.cores);
}

TEST(Bindings, agents_of_one_host_share_out_what_it_has) {
  const Inventory whole{{0, 1, 2, 3, 4}, {"a", "b", "c"}, {{0, 1}, {2}, {}}, 1000, 5};
  const Inventory first = part_of(whole, {0, 2}, {0, 2}, 2);
  const Inventory second = part_of(whole, {1, 2}, {1, 2}, 2);
  EXPECT_THAT(first.cores, ElementsAre(0, 2, 4));
  EXPECT_THAT(second.cores, ElementsAre(1, 3));
  EXPECT_THAT(first.gpus, ElementsAre("a"));
  EXPECT_THAT(second.gpus, ElementsAre("b", "c"));
  EXPECT_THAT(second.near, ElementsAre(ElementsAre(2), IsEmpty()));
  EXPECT_EQ(first.memory_mib, 500);
  EXPECT_EQ(part_of(whole, {}, {}, 1).gpus, whole.gpus);
}

// GPUs by letters of their models; of each agent the ones that it has.
std::vector<std::string> dealt_out(const std::string& models, int agents) {
  Inventory whole;
  for (std::size_t i = 0; i < models.size(); ++i) {
    whole.gpus.push_back(std::to_string(i));
    whole.models.emplace_back(1, models[i]);
  }
  std::vector<std::string> dealt;
  for (int agent = 0; agent < agents; ++agent) {
    const Inventory part = part_of(whole, {}, {agent, agents}, agents);
    EXPECT_EQ(part.gpus.size(), part.models.size());
    std::string numbers;
    for (const std::string& gpu : part.gpus) numbers += gpu;
    dealt.push_back(numbers);
  }
  return dealt;
}

TEST(Bindings, an_agents_gpus_are_of_one_model) {
  EXPECT_THAT(dealt_out("aabbbb", 1), ElementsAre("2345")) << "the model with the most";
  EXPECT_THAT(dealt_out("abab", 1), ElementsAre("02")) << "of equals that with the first";
  EXPECT_THAT(dealt_out("aabbbb", 2), ElementsAre("2345", "01"));
  EXPECT_THAT(dealt_out("aabbbb", 3), ElementsAre("23", "45", "01")) << "as many agents as GPUs";
  EXPECT_THAT(dealt_out("aaaaaabc", 3), ElementsAre("012345", "6", "7")) << "each model has one first";
  EXPECT_THAT(dealt_out("ab", 4), ElementsAre("", "0", "", "1")) << "more agents than GPUs";
  EXPECT_THAT(dealt_out("aaaa", 2), ElementsAre("01", "23"));
  EXPECT_THAT(dealt_out("", 2), ElementsAre("", ""));
}

TEST(Bindings, models_without_an_agent_are_named) {
  Inventory whole;
  whole.gpus = {"0", "1", "2", "3"};
  whole.models = {"NVIDIA T4", "NVIDIA H200", "NVIDIA H200", "NVIDIA L4"};
  EXPECT_THAT(models_left_out(whole, 1), ElementsAre("NVIDIA T4", "NVIDIA L4"));
  EXPECT_THAT(models_left_out(whole, 2), ElementsAre("NVIDIA L4"));
  EXPECT_THAT(models_left_out(whole, 3), IsEmpty());
}

TEST(Bindings, models_are_the_drivers_and_unknown_where_it_shows_none) {
  DriverFolder driver;
  driver.add("0000:01:00.0", "GPU-aaaa", "NVIDIA H200");
  driver.add("0000:02:00.0", "GPU-bbbb", "NVIDIA T4");
  EXPECT_THAT(driver.inventory({}).models, ElementsAre("NVIDIA H200", "NVIDIA T4"));
  EXPECT_THAT(driver.inventory({{"CUDA_VISIBLE_DEVICES", "GPU-b,GPU-a"}}).models,
              ElementsAre("NVIDIA T4", "NVIDIA H200"));
  EXPECT_THAT(driver.inventory({{"CUDA_VISIBLE_DEVICES", "1,0"}}).models, ElementsAre("", ""))
      << "CUDA counts unlike GPUs by their speed";
  EXPECT_THAT(driver.inventory({{"CUDA_VISIBLE_DEVICES", "1"}, {"CUDA_DEVICE_ORDER", "PCI_BUS_ID"}}).models,
              ElementsAre("NVIDIA T4"));
}

TEST(Bindings, each_gpu_is_one_ranks_until_it_is_given_back) {
  Bindings bindings({{0, 1}, {"a", "b"}, {{0}, {1}}, 0, 2}, CpuBinding::kNone);
  const Binding first = bindings.take(true);
  const Binding second = bindings.take(true);
  EXPECT_EQ(first.gpu, "a");
  EXPECT_EQ(second.gpu, "b");
  EXPECT_THAT(first.processors, IsEmpty());
  EXPECT_THROW(bindings.take(true), core::RuntimeError);
  EXPECT_EQ(bindings.take(false).gpu, std::nullopt);
  bindings.give_back(first);
  EXPECT_EQ(bindings.take(true).gpu, "a");
}

TEST(Bindings, a_gpu_that_jobs_share_is_the_one_with_the_fewest) {
  Bindings bindings({{0}, {"a", "b"}, {{}, {}}, 0, 1}, CpuBinding::kNone, 2);
  const Binding first = bindings.take(true);
  EXPECT_EQ(first.gpu, "a");
  EXPECT_EQ(bindings.take(true).gpu, "b");
  EXPECT_EQ(bindings.take(true, {"a"}).gpu, "b");
  EXPECT_EQ(bindings.take(true).gpu, "a");
  EXPECT_THROW(bindings.take(true), core::RuntimeError);
  bindings.give_back(first);
  EXPECT_THROW(bindings.take(true, {"a"}), core::RuntimeError);
  EXPECT_EQ(bindings.take(true).gpu, "a");
}

TEST(Bindings, a_rank_has_a_core_of_its_own_or_those_near_its_gpu) {
  Bindings bindings({{4, 5}, {"a"}, {{5, 7}}, 0, 8}, CpuBinding::kCores);
  const Binding first = bindings.take(false);
  EXPECT_THAT(first.processors, ElementsAre(4));
  EXPECT_THAT(bindings.take(false).processors, ElementsAre(5));
  EXPECT_THAT(bindings.take(false).processors, IsEmpty()) << "more ranks than cores: not bound";
  const Binding with_gpu = bindings.take(true);
  EXPECT_THAT(with_gpu.processors, ElementsAre(5, 7));
  bindings.give_back(with_gpu);
  EXPECT_THAT(bindings.take(false).processors, IsEmpty()) << "a GPU's processors were never taken";
  bindings.give_back(first);
  EXPECT_THAT(bindings.take(false).processors, ElementsAre(4));
}

}  // namespace
}  // namespace resolute::tests::bindings_test
