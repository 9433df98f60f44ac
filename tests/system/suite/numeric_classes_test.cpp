// A run on two kinds of machine: every cell has its mean, every difference its interval, and footnotes say what ran
// where.
#include "tests/system/program.h"

namespace resolute::system_test::numeric_classes_test {
namespace {

// mpirun with a coordinator and two agents, the second one's kernels bound to AVX2.
Words on_two_kinds(const Words& arguments) {
  const Words one = joined({"-n", "1"}, arguments);
  Words words = joined({"mpirun"}, one);
  words = joined(joined(words, {":", "-n", "1", "-x", "ONEDNN_MAX_CPU_ISA=AVX2", "-x", "ATEN_CPU_CAPABILITY=avx2"}),
                 arguments);
  return joined(joined(words, {":"}), one);
}

TEST(NumericClasses, of_two_agents_leave_every_number_and_every_interval) {
  const ScratchFolder scratch;
  const Words suite{"--store", scratch / "store", "--set", "trials=3"};
  const Words run =
      joined({(kBin / "resolute").string(), "suite", "run", kTinySuite, "--slots", "1"}, suite);
  succeeded(run_program(on_two_kinds(run)));
  const core::Json table =
      core::parse_json(succeeded(resolute(joined({"suite", "table", kTinySuite, "--json"}, suite))).out, "tables")
          .at("tables")
          .at(0);
  bool said = false;
  for (const core::Json& row : table.at("rows"))
    for (const core::Json& cell : row.at("cells")) {
      EXPECT_TRUE(cell.at("mean").is_number()) << cell;
      if (row.at("id") != "baseline" && cell.at("metric") != "resolution_probe")
        EXPECT_TRUE(cell.at("difference").is_object()) << cell;
      said = said || cell.contains("own_footnotes") ||
             (cell.at("difference").is_object() && cell.at("difference").contains("footnotes"));
    }
  EXPECT_TRUE(said) << "both agents had trainings";
  EXPECT_THAT(table.at("footnotes").at(0).get<std::string>(), HasSubstr("which differ in kernels"));
}

}  // namespace
}  // namespace resolute::system_test::numeric_classes_test
