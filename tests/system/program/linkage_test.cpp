// What the programs load: no CUDA toolkit of the machine, no libtorch in the coordinator.

#include <fmt/format.h>

#include <regex>

#include "tests/system/program.h"

namespace resolute::system_test::linkage_test {
namespace {

std::string libraries_of(const fs::path& program) {
  auto output = succeeded(run_program({"ldd", program}));
  EXPECT_THAT(output.out, Not(HasSubstr("not found")));
  return output.out;
}

TEST(Linkage, coordinator_loads_neither_libtorch_nor_cuda_nor_before_it_multiplies_openblas) {
  std::string libraries = libraries_of(kBin / "resolute");
  for (const char* name : {"libtorch", "libc10", "libcuda", "libcublas", "libnccl", "libopenblas"})
    EXPECT_THAT(libraries, Not(HasSubstr(name)));
}

// A cluster has its own, which is loaded where several processes share a run.
TEST(Linkage, programs_load_no_mpi_when_they_start) {
  for (const char* program : {"resolute", "resolute-worker", "resolute-torch"}) {
    const std::string libraries = libraries_of(kBin / program);
    for (const char* name : {"libmpi", "libopen-", "libpmix"}) EXPECT_THAT(libraries, Not(HasSubstr(name))) << program;
  }
}

TEST(Linkage, one_process_runs_a_suite_without_mpi_and_several_say_that_there_is_none) {
  ScratchFolder scratch;
  auto environment = program_environment();
  environment["RESOLUTE_MPI"] = scratch / "libmpi.so.40";
  const Words run{kBin / "resolute", "suite", "run", kTinySuite, "--store", scratch / "store", "--max-jobs", "1"};
  const auto alone = run_program(run, environment);
  EXPECT_EQ(code_of(alone), 3) << alone.err;
  environment["OMPI_COMM_WORLD_SIZE"] = "2";
  environment["OMPI_COMM_WORLD_RANK"] = "0";
  const auto launched = run_program(run, environment);
  EXPECT_EQ(code_of(launched), 2);
  EXPECT_EQ(launched.err,
            fmt::format("resolute: the MPI library '{0}' cannot be used ({0}: cannot open shared object file: "
                        "No such file or directory); load the module of Open MPI 4 or 5, install it (Debian: "
                        "libopenmpi3), name its libmpi.so.40 in RESOLUTE_MPI, or start one process, which "
                        "needs no MPI\n",
                        environment["RESOLUTE_MPI"]));
}

TEST(Linkage, a_node_that_alone_has_no_mpi_is_named) {
  ScratchFolder scratch;
  const std::string missing = scratch / "libmpi.so.40";
  const Words run{kBin / "resolute", "suite", "run", kTinySuite, "--store", scratch / "store"};
  const auto output = run_program(
      joined(joined({"mpirun", "-np", "1"}, run), joined({":", "-np", "1", "-x", "RESOLUTE_MPI=" + missing}, run)));
  EXPECT_EQ(code_of(output), 2) << output.err;
  EXPECT_THAT(output.err, HasSubstr(core::host_name() + ": the MPI library '" + missing + "' cannot be used ("));
}

// A shard's process begins in 5 ms, not in 200, and takes its own memory alone.
TEST(Linkage, worker_that_builds_packs_loads_no_libtorch) {
  const std::string libraries = libraries_of(kBin / "resolute-worker");
  for (const char* name : {"libtorch", "libc10", "libcuda", "libgomp", "libopenblas"})
    EXPECT_THAT(libraries, Not(HasSubstr(name)));
}

// The programs as a wheel has them where no torch is: all that needs none works, the rest says so in one line at once.
TEST(Linkage, a_worker_without_libtorch_says_how_to_get_it_and_costs_one_attempt_a_job) {
  std::smatch found;
  const std::string libraries = libraries_of(kBin / "resolute-torch");
  ASSERT_TRUE(std::regex_search(libraries, found, std::regex("libtorch_cpu\\.so => (/.*)/libtorch_cpu")));
  ScratchFolder scratch;
  const fs::path worker = scratch / "resolute-worker", torch = scratch / "resolute-torch";
  fs::copy_file(kBin / "resolute-worker", worker);
  std::string program = core::read_text(core::real_file_system(), kBin / "resolute-torch");
  const std::string folder = found[1], nowhere(folder.size(), '!');
  for (std::size_t at = program.find(folder); at != std::string::npos; at = program.find(folder, at))
    program.replace(at, folder.size(), nowhere);
  core::write_atomic(core::real_file_system(), torch, program);
  fs::permissions(torch, fs::perms::owner_all);

  const std::string line = "resolute-worker: libtorch is not found (libtorch_cpu.so";
  for (const Words& words :
       {Words{"describe"}, Words{"describe", "cuda"}, Words{"run", "--store", "s", "--job", "j"}}) {
    const auto output = run_program(joined({worker}, words));
    EXPECT_EQ(code_of(output), 2) << output.err;
    EXPECT_THAT(output.err, StartsWith(line));
    EXPECT_THAT(output.err, HasSubstr("); pip install \"resolute[native]\" where "));
    EXPECT_EQ(output.err.find('\n'), output.err.size() - 1) << output.err;
  }
  auto environment = program_environment();
  environment["RESOLUTE_WORKER"] = worker;
  const auto doctor = run_program({kBin / "resolute", "doctor"}, environment);
  EXPECT_THAT(doctor.out, HasSubstr("libtorch is not found (libtorch_cpu.so"));
  const auto run =
      run_program({kBin / "resolute", "suite", "run", kTinySuite, "--store", scratch / "store"}, environment);
  EXPECT_THAT(run.err, HasSubstr("done: seal of people"));
  EXPECT_THAT(run.err, HasSubstr("given up after attempt 1 (configuration: process rank 0: exit code 2: " + line));
  EXPECT_THAT(run.err, Not(HasSubstr("attempt 2")));
}

TEST(Linkage, worker_takes_cuda_libraries_from_beside_libtorch_alone) {
  std::string libraries = libraries_of(kBin / "resolute-torch");
  ASSERT_NE(libraries.find("libtorch_cpu.so"), std::string::npos);
  EXPECT_THAT(libraries, Not(HasSubstr("/usr/local/cuda")));
  EXPECT_THAT(libraries, Not(HasSubstr("/opt/cuda")));
}

// OpenBLAS would take libtorch's matrix products over; what CUDA needs comes with libresolute_cuda.so, when it is asked
// for.
TEST(Linkage, worker_loads_neither_openblas_nor_libtorch_cuda) {
  std::string libraries = libraries_of(kBin / "resolute-torch");
  for (const char* name : {"libopenblas", "libtorch_cuda", "libc10_cuda", "libnccl", "libcudnn"})
    EXPECT_THAT(libraries, Not(HasSubstr(name)));
}

// It names libtorch's CUDA half, which is loaded before it with all that it needs itself: cuBLAS, cuDNN and more, which
// a machine without a GPU need not have.
TEST(Linkage, cuda_module_is_built_and_names_of_cuda_what_libtorch_has_loaded) {
  const std::string tags = succeeded(run_program({"readelf", "-d", kBin / "libresolute_cuda.so"})).out;
  for (const char* name : {"libtorch_cuda.so", "libc10_cuda.so", "libnccl.so"}) EXPECT_THAT(tags, HasSubstr(name));
  for (const char* name : {"libcuda.so", "libcudart", "libcublas", "libcudnn"}) EXPECT_THAT(tags, Not(HasSubstr(name)));
  EXPECT_THAT(tags, Not(HasSubstr("/usr/local/cuda")));
}

}  // namespace
}  // namespace resolute::system_test::linkage_test
