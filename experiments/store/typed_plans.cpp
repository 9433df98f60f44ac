#include "experiments/store/typed_plans.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/files/json.h"
#include "core/log.h"

namespace resolute::experiments {
namespace {

namespace fs = std::filesystem;

constexpr int kTypedVersion = 1;

fs::path typed_file(const StoreLayout& store, const std::string& suite) {
  return store.suite_folder(suite) / "typed.json";
}

std::vector<TypedPlan> parse_typed_plans(const std::string& text, const std::string& where) {
  const core::Json json = core::parse_json(text, where);
  core::ObjectReader reader(json, where);
  if (const int version = reader.required<int>("version"); version != kTypedVersion)
    throw core::input_error(fmt::format("'{}' has version {}", where, version));
  const auto list = reader.required<core::Json>("plans");
  reader.finish();
  if (!list.is_array()) throw core::input_error(fmt::format("{}: key 'plans' is no list", where));
  std::vector<TypedPlan> plans;
  for (const core::Json& item : list) {
    core::ObjectReader one(item, where);
    plans.push_back({one.required<std::string>("plan"), one.required<std::vector<std::string>>("arguments")});
    one.finish();
  }
  return plans;
}

}  // namespace

std::vector<TypedPlan> read_typed_plans(core::FileSystem& files, const StoreLayout& store, const std::string& suite) {
  const fs::path file = typed_file(store, suite);
  try {
    const auto text = core::read_text_if_exists(files, file);
    return text ? parse_typed_plans(*text, file.string()) : std::vector<TypedPlan>();
  } catch (const core::RuntimeError& error) {
    if (error.is_storage()) throw;
    core::log_warning("it is not known with which options this suite was run: {}", error.what());
    return {};
  }
}

void note_typed_plan(core::FileSystem& files, const StoreLayout& store, const std::string& suite,
                     const TypedPlan& plan) {
  auto plans = read_typed_plans(files, store, suite);
  if (!plans.empty() && plans.back() == plan) return;
  std::erase_if(plans, [&](const TypedPlan& one) { return one.plan == plan.plan; });
  plans.push_back(plan);
  if (plans.size() > kMostTypedPlans) plans.erase(plans.begin());
  core::Json list = core::Json::array();
  for (const TypedPlan& one : plans) list.push_back({{"plan", one.plan}, {"arguments", one.arguments}});
  core::write_atomic(files, typed_file(store, suite),
                     core::canonical_json({{"plans", list}, {"version", kTypedVersion}}) + "\n");
}

}  // namespace resolute::experiments
