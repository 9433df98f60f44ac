#include "core/members.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <variant>
#include <vector>

namespace resolute::tests::members_test {

using namespace core;
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

struct Empty {};
struct Inner {
  int count = 0;
};
struct Outer {
  std::string text;
  std::vector<Inner> inner;
  Time at{};
  std::optional<Inner> maybe;
  std::variant<Empty, Inner> one;
  std::vector<int> numbers;
};

static_assert(kMembers<Empty> == 0 && kMembers<Inner> == 1 && kMembers<Outer> == 6);

constexpr std::tuple kRows{
    row<Inner>("inner", {{"count", 1, 3}}),
    row<Outer>("outer", {"text", "inner", {"at_ms", 0, 9}, "maybe", "one", {"numbers", 0, 5}}),
};

// A range that is never asked cannot stand in a row.
consteval bool asked(std::array<Member, 6> members) {
  const Member all[]{members[0], members[1], members[2], members[3], members[4], members[5]};
  return ranges_are_asked<Outer>(all);
}
static_assert(asked({"text", "inner", {"at_ms", 0, 9}, "maybe", "one", {"numbers", 0, 5}}));
static_assert(!asked({Member("text", 0), "inner", "at_ms", "maybe", "one", "numbers"}));
static_assert(!asked({"text", Member("inner", 0), "at_ms", "maybe", "one", "numbers"}));
static_assert(!asked({"text", "inner", "at_ms", Member("maybe", 0), "one", "numbers"}));
static_assert(!asked({"text", "inner", "at_ms", "maybe", Member("one", 0), "numbers"}));

TEST(Members, are_visited_in_the_order_of_their_declaration) {
  Outer outer;
  visit_members(outer, [&](auto&... member) {
    const void* const addresses[] = {&member...};
    const void* const declared[] = {&outer.text, &outer.inner, &outer.at, &outer.maybe, &outer.one, &outer.numbers};
    EXPECT_TRUE(std::equal(std::begin(addresses), std::end(addresses), std::begin(declared), std::end(declared)));
  });
  std::string names;
  for_each_member(std::get<Row<Outer>>(kRows), std::as_const(outer),
                  [&](const Member& member, const auto&) { names += std::string(member.name) + " "; });
  EXPECT_EQ(names, "text inner at_ms maybe one numbers ");
}

TEST(Members, that_are_out_of_their_range_are_named) {
  const Outer good{"text", {{1}, {3}}, Time(std::chrono::milliseconds(9)), {}, {}, {0, 5}};
  EXPECT_EQ(out_of_range(kRows, good), "");
  Outer bad = good;
  bad.inner[1].count = 4;
  EXPECT_EQ(out_of_range(kRows, bad), "count is 4");
  bad = good;
  bad.at = Time(std::chrono::milliseconds(10));
  EXPECT_EQ(out_of_range(kRows, bad), "at_ms is 10");
  bad = good;
  bad.numbers[0] = -1;
  EXPECT_EQ(out_of_range(kRows, bad), "numbers is -1");
  bad.inner[0].count = 0;
  EXPECT_EQ(out_of_range(kRows, bad), "count is 0") << "the first is told";
}

}  // namespace resolute::tests::members_test
