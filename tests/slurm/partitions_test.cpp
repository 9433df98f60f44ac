#include "slurm/partitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/files/file_system.h"
#include "tests/support/folders.h"
#include "tests/support/refusal.h"

namespace resolute::slurm::partitions_test {
namespace {

using namespace std::chrono_literals;
using namespace testing;

const std::string kSite =
    "cpu*|1:00:00|1-infinite|4|2|4096|(null)\n"
    "gpu|2-00:00:00|1-2|3|64|512000|gpu:a100:4(S:0-1)\n"
    "gpu|2-00:00:00|1-2|1|64|1024000|gpu:h100:8(S:0-1,3),nvme:2\n"
    "open|infinite|1-infinite|2|128|256000|gpu:2\n";

Resources asking(const std::string& partition, int nodes = 1, std::chrono::seconds time = 30min) {
  Resources resources;
  resources.partition = partition;
  resources.nodes = nodes;
  resources.time = time;
  return resources;
}
std::string never(const Resources& resources) {
  const auto found = why_never(parse_partitions(kSite), resources);
  return found ? found->why + "; " + found->advice : "";
}

TEST(Partitions, are_read_as_sinfo_of_the_test_box_wrote_them) {
  const auto text = core::read_text(core::real_file_system(),
                                    tests::source_folder() / "tests/slurm/recorded/22.05/sinfo-partitions.txt");
  const auto partitions = parse_partitions(text);
  ASSERT_THAT(partitions, SizeIs(3));
  for (const Partition& partition : partitions) {
    EXPECT_EQ(partition.is_default, partition.name == "main");
    ASSERT_THAT(partition.kinds, SizeIs(1)) << partition.name;
    EXPECT_EQ(partition.kinds[0].nodes, 3);
    EXPECT_EQ(partition.kinds[0].processors, 4);
  }
}

TEST(Partitions, of_several_kinds_of_nodes_are_one) {
  const auto partitions = parse_partitions(kSite);
  ASSERT_THAT(partitions, SizeIs(3));
  EXPECT_TRUE(partitions[0].is_default);
  EXPECT_EQ(partitions[0].longest, 1h);
  EXPECT_EQ(partitions[0].most_nodes, std::nullopt);
  EXPECT_EQ(partitions[1].most_nodes, 2);
  EXPECT_THAT(partitions[1].kinds, SizeIs(2));
  EXPECT_EQ(partitions[1].kinds[1].memory_mib, 1024000);
  EXPECT_EQ(partitions[2].longest, std::nullopt);
}

TEST(Partitions, are_refused_where_sinfo_would_not_write_so) {
  for (const char* text : {"main*|1:00:00|1-infinite|4|2|1", "main*|1:00:00|1-infinite|4+|2|1|(null)", "|1|1|1|1|1|",
                           "main|1:00:00|1-many|4|2|1|(null)", "slurm_load_partitions error", "a|1|1|-1|1|1|",
                           "a|1|1|9223372001540648616|1|1|", "a|1|1-9999999999999|1|1|1|"})
    EXPECT_THAT(tests::refusal([&] { parse_partitions(text); }, core::ErrorKind::kTransient),
                StartsWith("sinfo wrote '"))
        << text;
  EXPECT_THAT(parse_partitions(""), IsEmpty());
}

TEST(GpusOf, a_node_are_counted_by_type) {
  EXPECT_EQ(gpus_of("gpu:a100:4(S:0-1)", ""), 4);
  EXPECT_EQ(gpus_of("gpu:a100:4(S:0,2),gpu:h100:2,nvme:1", ""), 6);
  EXPECT_EQ(gpus_of("gpu:a100:4(S:0,2),gpu:h100:2", "h100"), 2);
  EXPECT_EQ(gpus_of("gpu:4", "a100"), 4) << "it may be of any type";
  EXPECT_EQ(gpus_of("gpu", ""), 1);
  EXPECT_EQ(gpus_of("(null)", ""), 0);
  EXPECT_EQ(gpus_of("", ""), 0);
  EXPECT_EQ(gpus_of("gpu:a100:many", ""), std::nullopt);
  EXPECT_EQ(gpus_of("gpu:-4", ""), std::nullopt);
  EXPECT_EQ(gpus_of("gpu:9223372036854775807,gpu:9223372036854775807", ""), std::nullopt);
}

TEST(WhyNever, names_the_partition_and_both_numbers) {
  EXPECT_EQ(never(asking("cpu", 4)), "");
  EXPECT_EQ(never(asking("cpu", 99)), "partition 'cpu' has 4 nodes, and 99 are asked for; fewer --nodes");
  EXPECT_EQ(never(asking("gpu", 3)), "partition 'gpu' gives a job 2 nodes at most, and 3 are asked for; fewer --nodes");
  EXPECT_EQ(
      never(asking("cpu", 1, 240h)),
      "the time limit of partition 'cpu' is 60 min, and 14400 min are asked for; a shorter --time: the suite goes on "
      "over any number of starts");
  EXPECT_EQ(never(asking("cpu", 1, 1h)), "");
  EXPECT_THAT(never(asking("cpu", 1, 1h + 1s)), HasSubstr("61 min are asked for")) << "as SLURM rounds it";
}

TEST(WhyNever, is_also_what_no_node_has_enough_of) {
  auto resources = asking("cpu", 2);
  resources.cpus_per_node = 64;
  EXPECT_EQ(never(resources),
            "no node of partition 'cpu' has 64 processors, and 2 are asked for; fewer --cpus-per-node");
  resources = asking("gpu");
  resources.memory = "1000G";
  EXPECT_EQ(never(resources), "") << "its largest has exactly that";
  resources.memory = "1001G";
  EXPECT_EQ(never(resources),
            "no node of partition 'gpu' has 1025024 MiB of memory, and one is asked for; less --memory");
  resources.memory = "0";
  resources.gpus_per_node = 8;
  EXPECT_EQ(never(resources), "");
  resources.nodes = 2;
  EXPECT_EQ(never(resources),
            "only 1 node of partition 'gpu' has 8 GPUs, and 2 are asked for; fewer --gpus-per-node or "
            "another --gpu-type");
  resources.nodes = 1;
  resources.gpu_type = "a100";
  EXPECT_THAT(never(resources), StartsWith("no node of partition 'gpu' has 8 GPUs 'a100'"));
  resources.gpus_per_node = 4;
  resources.memory = "900G";
  EXPECT_THAT(never(resources), StartsWith("no node of partition 'gpu' has all that is asked of each"));
}

TEST(WhyNever, is_silent_where_one_partition_may_do_it_or_is_not_known) {
  EXPECT_EQ(never(asking("cpu,gpu", 1, 24h)), "");
  EXPECT_THAT(never(asking("cpu,gpu", 1, 240h)), Not(IsEmpty()));
  EXPECT_EQ(never(asking("secret", 99)), "");
  EXPECT_EQ(never(asking("cpu,secret", 99)), "");
  for (const char* named : {"", "cpu"})
    EXPECT_FALSE(why_never(std::vector<Partition>{}, asking(named, 99))) << "nothing is known";
}

TEST(WhyNever, leaves_limits_open_to_a_qos_or_a_reservation_and_nodes_not) {
  auto resources = asking("cpu", 4, 240h);
  resources.qos = "long";
  EXPECT_EQ(never(resources), "");
  resources.nodes = 5;
  EXPECT_THAT(never(resources), StartsWith("partition 'cpu' has 4 nodes"));
  resources = asking("cpu", 4, 240h);
  resources.reservation = "week";
  EXPECT_EQ(never(resources), "");
}

TEST(SeveralKinds, are_told_unless_one_is_asked_for) {
  const auto kinds = [](Resources resources) { return several_kinds(parse_partitions(kSite), resources).value_or(""); };
  Resources resources = asking("gpu");
  resources.gpus_per_node = 4;
  EXPECT_EQ(kinds(resources), "partition 'gpu' has nodes with a100 and with h100");
  EXPECT_EQ(kinds(asking("gpu")), "") << "their processors are as many";
  EXPECT_EQ(kinds(asking("")), "") << "the default has one kind";
  EXPECT_EQ(kinds(asking("open")), "");
  EXPECT_EQ(kinds(asking("elsewhere")), "");
  resources.gpus_per_node = 8;
  EXPECT_EQ(kinds(resources), "") << "one kind has so many";
  resources = asking("open,gpu");
  resources.gpus_per_node = 1;
  EXPECT_NE(kinds(resources), "");
  Resources typed = resources, constrained = resources;
  typed.gpu_type = "a100";
  constrained.constraint = "a100";
  EXPECT_EQ(kinds(typed) + kinds(constrained), "");
  const auto two =
      parse_partitions("all*|1:00:00|1-infinite|4|2|4096|(null)\nall*|1:00:00|1-infinite|4|64|4096|(null)\n");
  EXPECT_EQ(several_kinds(two, asking("")), "partition 'all' has nodes with 2 processors and with 64 processors");
}

TEST(WhyNever, without_a_named_partition_is_what_no_partition_can_do) {
  EXPECT_EQ(never(asking("", 1, 240h)), "") << "a site may choose 'open'";
  const auto partitions = parse_partitions(kSite);
  const auto by_default = why_never_by_default(partitions, asking("", 1, 240h));
  ASSERT_TRUE(by_default);
  EXPECT_THAT(by_default->why, HasSubstr("partition 'cpu'"));
  EXPECT_FALSE(why_never_by_default(partitions, asking("open", 1, 240h)));
  EXPECT_THAT(never(asking("", 99)), StartsWith("partition 'cpu' has 4 nodes")) << "the default one is named";
}

}  // namespace
}  // namespace resolute::slurm::partitions_test
