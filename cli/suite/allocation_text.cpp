#include "cli/suite/allocation_text.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <set>

#include "cli/suite/status_view.h"
#include "operations/submissions/pending_reason.h"

namespace resolute::cli {

using operations::AllocationView;
using operations::PendingReason;
using operations::SlurmAnswer;

namespace {

// "14:20" today, else "Fri 30 Jan 14:20", of this machine's time zone.
std::string clock_text(slurm::Time time, slurm::Time now) {
  const std::tm local = fmt::localtime(std::chrono::system_clock::to_time_t(time));
  const auto away = time > now ? time - now : now - time;
  return away < std::chrono::hours(20) ? fmt::format("{:%H:%M}", local) : fmt::format("{:%a %d %b %H:%M}", local);
}

std::string with_reason(std::string text, const std::string& reason) {
  const PendingReason explained = operations::explain_reason(reason);
  if (!explained.words.empty()) text += ": " + explained.words;
  if (!explained.words.empty() && explained.words != reason) text += " (" + reason + ")";
  return text;
}

// "n1 and 12 more" for many entries. Commas within brackets are of one entry: "n[1,3]".
std::string nodes_text(const AllocationView& view) {
  constexpr std::ptrdiff_t kMost = 3;
  std::vector<std::size_t> commas;
  int depth = 0;
  for (std::size_t at = 0; at < view.node_list.size(); ++at) {
    depth += view.node_list[at] == '[' ? 1 : view.node_list[at] == ']' ? -1 : 0;
    if (view.node_list[at] == ',' && depth == 0) commas.push_back(at);
  }
  if (std::ssize(commas) < kMost) return view.node_list;
  return fmt::format("{} and {} more", view.node_list.substr(0, commas.front()),
                     std::max<std::ptrdiff_t>(std::ssize(commas), view.nodes - 1));
}

std::string running_text(const AllocationView& view, slurm::Time now) {
  std::string text = "runs";
  if (!view.node_list.empty()) text += " on " + nodes_text(view);
  if (view.begin && *view.begin <= now)
    text += " since " + duration_text(std::chrono::duration<double>(now - *view.begin).count());
  if (view.end) text += ", until " + clock_text(*view.end, now);
  return text;
}

std::string state_text(const AllocationView& view, slurm::Time now) {
  using enum AllocationView::State;
  switch (view.state) {
    case kWaits: {
      std::string text = with_reason("waits", view.reason);
      if (view.begin && *view.begin > now) text += ", begins about " + clock_text(*view.begin, now);
      return text;
    }
    case kHeld:
      return with_reason("is held", view.reason);
    case kRuns:
      return running_text(view, now);
    case kEnding:
      return "is ending";
    case kEnded: {
      std::string text = "has ended";
      if (!view.slurm_state.empty())
        text += fmt::format(" ({}{})", view.slurm_state, view.exit_code.empty() ? "" : ", exit code " + view.exit_code);
      return view.end_words.empty() ? text : text + ": " + view.end_words;
    }
    case kLost:
      return "is gone: SLURM does not know it any more";
    case kRefused:
      return "was refused by SLURM: " + view.reason;
    case kNotSubmitted:
      return "is not submitted yet";
    case kUnknown:
      break;
  }
  return "may wait, run or have ended";
}

core::Json optional_time(const std::optional<slurm::Time>& time) {
  return time ? core::Json(slurm::time_text(*time) + "Z") : core::Json();
}

core::Json text_or_null(const std::string& text) { return text.empty() ? core::Json() : core::Json(text); }

std::string line_of(const AllocationView& view, bool with_submission, slurm::Time now) {
  std::string text = fmt::format("allocation {}", view.allocation);
  if (with_submission) text += " of " + view.submission;
  if (view.job != 0) text += fmt::format(", job {},", view.job);
  text += " " + state_text(view, now);
  if (view.starts > 1) text += fmt::format("; {} starts", view.starts);
  if (!view.last_end.empty()) text += "; last end: " + view.last_end;
  if (!view.wanted.empty() && operations::may_live(view.state)) text += "; asked for because " + view.wanted;
  if (!view.log_end.empty())
    text += fmt::format(" → {} ends with '{}'", view.log, view.log_end);
  else if (!view.log.empty())
    text += fmt::format(" → {} tells more", view.log);
  if (!view.advice.empty()) text += (view.log.empty() ? " → " : "; ") + view.advice;
  return text;
}

}  // namespace

std::vector<std::string> allocation_lines(const std::vector<AllocationView>& views, const SlurmAnswer& answer,
                                          slurm::Time now) {
  std::set<std::string> tokens;
  for (const AllocationView& view : views) tokens.insert(view.submission);
  std::vector<std::string> lines;
  for (const AllocationView& view : views) lines.push_back(line_of(view, tokens.size() > 1, now));
  if (!views.empty() && answer.trouble) lines.push_back("SLURM does not say: " + *answer.trouble);
  return lines;
}

core::Json allocations_json(const std::vector<AllocationView>& views) {
  core::Json json = core::Json::array();
  for (const AllocationView& view : views)
    json.push_back({{"submission", view.submission},
                    {"batch", view.batch},
                    {"allocation", view.allocation},
                    {"job", view.job == 0 ? core::Json() : core::Json(view.job)},
                    {"state", name_of(view.state)},
                    {"slurm_state", view.slurm_state},
                    {"reason", view.reason},
                    {"exit_code", text_or_null(view.exit_code)},
                    {"nodes", view.nodes},
                    {"node_list", view.node_list},
                    {"begin", optional_time(view.begin)},
                    {"end", optional_time(view.end)},
                    {"starts", view.starts},
                    {"last_end", view.last_end},
                    {"wanted", view.wanted},
                    {"log", text_or_null(view.log)},
                    {"log_end", text_or_null(view.log_end)},
                    {"advice", view.advice}});
  return json;
}

}  // namespace resolute::cli
