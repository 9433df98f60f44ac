#include "settings/member.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/support/refusal.h"

namespace resolute::settings::member_test {
namespace {

using testing::HasSubstr;

enum class Colour { kRed, kBlue };
constexpr auto words_of(Colour) { return words("red", "blue"); }

struct Inner {
  int size = 3;
  static void members(auto&& visit) { visit(member("size", &Inner::size, between(1, 9), "pixels").spelled("wide")); }
  bool operator==(const Inner&) const = default;
};

struct Outer {
  int steps = 2;
  double share = -0.0;
  std::vector<int> rates = {2, 3};
  Colour colour = Colour::kBlue;
  bool neck = true;
  std::optional<Inner> inner;
  static void members(auto&& visit) {
    visit(member("steps", &Outer::steps, at_least(1), "optimiser steps"));
    visit(member("share", &Outer::share, between(0, 0.5), "share of all"));
    visit(member("rates", &Outer::rates, some_rates(), "rates"));
    visit(member("colour", &Outer::colour, "colour"));
    visit(member("neck", &Outer::neck, "a neck"));
    visit(member("inner", &Outer::inner, "more"));
  }
  bool operator==(const Outer&) const = default;
};

// A rule that is never asked cannot be written.
template <class T>
struct Holder {
  T value;
};
template <class T>
concept TakesARule = requires {
  member("value", &Holder<T>::value, between(1, 2), "help");
};
static_assert(TakesARule<int> && TakesARule<double> && TakesARule<std::vector<int>>);
static_assert(!TakesARule<std::uint64_t> && !TakesARule<std::string> && !TakesARule<bool> && !TakesARule<Colour> &&
              !TakesARule<std::optional<int>>);

using tests::refusal;

TEST(Member, json_holds_every_member_and_comes_back) {
  Outer outer;
  EXPECT_EQ(R"({"colour":"blue","inner":null,"neck":true,"rates":[2,3],"share":0.0,"steps":2})",
            canonical(outer).text());
  EXPECT_EQ(outer, from_json<Outer>(core::Json::parse(canonical(outer).text()), "spec"));
  outer.inner = Inner{7};
  outer.colour = Colour::kRed;
  EXPECT_EQ(outer, from_json<Outer>(core::Json::parse(canonical(outer).text()), "spec"));
}

TEST(Member, reading_is_strict_and_tells_the_place) {
  const auto refused = [](const std::string& key, const core::Json& value) {
    core::Json json = core::Json::parse(canonical(Outer{}).text());
    json[key] = value;
    return refusal([&] { from_json<Outer>(json, "spec"); });
  };
  EXPECT_THAT(refused("colour", "rd"),
              HasSubstr("spec: key 'colour' has the value 'rd' (it must be one of red, blue)"));
  EXPECT_THAT(refused("steps", 1.5), HasSubstr("spec: key 'steps' has the value 1.5"));
  EXPECT_THAT(refused("else", 1), HasSubstr("spec: unknown key 'else'"));
  EXPECT_THAT(refused("inner", core::Json::object()), HasSubstr("spec: in 'inner': key 'size' is missing"));
}

TEST(Member, each_is_checked_by_its_rule) {
  const auto refused = [](auto change) {
    Outer outer;
    change(outer);
    return refusal([&] { check_members(outer, "train."); });
  };
  EXPECT_EQ("", refused([](Outer&) {}));
  EXPECT_EQ("key 'train.steps' has the value 0 (it must be at least 1)", refused([](Outer& o) { o.steps = 0; }));
  EXPECT_EQ("key 'train.share' has the value 0.75 (it must be 0 to 0.5)", refused([](Outer& o) { o.share = 0.75; }));
  EXPECT_EQ("key 'train.rates' has the value [3, 2] (they must ascend, none twice)", refused([](Outer& o) {
              o.rates = {3, 2};
            }));
  EXPECT_EQ("key 'train.rates' has the value [17] (each must be 1 to 16)", refused([](Outer& o) { o.rates = {17}; }));
  EXPECT_THAT(refused([](Outer& o) { o.rates.clear(); }), HasSubstr("key 'train.rates' has the value []"));
  EXPECT_EQ("key 'wide' has the value 0 (it must be 1 to 9)", refusal([] { check_members(Inner{0}, ""); }));
}

struct Drawn {
  std::vector<double> width;
  std::vector<int> height;
  Inner inner;
  static void members(auto&& visit) {
    visit(member("width", &Drawn::width, interval(1, 16), "width").silent_at_default());
    visit(member("height", &Drawn::height, interval(1, 100), "height").silent_at_default());
    visit(member("inner", &Drawn::inner, "more"));
  }
  bool operator==(const Drawn&) const = default;
};

TEST(Member, an_interval_is_empty_or_has_a_lowest_and_a_highest_value) {
  const auto refused = [](const Drawn& drawn) { return refusal([&] { check_members(drawn, "s."); }); };
  for (const std::vector<double>& width : std::vector<std::vector<double>>{{}, {2, 4}, {3, 3}, {1, 16}, {1.25, 1.5}})
    EXPECT_EQ("", refused({width, {}, {}}));
  EXPECT_EQ(
      "key 's.width' has the value [4, 2.5] (the lowest value and the highest are needed, in this order); [] "
      "leaves it out",
      refused({{4, 2.5}, {}, {}}));
  for (const std::vector<double>& width : std::vector<std::vector<double>>{{3}, {1, 2, 3}})
    EXPECT_THAT(refused({width, {}, {}}), HasSubstr("the lowest value and the highest"));
  for (const std::vector<double>& width :
       std::vector<std::vector<double>>{{0.5, 2}, {2, 16.5}, {1, std::numeric_limits<double>::quiet_NaN()}})
    EXPECT_THAT(refused({width, {}, {}}), HasSubstr("(each must be 1 to 16)"));
  EXPECT_THAT(refused({{}, {90, 30}, {}}), HasSubstr("key 's.height' has the value [90, 30]"));
  EXPECT_THAT(refused({{}, {0, 30}, {}}), HasSubstr("(each must be 1 to 100)"));
  // A member of settings is checked under its own key.
  EXPECT_THAT(refused({{}, {}, {0}}), HasSubstr("key 's.inner.wide' has the value 0"));
}

TEST(Member, intervals_are_written_as_lists_of_their_type) {
  const Drawn drawn{{-0.0, 4}, {1, 2}, {}};
  EXPECT_EQ(R"({"height":[1,2],"inner":{"size":3},"width":[0.0,4.0]})", canonical(drawn).text());
  EXPECT_EQ(drawn, from_json<Drawn>(core::Json::parse(canonical(drawn).text()), "spec"));
  EXPECT_EQ(R"({"inner":{"size":3}})", canonical(Drawn{}).text());
}

//! As files have held it: `side` came with schema 2, the colour red with 3, `count` with 4.
struct Grown {
  Colour colour = Colour::kBlue;
  int side = 1;
  int count = 0;
  static void members(auto&& visit) {
    visit(member("colour", &Grown::colour, "colour").since(3, Colour::kRed));
    visit(member("side", &Grown::side, between(1, 9), "side").since(2));
    visit(member("count", &Grown::count, between(0, 9), "count").since(4));
  }
  bool operator==(const Grown&) const = default;
};

TEST(Member, is_told_in_the_lowest_schema_that_can_tell_it) {
  EXPECT_EQ(4, newest_schema<Grown>());
  using Told = std::pair<Grown, const char*>;
  int schema = 0;
  for (const auto& [value, json] : {Told{{}, R"({"colour":"blue"})"},
                                    {{.side = 5}, R"({"colour":"blue","side":5})"},
                                    {{.colour = Colour::kRed}, R"({"colour":"red","side":1})"},
                                    {{.count = 7}, R"({"colour":"blue","count":7,"side":1})"}}) {
    EXPECT_EQ(++schema, schema_of(value));
    EXPECT_EQ(json, to_json(value, schema).dump());
    EXPECT_EQ(value, from_json<Grown>(completed<Grown>(to_json(value, schema), schema, "file"), "file"));
  }
  EXPECT_EQ("file: key 'side' stands under schema 1 (it came with schema 2)",
            refusal([] { completed<Grown>(core::Json::parse(R"({"colour":"blue","side":1})"), 1, "file"); }));
}

struct Quiet {
  int old = 1;
  int added = 2;
  static void members(auto&& visit) {
    visit(member("old", &Quiet::old, "there from the first"));
    visit(member("added", &Quiet::added, "came later").since(2).silent_at_default());
  }
  bool operator==(const Quiet&) const = default;
};

// So ids and hashes of those who do not ask for it stay what they were.
TEST(Member, that_is_silent_at_its_default_is_written_elsewhere_alone) {
  EXPECT_EQ(R"({"old":1})", canonical(Quiet{}).text());
  EXPECT_EQ(R"({"added":3,"old":1})", canonical(Quiet{1, 3}).text());
  for (const Quiet& value : {Quiet{}, Quiet{5, 2}, Quiet{1, 3}}) {
    const int schema = schema_of(value);
    EXPECT_EQ(value.added == 2 ? 1 : 2, schema);
    EXPECT_EQ(canonical(value).text(), to_json(value, schema).dump());
    EXPECT_EQ(value, from_json<Quiet>(completed<Quiet>(to_json(value, schema), schema, "file"), "file"));
    EXPECT_EQ(value, from_json<Quiet>(core::Json::parse(canonical(value).text()), "spec"));
  }
  EXPECT_THAT(refusal([] { from_json<Quiet>(core::Json::parse(R"({"added":2,"old":1})"), "spec"); }),
              HasSubstr("spec: key 'added' has its default"));
  EXPECT_THAT(refusal([] { completed<Quiet>(core::Json::parse(R"({"added":3,"old":1})"), 1, "file"); }),
              HasSubstr("file: key 'added' stands under schema 1"));
}

}  // namespace
}  // namespace resolute::settings::member_test
