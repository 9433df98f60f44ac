#include "slurm/trouble.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/split.h"

namespace resolute::slurm {
namespace {

using Texts = std::span<const std::string_view>;

constexpr std::size_t kMostEvidence = 65536;  // of each end of a standard error
constexpr std::size_t kMostComplaint = 300;

// clang-format off
constexpr std::string_view kTransientTexts[] = {
    "Unable to contact slurm controller",
    "Socket timed out on send/recv",
    "Zero Bytes were transmitted",
    "Communication connection failure",
    "Communication shutdown failure",
    "Message send failure",
    "Message receive failure",
    "Unexpected message received",  // scontrol requeue while the controller is away
    "ontroller in standby mode",
    "ontroller is in standby mode",
    "Unable to create job record, try again",
    "Job can not be altered now, try again later",
    "the DB index is being set, try again",
    "Resource temporarily unavailable",
    "Operation now in progress",
    "Partition in DOWN state",  // this and the next four pass with a maintenance
    "Required partition not available (inactive or drain)",
    "Required node not available (down, drained or reserved)",
    "Requested reservation not usable now",
    "System submissions disabled",
    "SubmitJob",  // AssocMaxSubmitJobLimit, QOSMaxSubmitJobPerUserLimit …: until jobs of the user's have ended
};
constexpr std::string_view kMissingTexts[] = {
    "Could not establish a configuration source",
    "cannot stat file",  // what SLURM_CONF names; the command itself waits a minute for it
    "error while loading shared libraries",
};
constexpr std::string_view kUnknownJobText = "Invalid job id specified";
// Answers of the controller.
constexpr std::string_view kRefusals[] = {
    "Access/permission denied",
    "Access denied to requested reservation",
    "Active features not subset of available features",
    "Burst Buffer permission denied",
    "Burst Buffer request invalid",
    "Burst Buffer resource limit exceeded",
    "Cannot request more threads per core than the job allocation",
    "Circular job dependency",
    "Duplicate generic resource (gres) specification",
    "Environment is missing in job",
    "Incompatible versions of client and server code",
    "Insufficient GRES available in allocation",
    "Invalid user name",
    "Job dependency problem",
    "Job --batch option is invalid or not a subset of",
    "Job has already finished",
    "Job has already started",
    "Job is no longer pending execution",
    "Job is not pending nor running",
    "Job is pending execution",
    "Job script not specified",
    "Job size specification needs to be provided",
    "Job violates accounting/QOS policy",
    "Job/step already completing or completed",
    "Memory required by task is not available",
    "More processors requested than permitted",
    "Multiple partition job request not supported",
    "No partition specified or system default partition",
    "Only batch jobs are accepted or processed",
    "Pathname of a file, directory or other parameter too long",
    "Requested GRES option unsupported by configured SelectType plugin",
    "Requested account has breached requested QOS usage threshold",
    "Requested more tasks than available processors",
    "Requested node configuration is not available",
    "Requested nodes not in this partition",
    "Requested operation is presently disabled",
    "Requested operation not supported on this system",
    "Requested partition configuration not available now",
    "Requested reservation is invalid",
    "Requested time limit is invalid",
    "Slurm accounting storage is disabled",
    "Task count specification invalid",
    "Task distribution specification invalid",
    "Time limit specification required, but not provided",
    "Node count specification invalid",
    "CPU count specification invalid",
    "User's group not permitted to use this partition",
};
// Answers of the command itself, before it asks the controller.
constexpr std::string_view kUsageTexts[] = {
    "unrecognized option",
    "--help\" for more information",
    "Cannot specify both",
    "Only one cluster can be used at a time",
    "Invalid directive found in batch script",
    "This does not look like a batch script",
    "Unable to open file",
    "does not allow scripts that",
    "invalid number of",
    "is not a valid ",
    "is not valid.",
    "not permitted with --wrap",
    "Script arguments not permitted",
};
constexpr std::string_view kInvalid[] = {" specification", " specified", " argument", "--nice value", " GRES "};
// A plug-in of the site refused; the lines before hold its words.
constexpr std::string_view kUnspecified = "job submission failed: Unspecified error";
constexpr std::string_view kSubmissionFailed = "job submission failed: ";
// clang-format on

bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }
bool holds_any(std::string_view text, Texts parts) {
  return std::ranges::any_of(parts, [&](std::string_view part) { return holds(text, part); });
}

std::optional<Trouble> trouble_of(std::string_view line) {
  if (holds_any(line, kTransientTexts)) return Trouble::kTransient;
  if (holds_any(line, kMissingTexts)) return Trouble::kMissing;
  if (holds(line, kUnknownJobText)) return Trouble::kUnknownJob;
  const bool refused = holds_any(line, kRefusals) || holds_any(line, kUsageTexts) || holds(line, kUnspecified) ||
                       ((holds(line, "Invalid ") || holds(line, "invalid ")) && holds_any(line, kInvalid));
  return refused ? std::optional(Trouble::kRefused) : std::nullopt;
}

// A command may write without an end: both ends of it tell enough.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  const auto add = [&](std::string_view part) {
    for (const std::string_view line : core::split(part, '\n'))
      if (line.find_first_not_of(" \t\r") != std::string_view::npos) lines.push_back(line);
  };
  if (text.size() <= 2 * kMostEvidence) {
    add(text);
  } else {
    add(text.substr(0, kMostEvidence));
    add(text.substr(text.size() - kMostEvidence));
  }
  return lines;
}

// "sbatch: error: Batch job …" and "slurm_load_jobs error: …": who complains is told elsewhere.
std::string_view without_prefix(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  for (std::string_view name : {"sbatch: ", "squeue: ", "scancel: ", "scontrol: ", "sacct: ", "srun: "})
    if (line.starts_with(name)) line.remove_prefix(name.size());
  for (std::string_view mark : {"error: ", "fatal: ", "slurm_load_jobs error: ", "slurm_suspend error: "})
    if (line.starts_with(mark)) line.remove_prefix(mark.size());
  return line;
}

std::string printable(std::string_view text) {
  std::string clean(text.substr(0, kMostComplaint));
  for (char& letter : clean)
    if (letter < ' ' || letter > '~') letter = letter == '\t' ? ' ' : '?';
  if (text.size() > kMostComplaint) clean.replace(kMostComplaint - 3, 3, "...");
  clean.erase(clean.find_last_not_of(' ') + 1);
  return clean;
}

// The line of the lowest rank is shown: first the reason that decided, then an error of no known meaning, then any
// words.
int rank_of(std::string_view line, Trouble decided) {
  if (holds(line, kUnspecified)) return 3;
  const std::optional<Trouble> trouble = trouble_of(line);
  if (trouble == decided) return 0;
  if (!holds(line, "error:") && !holds(line, "fatal:")) return 3;
  return trouble ? 2 : 1;
}

}  // namespace

Trouble classify(const core::CommandOutput& output) {
  std::optional<Trouble> found;
  bool answered = false;
  for (std::string_view line : lines_of(output.err)) {
    const std::optional<Trouble> trouble = trouble_of(line);
    if (trouble == Trouble::kTransient) return Trouble::kTransient;
    // sbatch's own last word on what the controller answered: no remark of a plug-in before it decides.
    if (holds(line, kSubmissionFailed)) {
      found = trouble;
      answered = true;
    } else if (!answered && trouble && (!found || trouble == Trouble::kMissing)) {
      found = trouble;
    }
  }
  // A killed command had not finished; only a missing file makes one wait so long.
  if (output.timed_out && found != Trouble::kMissing) return Trouble::kTransient;
  return found.value_or(Trouble::kTransient);
}

std::string complaint(const core::CommandOutput& output) {
  const std::vector<std::string_view> lines = lines_of(output.err);
  const Trouble decided = classify(output);
  const auto best = std::ranges::min_element(
      lines, [&](std::string_view a, std::string_view b) { return rank_of(a, decided) < rank_of(b, decided); });
  const std::string words = best == lines.end() ? "" : printable(without_prefix(*best));
  if (output.timed_out) return words.empty() ? "no answer in time" : fmt::format("no answer in time: {}", words);
  return words.empty() ? fmt::format("{}, without a word", core::describe(output.status)) : words;
}

}  // namespace resolute::slurm
