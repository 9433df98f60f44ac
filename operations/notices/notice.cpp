#include "operations/notices/notice.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "core/error.h"
#include "core/files/json.h"
#include "core/files/ownership.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "core/process/process.h"
#include "experiments/site.h"
#include "slurm/sbatch_script.h"

namespace resolute::operations {

namespace {

using core::Json;
using slurm::EndCause;

constexpr int kNoticeVersion = 1;
constexpr std::size_t kLongestNotify = 4000;
constexpr std::string_view kOpens = "notice-", kToldEnds = "-told.json", kEnds = ".json";

NoticeState state_of(const slurm::ScriptStart& run) {
  if (run.cause == EndCause::kConfiguration) return NoticeState::kConfiguration;
  if (run.given_up) return NoticeState::kGivenUp;
  return run.cause == EndCause::kCancelled ? NoticeState::kCancelled : NoticeState::kIncomplete;
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

// \return how the command ended, and whether well
std::pair<std::string, bool> run(const std::string& whom, const Notice& notice,
                                 const std::map<std::string, std::string>& environment,
                                 std::chrono::milliseconds limit) {
  const auto output = core::run_command(
      {.arguments = notice_command(whom, notice), .environment = notice_environment(environment, notice)}, limit);
  if (output.timed_out) return {fmt::format("ended after {} s: it hung", limit.count() / 1000), false};
  std::string outcome = core::describe(output.status);
  const bool well = output.succeeded();
  if (!well && !output.err.empty())
    outcome += ": " + output.err.substr(0, std::min(output.err.find('\n'), std::size_t{200}));
  return {outcome, well};
}

}  // namespace

bool is_address(std::string_view whom) {
  return whom.find('@') != std::string_view::npos && !whom.starts_with('-') &&
         whom.find_first_of(" \t;|&<>()$`\\\"'") == std::string_view::npos;
}

void validate_notify(const std::string& whom, const std::string& place) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (whom.empty() || whom.size() > kLongestNotify || !core::is_utf8(whom) || std::ranges::any_of(whom, is_control))
    throw core::input_error(fmt::format("{} is neither a command nor an address", place),
                            fmt::format("one line of UTF-8, of up to {} bytes, is needed", kLongestNotify),
                            "give a command of sh, or an address of mail");
}

std::string without_secret(const std::string& whom, std::map<std::string, std::string> environment) {
  if (is_address(whom) || whom.find("://") == std::string::npos) return whom;
  environment.erase("RESOLUTE_SITE");  // it may be a group's
  const auto site = experiments::site_file(environment);
  if (!site) {
    core::log_warning(
        "the command to notify stands in the store with its URL: neither XDG_CONFIG_HOME nor HOME is set");
    return whom;
  }
  const auto folder = site->parent_path() / "notices";
  const auto path = folder / (core::sha256_hex(whom).substr(0, 16) + ".sh");
  core::make_own_folder(folder);
  const std::string text = whom + "\n", command = "sh " + slurm::shell_quoted(path.string());
  // Others may be about to run it.
  if (core::read_text_if_exists(core::real_file_system(), path) == text) return command;
  const core::FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid() || ::fchmod(file.get(), 0600) != 0 ||
      ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(file.get()) != 0)
    throw core::system_error(fmt::format("cannot write '{}'", path.string()), errno,
                             "the command to notify has a URL, which is to stand in no store");
  return command;
}

// SLURM's SIGTERM to a cancelled job must not end the notice.
std::vector<std::string> notice_command(const std::string& whom, const Notice& notice) {
  constexpr const char* kDeaf = "trap '' TERM\n";
  if (!is_address(whom)) return {"/bin/sh", "-c", kDeaf + whom};
  return {
      "/bin/sh",
      "-c",
      fmt::format("{}printf '%s\\n' \"$RESOLUTE_SUMMARY\" \"store: $RESOLUTE_STORE\" | mail -s \"$1\" \"$2\"", kDeaf),
      "sh",
      fmt::format("resolute: suite {}: {}", notice.suite, settings::word(notice.state)),
      whom};
}

std::map<std::string, std::string> notice_environment(std::map<std::string, std::string> environment,
                                                      const Notice& notice) {
  environment["RESOLUTE_SUITE"] = notice.suite;
  environment["RESOLUTE_STORE"] = notice.store.string();
  environment["RESOLUTE_STATE"] = settings::word(notice.state);
  environment["RESOLUTE_SUMMARY"] = notice.summary;
  return environment;
}

std::optional<NoticeState> notice_of(bool complete, const std::vector<StoredBatch>& batches, bool last) {
  if (complete) return NoticeState::kComplete;
  // The state that asks most of a person comes first.
  constexpr std::array kGravest{NoticeState::kConfiguration, NoticeState::kGivenUp, NoticeState::kCancelled,
                                NoticeState::kIncomplete};
  std::set<NoticeState> states;
  for (const StoredBatch& batch : batches) {
    // SLURM has no batch on demand left: one that never began will not begin.
    if (is_never_wanted(batch) || (batch.batch.on_demand && last)) continue;
    const auto* last_start = last_word(batch);
    if (last_start == nullptr || !nothing_follows(*last_start)) return std::nullopt;
  }
  for (const slurm::ScriptStart* run : telling_runs(batches)) states.insert(state_of(*run));
  const auto gravest = std::ranges::find_if(kGravest, [&](NoticeState state) { return states.contains(state); });
  return gravest == kGravest.end() ? std::nullopt : std::optional(*gravest);
}

std::string notice_key(NoticeState state, const std::vector<StoredBatch>& batches) {
  if (state == NoticeState::kComplete) return std::string(settings::word(state));
  int generations = 0;
  for (const StoredBatch& batch : batches) generations += batch.generation + 1;
  return fmt::format("{}-{:03}", settings::word(state), generations);
}

bool tell_once(core::FileSystem& files, const std::filesystem::path& folder, const std::string& key,
               const std::string& whom, const Notice& notice, const std::map<std::string, std::string>& environment,
               std::chrono::milliseconds limit) {
  try {
    const auto file = folder / fmt::format("{}{}{}", kOpens, key, kEnds);
    const Json json{{"version", kNoticeVersion},
                    {"state", settings::word(notice.state)},
                    {"summary", notice.summary},
                    {"by", core::host_name()}};
    if (files.exists(file) || !core::publish_exclusive(files, file, text_of(json))) return false;
    const auto [outcome, well] = run(whom, notice, environment, limit);
    if (well)
      core::log_info("sent the notice that the suite is {}", settings::word(notice.state));
    else
      core::log_warning("the notice that the suite is {} failed: '{}': {}", settings::word(notice.state), whom,
                        outcome);
    core::publish_exclusive(files, folder / fmt::format("{}{}{}", kOpens, key, kToldEnds),
                            text_of({{"version", kNoticeVersion}, {"how", outcome}, {"told", well}}));
    return true;
  } catch (const std::exception& error) {
    core::log_warning("the notice that the suite is {} was not sent: {}", settings::word(notice.state), error.what());
    return false;
  }
}

void tell_of_submission(core::FileSystem& files, const slurm::SubmissionFolder& folder, NoticeState state,
                        const std::string& details, const std::map<std::string, std::string>& environment) {
  try {
    const StoredSubmission submission = read_submission(folder);
    const auto& request = submission.request;
    if (request.notify.empty()) return;
    folder.require_own();
    tell_once(files, folder.path(), notice_key(state, submission.batches), request.notify,
              {state, request.suite, request.store,
               fmt::format("suite {} is {}{}", request.suite, settings::word(state), details)},
              environment);
  } catch (const core::RuntimeError& error) {
    core::log_warning("the notice that the suite is {} was not sent: {}", settings::word(state), error.what());
  }
}

std::optional<std::string> untold(core::FileSystem& files, const std::filesystem::path& folder) {
  const auto names = files.list(folder);
  for (const std::string& name : names) {
    if (!name.starts_with(kOpens) || !name.ends_with(kEnds) || name.ends_with(kToldEnds)) continue;
    const std::string key = name.substr(kOpens.size(), name.size() - kOpens.size() - kEnds.size());
    const auto outcome = core::read_text_if_exists(files, folder / fmt::format("{}{}{}", kOpens, key, kToldEnds));
    if (!outcome)
      return fmt::format("'{}' may not have been told: the process that was to do so has not said how it went", key);
    try {
      const Json json = core::parse_json(*outcome, name);
      if (json.at("told").get<bool>()) continue;
      return fmt::format("'{}' was not told: {}", key, json.at("how").get<std::string>());
    } catch (const std::exception&) {
      return fmt::format("'{}' may not have been told: '{}' cannot be read", key, name);
    }
  }
  return std::nullopt;
}

}  // namespace resolute::operations
