#include "experiments/store/typed_plans.h"

#include "experiments/store/suite_source.h"

namespace resolute::experiments {

std::string typed_plans_text(const std::vector<TypedPlan>& plans) {
  core::Json list = core::Json::array();
  for (const TypedPlan& one : plans) list.push_back({{"plan", one.plan}, {"arguments", one.arguments}});
  return core::canonical_json({{"plans", list}, {"version", kSuiteFileVersion}}) + "\n";
}

std::filesystem::path typed_plans_file(const StoreLayout& store, const std::string& suite) {
  return store.suite_folder(suite) / "typed.json";
}

std::vector<TypedPlan> read_typed_plans(core::FileSystem& files, const StoreLayout& store, const std::string& suite) {
  std::vector<TypedPlan> plans;
  const auto read = [&](core::ObjectReader& reader) {
    for (const core::Json& item : reader.required<std::vector<core::Json>>("plans")) {
      core::ObjectReader one(item, reader.where());
      plans.push_back({one.required<std::string>("plan"), one.required<std::vector<std::string>>("arguments")});
      one.finish();
    }
  };
  const bool known = read_suite_file(files, typed_plans_file(store, suite),
                                     "it is not known with which options this suite was run", read);
  return known ? plans : std::vector<TypedPlan>();
}

void note_typed_plan(core::FileSystem& files, const StoreLayout& store, const std::string& suite,
                     const TypedPlan& plan) {
  auto plans = read_typed_plans(files, store, suite);
  if (!plans.empty() && plans.back() == plan) return;
  std::erase_if(plans, [&](const TypedPlan& one) { return one.plan == plan.plan; });
  plans.push_back(plan);
  if (plans.size() > kMostTypedPlans) plans.erase(plans.begin());
  core::write_atomic(files, typed_plans_file(store, suite), typed_plans_text(plans));
}

}  // namespace resolute::experiments
