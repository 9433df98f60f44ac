//! \file
//! The main() of test programs: GoogleTest's, and `--file=NAME.cpp`, which leaves only the tests that stand in that
//! file. So ctest runs each file of a program in a process of its own. `--slice=N` leaves N of them, drawn by the
//! commit (tests/support/slice.h), and so are the values of properties unless RC_PARAMS has a seed. Started in a role
//! (program_role.h), the program is no test.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/process/process.h"
#include "core/random/random.h"
#include "tests/support/program_role.h"
#include "tests/support/slice.h"

namespace {

// SUITE.TEST of each test in the file of that name.
std::vector<std::string> tests_in(const std::string& file) {
  std::vector<std::string> names;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const testing::TestInfo& test = *suite.GetTestInfo(j);
      if (std::filesystem::path(test.file()).filename() != file) continue;
      names.push_back(std::string(test.test_suite_name()) + "." + test.name());
    }
  }
  return names;
}

// RapidCheck alone would draw by the clock: what failed for one would pass for the next.
void seed_properties() {
  const char* given = std::getenv("RC_PARAMS");
  std::string parameters = given == nullptr ? "" : given;
  if (parameters.find("seed=") != std::string::npos) return;
  resolute::core::RandomStream random("properties " + resolute::tests::slice_commit(), {});
  parameters += (parameters.empty() ? "seed=" : " seed=") + std::to_string(random.below(1'000'000'000));
  if (::setenv("RC_PARAMS", parameters.c_str(), 1) != 0) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1)
    if (const auto role = resolute::tests::role_of(argv[1])) resolute::core::leave_process(role(argc - 2, argv + 2));
  testing::InitGoogleMock(&argc, argv);
  seed_properties();
  constexpr std::string_view kFile = "--file=", kSlice = "--slice=";
  std::string file;
  std::size_t count = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const std::string_view digits = argument.substr(std::min(argument.size(), kSlice.size()));
    if (argument.starts_with(kFile)) {
      file = argument.substr(kFile.size());
    } else if (!argument.starts_with(kSlice) ||
               std::from_chars(digits.data(), digits.data() + digits.size(), count).ptr != digits.end() || count == 0) {
      std::fprintf(stderr, "unknown argument '%s'; usage: [--file=NAME.cpp [--slice=N]] [--gtest_…]\n", argv[i]);
      return 2;
    }
  }
  if (!file.empty()) {
    std::vector<std::string> names = tests_in(file);
    if (names.empty()) {
      std::fprintf(stderr, "no test stands in '%s'\n", file.c_str());
      return 2;
    }
    if (count > 0) names = resolute::tests::slice(file, std::move(names), count);
    std::string filter;
    for (const std::string& name : names) filter += (filter.empty() ? "" : ":") + name;
    GTEST_FLAG_SET(filter, filter);
  }
  resolute::core::leave_process(RUN_ALL_TESTS());
}
