#include "workers/rank/trace_request.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/support/refusal.h"

namespace resolute::workers::trace_request_test {
namespace {

TEST(TraceRequest, reads_one_step_or_a_range_with_both_ends) {
  TraceRequest request;
  read_steps("7", request);
  EXPECT_EQ(request.first_step, 7U);
  EXPECT_EQ(request.last_step, 7U);
  read_steps("20..24", request);
  EXPECT_EQ(request.first_step, 20U);
  EXPECT_EQ(request.last_step, 24U);
}

TEST(TraceRequest, takes_the_longest_range_and_no_longer) {
  TraceRequest request;
  read_steps("5..104", request);
  EXPECT_THAT(tests::refusal([&] { read_steps("5..105", request); }),
              testing::AllOf(testing::HasSubstr("5..105"), testing::HasSubstr("100 steps")));
}

TEST(TraceRequest, refuses_what_names_no_steps) {
  TraceRequest request;
  for (const std::string text : {"", "..", "1..", "..4", "0..4", "4..3", "-1..4", "+1..4", " 1..2", "1...2", "1..2..3",
                                 "1-2", "a..b", "18446744073709551616..18446744073709551617"})
    EXPECT_THAT(tests::refusal([&] { read_steps(text, request); }),
                testing::AllOf(testing::HasSubstr("--steps"), testing::HasSubstr("FIRST..LAST")))
        << text;
}

TEST(TraceRequest, gives_each_process_rank_a_file) {
  EXPECT_EQ(trace_file("/a/trace.json", 0), "/a/trace.json");
  EXPECT_EQ(trace_file("/a/trace.json", 2), "/a/trace.rank2.json");
  EXPECT_EQ(trace_file("/a/trace", 1), "/a/trace.rank1");
}

}  // namespace
}  // namespace resolute::workers::trace_request_test
