// The words of a GPU about itself, by a stand-in for NVIDIA's library that is found as the real one (LD_LIBRARY_PATH in
// CMakeLists.txt), and how it reaches a progress line.

#include "workers/device/gpu_gauge.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "core/process/process.h"
#include "tests/support/manual_clock.h"
#include "workers/rank/progress_pipe.h"

namespace resolute::workers::gpu_gauge_test {
namespace {

constexpr const char* kAddress = "00000000:3b:00.0";
const core::Json kReading = {
    {"busy_percent", 94}, {"clock_mhz", 1980}, {"memory_mib", 31231}, {"memory_total_mib", 81559}};

class GpuGaugeTest : public testing::Test {
 protected:
  void SetUp() override { break_library(""); }
  static void break_library(const char* how) { ::setenv("STAND_IN_NVML", how, /*overwrite=*/1); }
  //! The log of when a gauge is made and read three times. \param readings how many say something
  static std::string logged(const std::string& address, int readings, const char* library = "libnvidia-ml.so.1") {
    testing::internal::CaptureStderr();
    GpuGauge gauge(address, library);
    int found = 0;
    for (int time = 0; time < 3; ++time) found += gauge.read().empty() ? 0 : 1;
    EXPECT_EQ(readings, found);
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(GpuGaugeTest, tells_how_busy_the_gpu_is_with_its_memory_and_its_clock) {
  EXPECT_EQ(kReading, GpuGauge(kAddress).read());
  EXPECT_EQ("", logged(kAddress, 3));
}

TEST_F(GpuGaugeTest, without_the_library_nothing_is_read_or_said) {
  EXPECT_EQ("", logged(kAddress, 0, "libnvidia-ml-that-nobody-has.so.1"));
}

TEST_F(GpuGaugeTest, a_library_that_fails_is_named_once_and_left_alone) {
  using testing::AllOf, testing::EndsWith, testing::HasSubstr;
  const auto one_line = [](const char* function, int code) {
    return AllOf(HasSubstr(function), EndsWith(fmt::format("answers {}\n", code)),
                 testing::Not(testing::ContainsRegex("\n.")));
  };
  EXPECT_THAT(logged("00000000:41:00.0", 0), one_line("nvmlDeviceGetHandleByPciBusId_v2", 6));
  break_library("lost");
  EXPECT_THAT(logged(kAddress, 0), one_line("nvmlDeviceGetUtilizationRates", 15));
  break_library("unknown");
  EXPECT_THAT(logged(kAddress, 0), one_line("nvmlInit_v2", 999));
  EXPECT_THAT(logged(kAddress, 0, "libc.so.6"), one_line("nvmlInit_v2", 13)) << "a library without its functions";
}

TEST_F(GpuGaugeTest, what_a_slice_does_not_tell_is_left_out) {
  break_library("slice");
  core::Json reading = kReading;
  reading.erase("busy_percent");
  EXPECT_EQ(reading, GpuGauge(kAddress).read());
  EXPECT_EQ("", logged(kAddress, 3));
}

// A step's line each second: the reading stays in them all and is made anew every five seconds.
TEST_F(GpuGaugeTest, is_read_every_five_seconds_for_all_lines_of_steps) {
  tests::ManualClock clock;
  core::Pipe pipe = core::make_pipe();
  ProgressPipe progress(pipe.write_end.get(), clock);
  GpuGauge gauge(kAddress);
  int reads = 0;
  progress.watch([&] {
    ++reads;
    return gauge.read();
  });
  for (std::uint64_t step = 1; step <= 12; ++step) {
    progress.step(step, 100, 2.5, step);
    clock.advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(3, reads) << "at 0, 5 and 10 s";
  break_library("lost");
  testing::internal::CaptureStderr();
  clock.advance(std::chrono::seconds(5));
  progress.step(13, 100, 2.5, 13);
  EXPECT_NE("", testing::internal::GetCapturedStderr());
  pipe.write_end = {};
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = ::read(pipe.read_end.get(), buffer, sizeof(buffer))) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  std::istringstream lines(text);
  int reported = 0, all = 0;
  for (std::string line; std::getline(lines, line); ++all) {
    const core::Json json = core::parse_json(line, "line");
    reported += json.contains("gpu") ? 1 : 0;
    if (json.contains("gpu")) EXPECT_EQ(kReading, json.at("gpu"));
  }
  EXPECT_EQ(12, reported);
  EXPECT_EQ(13, all);
}

}  // namespace
}  // namespace resolute::workers::gpu_gauge_test
