// Refuses, by the name of its option, what sbatch or bash would read as something else.

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "core/files/json.h"
#include "core/split.h"
#include "slurm/job_record.h"
#include "slurm/sbatch_script.h"

namespace resolute::slurm {
namespace {

// Options that the script sets itself, besides those of the rows, or that change what sbatch prints or when it returns:
// its answer could not be read. A blank stands before each.
constexpr std::string_view kOwnOptions =
    " array chdir cluster-constraint clusters cpus-per-task dependency error export export-file get-user-env gres"
    " help input job-name kill-on-invalid-dep no-kill no-requeue nodes ntasks ntasks-per-node open-mode output"
    " parsable quiet requeue signal test-only time usage verbose version wait wrap";

constexpr std::size_t kLongestComment = 1000;  // sbatch refuses more than 1024 (22.05)
constexpr std::chrono::seconds kLongestTime{std::chrono::hours(24 * 366)};
constexpr std::chrono::seconds kLongestNotice{65535};  // sbatch(1), --signal

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// One short line of a value that may be hostile.
std::string shown(const std::string& value) {
  constexpr std::size_t kShown = 60;
  std::string text = value.substr(0, kShown);
  const bool readable = core::is_utf8(text);
  for (char& c : text)
    if (is_control(c) || (!readable && static_cast<unsigned char>(c) >= 0x80)) c = '?';
  return text + (value.size() > kShown ? "…" : "");
}

core::RuntimeError refusal(const std::string& option, const std::string& value, const std::string& why,
                           const std::string& suggestion = {}) {
  return core::input_error(fmt::format("{} '{}' cannot be handed to SLURM", option, shown(value)), why, suggestion);
}

void check_text(const std::string& option, const std::string& text, std::size_t longest = kLongestWord) {
  if (std::ranges::any_of(text, is_control)) throw refusal(option, text, "it holds a control character");
  if (!core::is_utf8(text)) throw refusal(option, text, "it is not UTF-8");
  if (text.size() > longest)
    throw refusal(option, text, fmt::format("it has {} bytes, {} is the most", text.size(), longest));
}

void check_word(const std::string& option, const std::string& value, std::string_view also) {
  check_text(option, value);
  for (char c : value)
    if (!is_letter_or_digit(c) && also.find(c) == std::string_view::npos)
      throw refusal(option, value, fmt::format("it may hold letters, digits and {}", also));
  if (value.starts_with('-')) throw refusal(option, value, "it begins with '-'");
}

void check_memory(const std::string& option, const std::string& memory) {
  const auto digits = memory.find_first_not_of("0123456789");
  const bool good =
      memory.empty() ||
      (digits != 0 &&
       (digits == std::string::npos ||
        (digits == memory.size() - 1 && std::string_view("KMGT").find(memory.back()) != std::string_view::npos)));
  if (!good || memory.size() > 15)
    throw refusal(option, memory, "it is no amount of memory", "give MiB, or a number with K, M, G or T");
}

void check_range(const std::string& option, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most)
    throw core::input_error(fmt::format("{} {} is out of range", option, value),
                            fmt::format("{} to {} can be given", least, most));
}

// sbatch takes the beginning of an option's name for the option if no other begins so.
bool is_own(const std::string& name) {
  bool is_set = kOwnOptions.find(" " + name) != std::string_view::npos;
  settings::for_each_sbatch_text(
      [&](const auto& text, auto) { is_set = is_set || std::string_view(text.word).starts_with(name); });
  return is_set;
}

void check_more(const std::string& option) {
  check_text("--sbatch", option);
  const std::string name = option.substr(0, option.find('='));
  const auto is_of_name = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  if (!name.starts_with("--") || name.size() < 4 || name[2] == '-' || !std::ranges::all_of(name, is_of_name))
    throw refusal("--sbatch", option, "it is no long option of sbatch", "write it as --sbatch=--NAME=VALUE");
  if (is_own(name.substr(2)))
    throw refusal("--sbatch", option, "resolute sets it itself, or reads an answer that it would change",
                  "see `resolute suite submit --help` for an option of its own");
}

void check_folder(const std::string& name, const std::filesystem::path& folder) {
  const std::string text = folder.string();
  check_text(name, text, 3000);
  if (!folder.is_absolute()) throw refusal(name, text, "it is no absolute path");
  if (text.find('\\') != std::string::npos)
    throw refusal(name, text, "it holds '\\', which SLURM reads as a sign of its own", "use a folder without it");
}

void check_site(const SiteEnvironment& site) {
  for (const std::string& module : site.modules) {
    check_word("module", module, "_.,:@+=/-");
    if (module.empty()) throw refusal("module", module, "it is empty");
  }
  for (const std::string& command : site.commands) {
    // Blanks and line ends are bash's business.
    std::string text = command;
    std::erase_if(text, [](char c) { return c == '\n' || c == '\t'; });
    check_text("command", text, 100'000);
  }
}

}  // namespace

bool is_variable_name(std::string_view name) {
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
         std::ranges::all_of(name, [](char c) { return is_letter_or_digit(c) || c == '_'; });
}

void validate(const settings::SbatchText& text, const std::string& value) {
  const std::string option = std::string("--") + text.name;
  switch (text.form) {
    case settings::SbatchText::Form::kWord:
      return check_word(option, value, text.signs);
    case settings::SbatchText::Form::kMemory:
      return check_memory(option, value);
    case settings::SbatchText::Form::kLine:
      return check_text(option, value, kLongestComment);
  }
}

void validate(const Resources& resources) {
  check_range("--nodes", resources.nodes, 1, 1'000'000);
  check_range("--gpus-per-node", resources.gpus_per_node, 0, 1024);
  check_range("--cpus-per-node", resources.cpus_per_node, 0, 65'533);
  if (resources.time < std::chrono::seconds(0) || resources.time > kLongestTime)
    throw core::input_error(fmt::format("--time {} s is out of range", resources.time.count()), "a year is the most");
  settings::for_each_sbatch_text([&](const auto& text, auto member) { validate(text, member(resources)); });
  if (!resources.gpu_type.empty() && resources.gpus_per_node == 0)
    throw core::input_error(fmt::format("--gpu-type '{}' is given without a number", resources.gpu_type), {},
                            "add --gpus-per-node");
  for (const std::string& option : resources.options) check_more(option);
}

// sbatch(1), --dependency. A bare number is left out: what it means has changed.
void validate_dependency(const std::string& dependency) {
  check_word("--dependency", dependency, ":_,?+");
  if (dependency.find('?') != std::string::npos)
    throw refusal("--dependency", dependency,
                  "SLURM takes any of the list then, the singleton of ours too, and waits for none",
                  "ask for all of them by ','");
  constexpr std::string_view kKinds = " after afterany afterburstbuffer aftercorr afternotok afterok ";
  for (const std::string_view item : core::split(dependency, ',')) {
    const std::string_view kind = item.substr(0, item.find(':'));
    const bool known = !kind.empty() && kKinds.find(" " + std::string(kind) + " ") != std::string_view::npos;
    // Ids of jobs or of arrays' elements, "after" with minutes behind them: each begins with a digit.
    bool ids = item.size() > kind.size() + 1;
    for (std::size_t at = kind.size(); at < item.size(); ++at)
      if (item[at] == ':') ids = ids && at + 1 < item.size() && item[at + 1] >= '0' && item[at + 1] <= '9';
    if (!known || !ids)
      throw refusal("--dependency", dependency, fmt::format("'{}' is not a dependency on a job", item),
                    "write it as afterok:JOB, afterany:JOB or afterok:JOB,after:JOB");
  }
}

void validate_cluster(const std::string& cluster) {
  check_word("--cluster", cluster, "_.-");
  if (::strcasecmp(cluster.c_str(), "all") == 0)
    throw refusal("--cluster", cluster, "SLURM takes it for every cluster", "name one of `sacctmgr show clusters`");
}

void validate(const ScriptRequest& request) {
  if (!is_job_name(request.job_name)) throw refusal("job name", request.job_name, "it needs quoting or is too long");
  check_text("comment", request.comment, kLongestComment);
  validate(request.resources);
  check_site(request.site);
  check_folder("working folder", request.working_folder);
  check_folder("folder of the logs", request.output);
  check_word("dependency", request.dependency, ":_,?+");
  check_range("--notice", request.notice.count(), 1, kLongestNotice.count());
  if (request.resources.time.count() > 0 && request.notice > request.resources.time)
    throw core::input_error(fmt::format("--notice {} is longer than the time limit", request.notice.count()),
                            fmt::format("{} s", request.resources.time.count()), "give a shorter one");
  if (request.command.empty() || request.command.front().empty())
    throw core::input_error("the script has no program to run");
  for (const std::string& word : request.command) check_text("argument", word, 100'000);
  for (const auto& [name, value] : request.variables) {
    if (!is_variable_name(name)) throw refusal("variable", name, "it is no name of an environment variable");
    check_text("variable " + name, value, 100'000);
  }
}

}  // namespace resolute::slurm
