#include "experiments/store/typed_plans.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.h"

namespace resolute::experiments::typed_plans_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class TypedPlans : public testing::Test {
 protected:
  void note(const TypedPlan& plan) { note_typed_plan(files_, store_, "demo", plan); }
  std::vector<TypedPlan> noted() { return read_typed_plans(files_, store_, "demo"); }
  std::filesystem::path file() const { return store_.suite_folder("demo") / "typed.json"; }
  tests::TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
  StoreLayout store_{folder_ / "store"};
  const TypedPlan plain_{"plan-1.json", {}}, paper_{"plan-2.json", {"--profile", "paper", "--set", "a=\"ö b\""}};
};

TEST_F(TypedPlans, a_plan_stands_once_and_the_last_run_is_last) {
  EXPECT_THAT(noted(), IsEmpty());
  note(plain_);
  note(paper_);
  EXPECT_THAT(noted(), ElementsAre(plain_, paper_));
  note(plain_);
  EXPECT_THAT(noted(), ElementsAre(paper_, plain_));
  note({plain_.plan, {"--set", "x=1"}});
  EXPECT_THAT(noted(), ElementsAre(paper_, TypedPlan{plain_.plan, {"--set", "x=1"}})) << "the same jobs";
}

TEST_F(TypedPlans, the_oldest_goes_where_there_are_too_many) {
  for (std::size_t i = 0; i <= kMostTypedPlans; ++i) note({fmt::format("plan-{}.json", i), {}});
  EXPECT_EQ(kMostTypedPlans, noted().size());
  EXPECT_EQ("plan-1.json", noted().front().plan);
}

TEST_F(TypedPlans, a_damaged_file_is_as_none_and_is_written_anew) {
  for (const char* text :
       {"", "{", "[]", "{\"plans\":{},\"version\":1}", "{\"plans\":[],\"version\":2}", "{\"plans\":[1],\"version\":1}",
        "{\"plans\":[{\"plan\":\"p\",\"arguments\":[1]}],\"version\":1}", "{\"plans\":[],\"version\":1,\"x\":1}"}) {
    core::write_atomic(files_, file(), text);
    EXPECT_THAT(noted(), IsEmpty()) << text;
    note(paper_);
    EXPECT_THAT(noted(), ElementsAre(paper_)) << text;
  }
}

}  // namespace
}  // namespace resolute::experiments::typed_plans_test
