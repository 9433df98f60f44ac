#include "operations/space/needs.h"

#include <algorithm>
#include <array>

#include "core/clock.h"
#include "core/hash/sha256.h"
#include "operations/space/trash.h"
#include "orchestrator/journal/epoch.h"

namespace resolute::operations {
namespace {

using core::Json;

constexpr int kPlanVersion = 1;
constexpr std::string_view kStart = "plan-", kEnd = ".json";
constexpr std::size_t kDigits = 16;
constexpr std::array kKinds{"evaluation", "seal", "shard", "training"};
constexpr std::uint64_t kLargestPlan = std::uint64_t{1} << 30;

void add_plans(core::FileSystem& files, const fs::path& folder, const std::vector<std::string>& names,
               SuiteNeeds& needs) {
  for (const std::string& name : names) {
    if (!is_plan_file(name)) continue;
    SuiteNeeds plan = read_plan_file(files, folder / name);
    needs.jobs.merge(plan.jobs);
    needs.planned.merge(plan.planned);
  }
}

bool has_any(const std::vector<std::string>& names, std::initializer_list<std::string_view> starts) {
  return std::ranges::any_of(names, [&](const std::string& name) {
    return std::ranges::any_of(starts, [&](std::string_view start) { return name.starts_with(start); });
  });
}

// A path that cannot be looked at may be a suite's folder, whose jobs must not count as nobody's.
bool is_suite_folder(const fs::path& path) {
  std::error_code error, gone;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::none)
    throw core::system_error(fmt::format("the needs of suite '{}' are not known", path.filename().string()),
                             error.value(), fmt::format("see to it that '{}' can be read", path.string()));
  if (type == fs::file_type::not_found && fs::is_symlink(fs::symlink_status(path, gone)))
    throw core::input_error(fmt::format("the needs of suite '{}' are not known", path.filename().string()),
                            fmt::format("'{}' is a link to what is not there", path.string()),
                            "bring its folder back, or remove the link");
  return type == fs::file_type::directory;
}

}  // namespace

std::string plan_file_text(const experiments::Plan& plan) {
  Json jobs = Json::object();
  for (const char* kind : kKinds) jobs[kind] = Json::array();
  Names packs;
  const experiments::StoreLayout layout{fs::path()};
  for (const auto& dataset : plan.datasets) packs.insert(layout.pack_folder(dataset.pack).filename().string());
  for (const auto& job : plan.jobs) {
    jobs[experiments::kind_name(job.specification)].push_back(job.id.hex);
    if (const auto* seal = std::get_if<experiments::SealSpecification>(&job.specification))
      packs.insert(layout.pack_folder(seal->pack).filename().string());
  }
  // Plans that differ in their order alone are one file.
  for (const char* kind : kKinds) std::sort(jobs[kind].begin(), jobs[kind].end());
  return core::canonical_json({{"jobs", jobs}, {"packs", packs}, {"suite", plan.suite}, {"version", kPlanVersion}}) +
         "\n";
}

std::string plan_file_name(const std::string& text) {
  return fmt::format("{}{}{}", kStart, core::sha256_hex(text).substr(0, kDigits), kEnd);
}

SuiteNeeds parse_plan_file(const std::string& text, const fs::path& path) {
  const std::string where = path.string();
  if (plan_file_name(text) != path.filename())
    throw core::corrupt_error(fmt::format("'{}' is damaged", where), "its name is the hash of another text",
                              "remove it, and run or submit the suite again: that writes it anew");
  const Json json = core::parse_json(text, where);
  core::ObjectReader reader(json, where);
  if (const int version = reader.required<int>("version"); version != kPlanVersion)
    throw core::input_error(fmt::format("'{}' has version {}", where, version),
                            fmt::format("this program reads version {}", kPlanVersion),
                            "use the program that wrote it");
  SuiteNeeds needs{reader.required<std::string>("suite")};
  for (const std::string& pack : reader.required<std::vector<std::string>>("packs")) needs.planned.insert(pack);
  const Json jobs = reader.required<Json>("jobs");
  reader.finish();
  core::ObjectReader kinds(jobs, where + ": key 'jobs'");
  for (const char* kind : kKinds)
    for (const std::string& id : kinds.required<std::vector<std::string>>(kind)) {
      needs.jobs.emplace(id, kind);
      needs.planned.insert(id);
    }
  kinds.finish();
  return needs;
}

bool is_plan_file(const std::string& name) { return name.starts_with(kStart) && name.ends_with(kEnd); }

SuiteNeeds read_plan_file(core::FileSystem& files, const fs::path& path) {
  return parse_plan_file(std::string(core::as_text(files.read(path, kLargestPlan))), path);
}

std::string announce_plan(core::FileSystem& files, const experiments::StoreLayout& store,
                          const experiments::Plan& plan) {
  const std::string text = plan_file_text(plan);
  const fs::path folder = store.suite_folder(plan.suite);
  std::string name = plan_file_name(text);
  core::publish_exclusive(files, folder / name, text);
  // Another process that published it before may not have come to this yet.
  files.sync_path(folder);
  settle_trash(files, core::monotonic_clock(), store);
  return name;
}

std::vector<SuiteNeeds> read_needs(core::FileSystem& files, const experiments::StoreLayout& store,
                                   const ListFolder& list) {
  std::map<std::string, SuiteNeeds> suites;
  std::map<std::string, fs::path> silent;  // with work of theirs, and no word of what they need
  for (const std::string& name : list(store.root() / "suites")) {
    const fs::path folder = store.suite_folder(name);
    if (!is_suite_folder(folder)) continue;
    const auto names = list(folder);
    const std::string suite = experiments::suite_of_run(name);
    SuiteNeeds& needs = suites.try_emplace(suite, SuiteNeeds{suite}).first->second;
    add_plans(files, folder, names, needs);
    for (const orchestrator::Job& job : orchestrator::read_past(files, folder).state.jobs)
      needs.jobs.emplace(job.id.hex, job.kind);
    if (has_any(names, {"tables", "submissions"})) silent.emplace(needs.suite, folder);
  }
  std::vector<SuiteNeeds> list_of_all;
  for (auto& [name, needs] : suites) {
    if (needs.jobs.empty() && needs.planned.empty() && silent.contains(name))
      throw core::input_error(
          fmt::format("the needs of suite '{}' are not known", name),
          fmt::format("'{}' has neither plan nor journal: it was made before 0.1.0", silent.at(name).string()),
          "run or submit the suite again, which announces its plan, or remove that folder");
    list_of_all.push_back(std::move(needs));
  }
  return list_of_all;
}

Names names_of(const std::vector<SuiteNeeds>& suites) {
  Names names = planned_of(suites);
  for (const SuiteNeeds& suite : suites)
    for (const auto& [id, kind] : suite.jobs) names.insert(id);
  return names;
}

Names planned_of(const std::vector<SuiteNeeds>& suites) {
  Names names;
  for (const SuiteNeeds& suite : suites) names.insert(suite.planned.begin(), suite.planned.end());
  return names;
}

}  // namespace resolute::operations
