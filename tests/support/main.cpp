//! \file
//! The main() of test programs: GoogleTest's, and `--file=NAME.cpp`, which leaves only the tests that stand in that
//! file. So ctest runs each file of a program in a process of its own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

namespace {

// "SUITE.TEST:SUITE.TEST…" of the tests in the file of that name.
std::string tests_in(std::string_view file) {
  std::string names;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const testing::TestInfo& test = *suite.GetTestInfo(j);
      if (std::filesystem::path(test.file()).filename() != file) continue;
      names += std::string(names.empty() ? "" : ":") + test.test_suite_name() + "." + test.name();
    }
  }
  return names;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  constexpr std::string_view kFile = "--file=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(kFile)) {
      std::fprintf(stderr, "unknown argument '%s'; usage: [--file=NAME.cpp] [--gtest_…]\n", argv[i]);
      return 2;
    }
    const std::string names = tests_in(argument.substr(kFile.size()));
    if (names.empty()) {
      std::fprintf(stderr, "no test stands in '%s'\n", argv[i] + kFile.size());
      return 2;
    }
    GTEST_FLAG_SET(filter, names);
  }
  return RUN_ALL_TESTS();
}
