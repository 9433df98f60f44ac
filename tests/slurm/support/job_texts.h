#pragma once
//! \file
//! A second opinion on what SLURM's commands wrote, for the tests of the parsers and their fuzzers: by writing a record
//! again, or by looking in the text for what the record says, with nothing of the parsers' in it.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "slurm/job_record.h"

namespace resolute::tests {

inline std::string written(const std::optional<slurm::Time>& time, const char* none) {
  return time.has_value() ? slurm::time_text(*time) : none;
}

//! A line of squeue, without its end and what it says of arrays.
inline std::string written(const slurm::QueuedJob& job, const char* no_end = "N/A") {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}", job.id, slurm::name_of(job.state), written(job.submitted, "?"),
                     written(job.begin, "N/A"), written(job.end, no_end), job.nodes, job.node_list, job.name,
                     job.reason);
}
//! The same of a line that was read: without its second and third field.
inline std::string without_array(std::string line) {
  const std::size_t first = line.find('|');
  const std::size_t second = line.find('|', first + 1);
  const std::size_t third = line.find('|', second + 1);
  return third == std::string::npos ? line : line.erase(first, third - first);
}
inline std::string written(const slurm::Accepted& accepted) {
  return fmt::format("{}{}{}\n", accepted.id, accepted.cluster.empty() ? "" : ";", accepted.cluster);
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

//! \return what the records say that the text does not; empty: they agree
inline std::string disagreement(const std::string& text, const std::vector<slurm::QueuedJob>& jobs) {
  auto lines = lines_of(text);
  const auto is_record = [](const std::string& line) { return line.find('|') != std::string::npos; };
  if (const auto first = std::find_if(lines.begin(), lines.end(), is_record); first != lines.end())
    lines.erase(lines.begin(), first);  // a banner
  for (std::size_t i = lines.size(); i-- > 0;)
    if (lines[i].starts_with("CLUSTER: ")) {
      lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(i));
      if (i > 0 && lines[i - 1].empty()) lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(--i));
    }
  if (lines.size() != jobs.size()) return "not a record a line";
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (const auto line = without_array(lines[i]); written(jobs[i]) != line && written(jobs[i], "NONE") != line)
      return line;
  return text.empty() || text.ends_with('\n') ? "" : "the last line is cut";
}
inline std::string disagreement(const std::string& text, const slurm::Accepted& accepted) {
  return written(accepted) == text ? "" : text;
}

//! Of `scontrol show job -o`: the one line about `id`, and each value in it once.
inline std::string disagreement(const std::string& text, slurm::SlurmJobId id, const std::string& name,
                                const std::variant<slurm::ShownJob, slurm::AnotherJob>& answer) {
  std::vector<std::string> about;
  for (const std::string& line : lines_of(text))
    if (line.starts_with(fmt::format("JobId={} ", id))) about.push_back(line);
  if (about.size() != 1) return fmt::format("{} lines about the job", about.size());
  if (!text.ends_with('\n')) return "the last line is cut";
  const std::string& line = about.front();
  // Words of the heading, which may be as long as the line: no regular expression, whose stack they would fill.
  std::size_t behind = line.find(' ') + 1;
  const auto is_heading = [&](const char* key) { return line.substr(behind).starts_with(fmt::format("{}=", key)); };
  constexpr std::array kHeading{"ArrayJobId", "ArrayTaskId", "ArrayTaskThrottle", "HetJobId", "HetJobOffset"};
  while (std::any_of(kHeading.begin(), kHeading.end(), is_heading)) {
    const std::size_t end = line.find(' ', behind);
    if (end == std::string::npos || line[end - 1] == '=') break;
    behind = end + 1;
  }
  const std::string heading = line.substr(0, behind);
  const bool ours = line.substr(behind).starts_with("JobName=" + name + " UserId=");
  const auto* job = std::get_if<slurm::ShownJob>(&answer);
  if ((job != nullptr) != ours) return ours ? "our job taken for another's" : "another's job taken for ours";
  if (job == nullptr) return "";
  const auto value_in = [](const std::string& where, const std::string& key) {
    const std::string words = " " + key + "=";
    const std::size_t at = where.find(words);
    if (at == std::string::npos) return std::string("none");
    if (where.find(words, at + 1) != std::string::npos) return std::string("two");
    return where.substr(at + words.size(), where.find(' ', at + 1) - at - words.size());
  };
  const auto value = [&](const std::string& key) { return value_in(line, key); };
  const auto time_of = [&](const std::string& key) {
    const std::string text_of_time = value(key);
    return text_of_time == "Unknown" || text_of_time == "None" || text_of_time == "none" ? "no time" : text_of_time;
  };
  if (value("JobState") != slurm::name_of(job->state) &&
      !(job->state == slurm::JobState::kCancelled && value("JobState").starts_with("CANCELLED")))
    return "JobState=" + value("JobState");
  if (value("Reason") != job->reason) return "Reason=" + value("Reason");
  if (value("Requeue") != (job->requeue ? "1" : "0")) return "Requeue=" + value("Requeue");
  if (value("Restarts") != std::to_string(job->restarts)) return "Restarts=" + value("Restarts");
  if (value("ExitCode") != fmt::format("{}:{}", job->exit.code, job->exit.signal))
    return "ExitCode=" + value("ExitCode");
  if (time_of("SubmitTime") != written(job->submitted, "no time")) return "SubmitTime=" + value("SubmitTime");
  if (time_of("StartTime") != written(job->begin, "no time")) return "StartTime=" + value("StartTime");
  if (time_of("EndTime") != written(job->end, "no time")) return "EndTime=" + value("EndTime");
  if (time_of("PreemptTime") != written(job->preempted, "no time")) return "PreemptTime=" + value("PreemptTime");
  if (job->id != id) return "id";
  return "";
}

}  // namespace resolute::tests
