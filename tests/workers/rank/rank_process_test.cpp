//! \file
//! How a rank ends: its exit code by the kind of what went wrong, and one last line.

#include "workers/rank/rank_process.h"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/error.h"

namespace resolute::workers::rank_process_test {
namespace {

std::pair<int, std::string> end_of(const std::function<void()>& run) {
  testing::internal::CaptureStderr();
  const int code = run_to_last_line(run);
  return {code, testing::internal::GetCapturedStderr()};
}

TEST(RankProcess, says_nothing_of_a_rank_that_did_its_work) {
  EXPECT_EQ(std::pair(0, std::string()), end_of([] {}));
}

TEST(RankProcess, exit_code_and_last_line_follow_what_went_wrong) {
  using core::ErrorKind;
  for (const auto kind : {ErrorKind::kInput, ErrorKind::kCorrupt, ErrorKind::kTransient, ErrorKind::kEnvironment}) {
    const auto [code, line] = end_of([&] { throw core::RuntimeError(kind, "it broke", "why", "mend it"); });
    EXPECT_EQ(core::exit_code(kind), code);
    EXPECT_EQ("resolute-worker: it broke (why); mend it\n", line);
  }
  const int environment = core::exit_code(ErrorKind::kEnvironment);
  EXPECT_EQ(std::pair(environment, std::string("resolute-worker: out of memory\n")),
            end_of([] { throw std::bad_alloc(); }));
  EXPECT_EQ(std::pair(environment, std::string("resolute-worker: unexpected failure (first line)\n")),
            end_of([] { throw std::runtime_error("first line\nand a stack"); }));
  const auto [code, line] = end_of([] { RESOLUTE_EXPECT(false, "one and one are two"); });
  EXPECT_EQ(environment, code);
  EXPECT_EQ(0U, line.find("resolute-worker: internal error (")) << line;
  EXPECT_NE(std::string::npos, line.find("one and one are two")) << line;
}

}  // namespace
}  // namespace resolute::workers::rank_process_test
