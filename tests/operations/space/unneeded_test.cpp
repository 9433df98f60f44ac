#include "operations/space/unneeded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace resolute::tests::unneeded_test {
namespace {

using namespace operations;
using namespace orchestrator;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Instant kSince{Milliseconds(1000)};

StoredItem item(const std::string& path, Names names, std::optional<Names> needs, int touched = 0) {
  return {ItemKind::kJobs, path, std::move(names), std::move(needs), 1, Instant(Milliseconds(touched)), false};
}

std::vector<std::string> going(const Names& needed, const std::vector<StoredItem>& items) {
  std::vector<std::string> paths;
  for (const StoredItem& one : what_nothing_needs(needed, items, kSince)) paths.push_back(one.path);
  return paths;
}

TEST(Unneeded, what_stays_keeps_what_it_stands_on) {
  const std::vector<StoredItem> items{item("pack", {"pack"}, Names{}), item("training", {"t"}, Names{"t", "pack"}),
                                      item("evaluation", {"e"}, Names{"e", "t"}), item("bundle", {"e", "x"}, Names{}),
                                      item("other", {"x"}, Names{"x"})};
  EXPECT_THAT(going({"e"}, items), ElementsAre("other"));
  EXPECT_THAT(going({"t"}, items), ElementsAre("bundle", "evaluation", "other"));
  EXPECT_THAT(going({}, items), ElementsAre("bundle", "evaluation", "other", "pack", "training"));
}

TEST(Unneeded, an_evaluation_of_a_minute_ago_keeps_its_old_training) {
  const std::vector<StoredItem> items{item("training", {"t"}, Names{"t"}),
                                      item("evaluation", {"e"}, Names{"e", "t"}, 1001)};
  EXPECT_THAT(going({}, items), IsEmpty());
}

TEST(Unneeded, unknown_needs_of_what_stays_keep_all_that_has_a_name) {
  std::vector<StoredItem> items{item("known", {"k"}, Names{"k"}), item("unknown", {"u"}, std::nullopt),
                                item("scratch", {}, Names{})};
  EXPECT_THAT(going({}, items), ElementsAre("known", "scratch", "unknown"));
  EXPECT_THAT(going({"u"}, items), ElementsAre("scratch"));
  items[1].held = true;
  EXPECT_THAT(going({}, items), ElementsAre("scratch"));
}

TEST(Unneeded, of_items_in_one_another_the_outer_one_goes) {
  const std::vector<StoredItem> items{item("a", {"a"}, Names{}), item("a-b", {}, Names{}), item("a/b", {}, Names{}),
                                      item("a/b/c", {}, Names{})};
  EXPECT_THAT(going({}, items), ElementsAre("a", "a-b"));
  EXPECT_THAT(going({"a"}, items), ElementsAre("a-b", "a/b"));
}

// The twin: an item stays if some chain of needs leads to it from one that stays by itself, tried out over all pairs.
Names staying_by_brute_force(const Names& needed, const std::vector<StoredItem>& items) {
  const std::size_t count = items.size();
  const auto meets = [](const Names& some, const Names& others) {
    return std::any_of(some.begin(), some.end(), [&](const auto& name) { return others.contains(name); });
  };
  std::vector<std::vector<bool>> leads(count, std::vector<bool>(count));
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < count; ++j)
      leads[i][j] = i == j || (items[i].needs ? meets(*items[i].needs, items[j].names) : !items[j].names.empty());
  for (std::size_t k = 0; k < count; ++k)
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < count; ++j) leads[i][j] = leads[i][j] || (leads[i][k] && leads[k][j]);
  Names staying;
  for (std::size_t i = 0; i < count; ++i)
    if (items[i].held || items[i].touched > kSince || meets(items[i].names, needed))
      for (std::size_t j = 0; j < count; ++j)
        if (leads[i][j]) staying.insert(items[j].path);
  return staying;
}

RC_GTEST_PROP(Unneeded, goes_exactly_what_no_chain_of_needs_leads_to, ()) {
  const auto names = [] {
    Names drawn;
    for (int count = *rc::gen::inRange(0, 3); count > 0; --count)
      drawn.insert(std::to_string(*rc::gen::inRange(0, 12)));
    return drawn;
  };
  std::vector<StoredItem> items;
  const int count = *rc::gen::inRange(0, 12);
  for (int i = 0; i < count; ++i) {
    StoredItem one = item("item-" + std::to_string(i), names(), names(), *rc::gen::inRange(0, 1100));
    if (*rc::gen::inRange(0, 20) == 0) one.needs.reset();
    one.held = *rc::gen::inRange(0, 10) == 0;
    items.push_back(std::move(one));
  }
  const Names needed = names();
  Names staying;
  for (const StoredItem& one : items) staying.insert(one.path);
  for (const std::string& path : going(needed, items)) staying.erase(path);
  RC_ASSERT(staying == staying_by_brute_force(needed, items));
}

}  // namespace
}  // namespace resolute::tests::unneeded_test
