// News for viewers of a page, and when somebody wants it.

#include "report/server/editions.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace resolute::report::editions_test {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{20'000};  // never waited for where the code is right
constexpr milliseconds kNow{0};

std::string page_of(std::uint64_t number) { return "page " + std::to_string(number); }

TEST(Editions, a_document_that_differs_is_a_new_edition_and_its_page_knows_the_number) {
  Editions editions;
  int made = 0;
  const auto page = [&](std::uint64_t number) { return ++made, page_of(number); };
  editions.publish("one", page);
  editions.publish("one", page);
  EXPECT_EQ(made, 1);
  editions.publish("two", page);
  const Edition last = editions.open(kNow);
  EXPECT_EQ(last.number, 2U);
  EXPECT_EQ(*last.page, "page 2");
  EXPECT_EQ(*last.document, "two");
}

TEST(Editions, who_waits_hears_of_a_new_edition_of_trouble_and_of_its_end) {
  Editions editions;
  editions.publish("one", page_of);
  News seen = editions.wait({}, kLong);
  EXPECT_EQ(seen.edition, 1U);
  EXPECT_EQ(editions.wait(seen, milliseconds(1)).edition, 1U) << "nothing new";
  auto next = std::async(std::launch::async, [&, seen] { return editions.wait(seen, kLong); });
  editions.publish("two", page_of);
  seen = next.get();
  EXPECT_EQ(seen.edition, 2U);
  editions.fail("no disk");
  editions.fail("no disk");
  seen = editions.wait(seen, kLong);
  EXPECT_EQ(seen.words, "no disk");
  EXPECT_EQ(seen.trouble, 1U) << "the same words are told once";
  editions.publish("two", page_of);
  seen = editions.wait(seen, kLong);
  EXPECT_EQ(seen.words, "");
  EXPECT_EQ(seen.edition, 2U);
  editions.end();
  EXPECT_TRUE(editions.wait(seen, kLong).ended);
}

TEST(Editions, they_are_wanted_while_somebody_looks_on_and_once_for_a_question) {
  Editions editions;
  editions.publish("one", page_of);
  EXPECT_FALSE(editions.wanted());
  {
    const Editions::Viewer first(editions), second(editions);
    EXPECT_TRUE(editions.wanted());
    EXPECT_EQ(editions.open(kLong).number, 1U) << "what is followed is fresh: no waiting";
  }
  EXPECT_FALSE(editions.wanted());
  auto asked = std::async(std::launch::async, [&] { return editions.open(kLong); });
  while (!editions.wanted()) std::this_thread::sleep_for(milliseconds(1));
  editions.publish("two", page_of);
  EXPECT_EQ(asked.get().number, 2U) << "made for the question";
  EXPECT_FALSE(editions.wanted());
  EXPECT_EQ(editions.open(milliseconds(1)).number, 2U) << "nobody answers: what there is";
}

}  // namespace
}  // namespace resolute::report::editions_test
