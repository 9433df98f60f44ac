#include "orchestrator/transport/mpi_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/folders.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::orchestrator::mpi_library_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string refusal_of(const std::string& file) {
  return tests::refusal([&] { MpiLibrary library(file); });
}

// The library has this name and nothing behind it.
std::string refusal_of_other(const char* name) {
  ::setenv("RESOLUTE_TEST_MPI_NAME", name, 1);
  const std::string refusal = refusal_of(tests::binary_folder() / "simulated/libother_mpi.so");
  ::unsetenv("RESOLUTE_TEST_MPI_NAME");
  return refusal;
}

TEST(MpiLibrary, of_this_machine_has_all_that_is_called) {
  const MpiLibrary library("libmpi.so.40");
  EXPECT_THAT(library.name, StartsWith("Open MPI v"));
  EXPECT_THAT(library.name, testing::Not(HasSubstr(",")));
}

TEST(MpiLibrary, that_is_missing_or_none_is_refused_with_what_to_do) {
  tests::TemporaryFolder folder;
  const std::string text = folder.path() / "libmpi.so.40";
  std::ofstream(text) << "INPUT(-lmpi)\n";
  for (const std::string& file : {text, text + ".none", folder.path().string(), std::string("libm.so.6")})
    EXPECT_THAT(refusal_of(file), AllOf(StartsWith("the MPI library '" + file + "' cannot be used ("),
                                        HasSubstr("; load the module of Open MPI 4 or 5, ")));
  EXPECT_THAT(refusal_of("libm.so.6"), HasSubstr("(it has no 'MPI_Get_library_version');"));
}

TEST(MpiLibrary, of_another_kind_or_version_is_refused_by_its_name) {
  for (const char* name : {"MPICH Version: 4.3.2", "Intel(R) MPI Library 2021.13 for Linux* OS", "MVAPICH Version: 3.0",
                           "Open MPI v3.1.6", "Open MPI v6.0.0", "Open MPI v41.0"})
    EXPECT_THAT(refusal_of_other(fmt::format("{}\nbuilt so: ", name).c_str()),
                HasSubstr(fmt::format("(it calls itself '{}');", name)));
  EXPECT_THAT(refusal_of(tests::binary_folder() / "simulated/libother_mpi.so"),
              HasSubstr("(it does not say its name);"));
}

TEST(MpiLibrary, that_lacks_a_function_is_refused_when_it_is_loaded) {
  for (const char* name : {"Open MPI v4.1.4, package: Debian OpenMPI", "Open MPI v5.0.11\n"})
    EXPECT_THAT(refusal_of_other(name), HasSubstr("(it has no 'ompi_mpi_comm_world');"));
}

}  // namespace
}  // namespace resolute::orchestrator::mpi_library_test
