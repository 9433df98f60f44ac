#include "orchestrator/course/journal_progress.h"

#include <gtest/gtest.h>

namespace resolute::tests::journal_progress_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;

const Instant kNow{100s};
using Names = std::vector<std::string>;

Event end_of(const std::string& why) { return RunEnded{RunEnd::kIdle, why}; }

TEST(JournalProgress, gives_decisions_in_order_once_their_records_are_on_the_disk) {
  JournalProgress journal;
  journal.decide(4, kNow, end_of("first"));
  journal.decide(5, kNow, end_of("second"));
  EXPECT_FALSE(journal.take_decision());
  journal.keep({4, 100});
  EXPECT_EQ(std::get<RunEnded>(journal.take_decision().value()).why, "first");
  EXPECT_FALSE(journal.take_decision());
  journal.keep({9, 200});
  EXPECT_EQ(std::get<RunEnded>(journal.take_decision().value()).why, "second");
  EXPECT_FALSE(journal.take_decision());
}

TEST(JournalProgress, knows_since_when_a_decision_waits_and_whether_one_places) {
  JournalProgress journal;
  EXPECT_FALSE(journal.waits_since_before(kNow + 1h));
  journal.decide(1, kNow, end_of(""));
  EXPECT_FALSE(journal.places());
  journal.decide(2, kNow + 5s, Placed{});
  EXPECT_TRUE(journal.places());
  EXPECT_FALSE(journal.waits_since_before(kNow));
  EXPECT_TRUE(journal.waits_since_before(kNow + 1ms));
  journal.keep({2, 100});
  journal.take_decision();
  EXPECT_FALSE(journal.waits_since_before(kNow + 5s));
  journal.take_decision();
  EXPECT_FALSE(journal.places());
}

TEST(JournalProgress, lets_files_of_requests_go_with_the_last_record_that_follows_from_them) {
  JournalProgress journal;
  journal.keep({2, 100});
  journal.take_up({"a", "b"}, 4);
  EXPECT_EQ(journal.take_requests(), Names());
  EXPECT_TRUE(journal.has_requests());
  journal.keep({4, 200});
  EXPECT_EQ(journal.take_requests(), (Names{"a", "b"}));
  EXPECT_FALSE(journal.has_requests());
  journal.take_up({"c"}, 4);
  EXPECT_EQ(journal.take_requests(), Names{"c"}) << "no record follows from it";
}

TEST(JournalProgress, fails_until_a_sync_succeeds) {
  JournalProgress journal;
  EXPECT_FALSE(journal.keep({1, 100}));
  journal.fail();
  EXPECT_TRUE(journal.fails());
  EXPECT_TRUE(journal.keep({2, 200}));
  EXPECT_FALSE(journal.fails());
}

TEST(JournalProgress, has_the_length_of_the_file_in_which_it_goes_on) {
  JournalProgress journal;
  journal.keep({3, 100});
  EXPECT_TRUE(journal.is_as_long_as(100));
  EXPECT_FALSE(journal.is_as_long_as(101));
  journal.go_on(10);
  EXPECT_FALSE(journal.is_as_long_as(11));
}

TEST(JournalProgress, holds_events_for_the_next_step_in_order_whatever_is_on_the_disk) {
  JournalProgress journal;
  journal.fail();
  for (const char* why : {"first", "second"}) journal.hold(end_of(why));
  EXPECT_TRUE(journal.holds());
  const std::vector<Event> held = journal.take_held();
  ASSERT_EQ(2U, held.size());
  EXPECT_EQ("first", std::get<RunEnded>(held[0]).why);
  EXPECT_EQ("second", std::get<RunEnded>(held[1]).why);
  EXPECT_FALSE(journal.holds());
  EXPECT_FALSE(journal.take_decision());
}

}  // namespace
}  // namespace resolute::tests::journal_progress_test
