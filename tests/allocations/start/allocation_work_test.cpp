#include "allocations/start/allocation_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace resolute::allocations::allocation_work_test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST(WhileStorageFails, calls_again_until_it_succeeds_with_waits_that_double_to_a_minute) {
  int calls = 0;
  std::vector<std::chrono::milliseconds> waits;
  while_storage_fails(
      [&] {
        if (++calls <= 8) throw core::system_error("x", ESTALE);
      },
      [] { return false; }, [&](std::chrono::milliseconds wait) { waits.push_back(wait); });
  EXPECT_EQ(calls, 9);
  EXPECT_THAT(waits, ElementsAre(1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s));
}

TEST(WhileStorageFails, passes_on_what_another_call_would_not_mend_and_all_where_there_is_no_time) {
  int calls = 0;
  const auto never = [](std::chrono::milliseconds) { ADD_FAILURE() << "it waits"; };
  const auto fail = [&](int error_number) {
    return [&calls, error_number] {
      ++calls;
      throw core::system_error("x", error_number);
    };
  };
  EXPECT_THROW(while_storage_fails(
                   fail(EACCES), [] { return false; }, never),
               core::RuntimeError);
  EXPECT_THROW(while_storage_fails(
                   fail(EIO), [] { return true; }, never),
               core::RuntimeError);
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace resolute::allocations::allocation_work_test
