#include "slurm/job_record.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/files/json.h"
#include "core/numbers.h"
#include "core/split.h"

namespace resolute::slurm {
namespace {

using core::ErrorKind;
using core::RuntimeError;

// SLURM's numbers have 32 bits; the last few mean something else (slurm.h: NO_VAL, INFINITE).
constexpr std::int64_t kLargestNumber = 0xfffffff0;
constexpr int kLargestElement = 4'000'001;  // slurm.conf(5), MaxArraySize

[[noreturn]] void refuse(std::string_view command, std::string_view line, std::string_view why) {
  constexpr std::size_t kShown = 120;
  std::string shown(line.substr(0, kShown));
  // A message goes to a person's terminal.
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
  throw RuntimeError(ErrorKind::kTransient,
                     fmt::format("{} wrote '{}{}'", command, shown, line.size() > kShown ? "…" : ""), why,
                     "ask again; if it stays so, this version of SLURM is unknown here");
}

// A number as SLURM writes it: no sign, no leading zero, nothing after it.
std::optional<std::int64_t> parse_number(std::string_view text, std::int64_t most) {
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string_view::npos ||
      (text.size() > 1 && text.front() == '0'))
    return std::nullopt;
  const auto number = core::number_of<std::int64_t>(text);
  return number > most ? std::nullopt : number;
}

bool is_free_text(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }) && core::is_utf8(text);
}

bool is_node_list(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.,-[]").find(c) != std::string_view::npos;
  });
}

// Reads the values of one line. A value that SLURM would not write refuses the line.
class LineReader {
 public:
  LineReader(std::string_view command, std::string_view line) : command_(command), line_(line) {}

  [[noreturn]] void fail(std::string_view why) const { refuse(command_, line_, why); }
  void need(bool holds, std::string_view why) const {
    if (!holds) fail(why);
  }

  std::int64_t number(std::string_view text, std::string_view kind, std::int64_t most = kLargestNumber) const {
    const auto number = parse_number(text, most);
    if (!number.has_value()) fail(fmt::format("no {}", kind));
    return *number;
  }
  SlurmJobId id(std::string_view text) const {
    const SlurmJobId id = number(text, "job id");
    need(id > 0, "no job id");
    return id;
  }
  JobState state(std::string_view text) const {
    const auto state = settings::from_word<JobState>(text);
    if (!state.has_value()) fail("this is not the state of a job");
    return *state;
  }
  //! \param none the words for no time
  std::optional<Time> time(std::string_view text, std::initializer_list<std::string_view> none) const {
    if (std::ranges::find(none, text) != none.end()) return std::nullopt;
    const auto time = parse_time(text);
    if (!time.has_value()) fail("no time");
    return time;
  }
  Time submitted(std::string_view text) const { return *time(text, {}); }

 private:
  std::string_view command_;
  std::string_view line_;
};

// The lines of a text that ends with the end of one. A text that does not was cut.
std::vector<std::string_view> lines_of(std::string_view command, std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) refuse(command, text, "its end is missing");
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

// \param seen the lines so far: jobs by id, elements of arrays by array and index; those that wait share an id
QueuedJob parse_queue_line(std::string_view line, std::set<std::pair<SlurmJobId, std::int64_t>>& seen) {
  const LineReader reader("squeue", line);
  // SLURM quotes nothing: a '|' in a value makes a field more, and so refuses the line.
  const auto fields = core::split(line, '|');
  reader.need(fields.size() == 11, "not 11 fields");
  QueuedJob job;
  job.id = reader.id(fields[0]);
  const SlurmJobId array = reader.id(fields[1]);
  const std::int64_t element =
      fields[2] == "N/A" ? -1 : reader.number(fields[2], "index of an array's element", kLargestElement);
  reader.need(element >= 0 || array == job.id, "no element of the array whose id it has");
  job.state = reader.state(fields[3]);
  job.submitted = reader.submitted(fields[4]);
  job.begin = reader.time(fields[5], {"N/A"});
  job.end = reader.time(fields[6], {"N/A", "NONE"});
  job.nodes = static_cast<int>(reader.number(fields[7], "number of nodes", 10'000'000));
  reader.need(is_node_list(fields[8]), "no list of nodes");
  job.node_list = fields[8];
  reader.need(is_job_name(fields[9]), "this is not the name of a job of resolute");
  job.name = fields[9];
  reader.need(!fields[10].empty() && is_free_text(fields[10]), "no reason");
  job.reason = fields[10];
  reader.need(job.state != JobState::kRunning || (job.begin.has_value() && job.nodes > 0 && !job.node_list.empty()),
              "it runs, but nowhere");
  reader.need(seen.emplace(array, element).second, "one job twice");
  return job;
}

// The words of a record that we read, in SLURM's order. Between them stand others, some with spaces in their values.
enum Key : std::size_t { kState, kReason, kRequeue, kRestarts, kExit, kSubmit, kBegin, kEnd, kPreempt, kKeys };
constexpr std::array<std::string_view, kKeys> kShownKeys{
    " JobState=",   " Reason=",    " Requeue=", " Restarts=",   " ExitCode=",
    " SubmitTime=", " StartTime=", " EndTime=", " PreemptTime="};

// The values, each up to the next space; each key once, in order. \param record from " UserId=" on
std::array<std::string_view, kKeys> shown_values(const LineReader& reader, std::string_view record) {
  std::array<std::string_view, kKeys> values{};
  std::size_t after = 0;
  for (std::size_t key = 0; key < kKeys; ++key) {
    const std::size_t at = record.find(kShownKeys.at(key));
    // SLURM leaves it out without preemption, and for a job that has not begun.
    if (at == std::string_view::npos && key == kPreempt) continue;
    reader.need(at != std::string_view::npos && at >= after, fmt::format("no{} where it belongs", kShownKeys.at(key)));
    reader.need(record.find(kShownKeys.at(key), at + 1) == std::string_view::npos,
                fmt::format("two{}", kShownKeys.at(key)));
    const std::size_t begin = at + kShownKeys.at(key).size();
    const std::size_t end = record.find(' ', begin);
    reader.need(end != std::string_view::npos, "its end is missing");
    values.at(key) = record.substr(begin, end - begin);
    after = end;
  }
  return values;
}

ShownJob parse_shown_values(const LineReader& reader, std::string_view record) {
  const std::initializer_list<std::string_view> never{"Unknown", "None"};
  const auto values = shown_values(reader, record);
  ShownJob job;
  job.state = reader.state(values[kState]);
  job.reason = values[kReason];
  reader.need(!job.reason.empty() && is_free_text(job.reason), "no reason");
  job.requeue = reader.number(values[kRequeue], "0 or 1", 1) == 1;
  job.restarts = static_cast<int>(reader.number(values[kRestarts], "number of restarts", 1'000'000));
  const std::size_t colon = values[kExit].find(':');
  reader.need(colon != std::string_view::npos, "no exit code");
  job.exit.code = static_cast<int>(reader.number(values[kExit].substr(0, colon), "exit code", 1'000'000));
  job.exit.signal = static_cast<int>(reader.number(values[kExit].substr(colon + 1), "signal", 1'000'000));
  job.submitted = reader.submitted(values[kSubmit]);
  job.begin = reader.time(values[kBegin], never);
  job.end = reader.time(values[kEnd], never);
  if (values[kPreempt].data() != nullptr) job.preempted = reader.time(values[kPreempt], never);
  reader.need(job.state != JobState::kRunning || job.begin.has_value(), "it runs, but has not begun");
  // The line goes on with the job's place and paths.
  reader.need(record.find(" Partition=") != std::string_view::npos, "its end is missing");
  return job;
}

struct Value {
  std::string_view text;
  std::string_view rest;
};
// The value of `key` (with its '=') that `text` begins with, and what follows the space after it.
std::optional<Value> take(std::string_view text, std::string_view key) {
  if (!text.starts_with(key)) return std::nullopt;
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return Value{text.substr(key.size(), space - key.size()), text.substr(space + 1)};
}

struct Heading {
  SlurmJobId id = 0;
  SlurmJobId whole = 0;          // what it is a part of: an array, several jobs that begin together, or itself
  std::optional<int> element{};  // of an array; nothing too for the record of those that wait
  std::string_view named;        // from the name on
};
Heading parse_heading(const LineReader& reader, std::string_view line) {
  const auto id = take(line, "JobId=");
  if (!id.has_value()) reader.fail("no job id");
  Heading heading;
  heading.id = heading.whole = reader.id(id->text);
  std::string_view rest = id->rest;
  if (const auto array = take(rest, "ArrayJobId=")) {
    const auto element = take(array->rest, "ArrayTaskId=");
    if (!element.has_value()) reader.fail("no element of an array");
    heading.whole = reader.id(array->text);
    if (const auto index = parse_number(element->text, kLargestElement)) {
      heading.element = static_cast<int>(*index);
    } else {
      reader.need(element->text.find_first_not_of("0123456789-,:%.") == std::string_view::npos &&
                      element->text.find_first_of("-,%") != std::string_view::npos,
                  "no element of an array");
      reader.need(heading.id == heading.whole, "no element of an array");
    }
    rest = element->rest;
    if (const auto throttle = take(rest, "ArrayTaskThrottle=")) {
      reader.number(throttle->text, "number of elements at once", kLargestElement);
      rest = throttle->rest;
    }
  } else if (const auto het = take(rest, "HetJobId=")) {
    const auto offset = take(het->rest, "HetJobOffset=");
    if (!offset.has_value()) reader.fail("this is not a component of a heterogeneous job");
    heading.whole = reader.id(het->text);
    reader.number(offset->text, "number of a component", kLargestElement);
    rest = offset->rest;
  }
  constexpr std::string_view kName = "JobName=";
  reader.need(rest.starts_with(kName), "no name");
  heading.named = rest.substr(kName.size());
  return heading;
}

// Another's name may hold anything, also " UserId=" and a whole record; ours may not. A job is ours only if our name
// stands before the line's one " UserId=". It is another's if a record follows the last " UserId=". A line that only
// looks like ours is refused.
std::variant<ShownJob, AnotherJob> parse_record(const LineReader& reader, const Heading& heading,
                                                const std::string& name) {
  constexpr std::string_view kUser = " UserId=";
  const std::size_t last = heading.named.rfind(kUser);
  reader.need(last != std::string_view::npos, "no user");
  ShownJob job = parse_shown_values(reader, heading.named.substr(last));
  if (heading.named.substr(0, last) != name) {
    reader.need(!heading.named.starts_with(name + std::string(kUser)), "two users");
    reader.need(last > 0, "no name");
    return AnotherJob{};
  }
  job.id = heading.id;
  return job;
}

constexpr std::int64_t kMostNodes = 1'000'000;

// Puts each number of "1-3,07" behind each name. \return false for what SLURM would not write, and over kMostNodes
bool extend(std::vector<std::string>& names, std::string_view ranges) {
  std::vector<std::string> longer;
  for (const std::string_view range : core::split(ranges, ',')) {
    const auto dash = range.find('-');
    const std::string_view least = range.substr(0, dash);
    const auto first = core::number_of<int>(least);
    const auto last = dash == std::string_view::npos ? first : core::number_of<int>(range.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first ||
        (std::int64_t{*last} - *first + 1) * std::ssize(names) + std::ssize(longer) > kMostNodes)
      return false;
    // Numbers of one range have one width: "n[01-10]".
    const std::size_t digits = least.starts_with('0') ? least.size() : 1;
    for (const std::string& name : names)
      for (std::int64_t number = *first; number <= *last; ++number)
        longer.push_back(fmt::format("{}{:0{}}", name, number, digits));
  }
  names = std::move(longer);
  return true;
}

// The names in "n[1-3,7],rack[0-1]n[1-3]"; nothing of what SLURM would not write, and over kMostNodes.
std::optional<std::vector<std::string>> names_of(std::string_view node_list) {
  std::vector<std::string> all;
  while (!node_list.empty()) {
    std::vector<std::string> names(1);
    std::size_t end = 0;
    for (; end < node_list.size() && node_list[end] != ','; ++end)
      if (node_list[end] != '[') {
        for (std::string& name : names) name += node_list[end];
      } else {
        const auto close = node_list.find(']', end);
        if (close == std::string_view::npos || !extend(names, node_list.substr(end + 1, close - end - 1)))
          return std::nullopt;
        end = close;
      }
    if (end == 0 || std::ssize(all) + std::ssize(names) > kMostNodes) return std::nullopt;
    std::ranges::move(names, std::back_inserter(all));
    node_list.remove_prefix(std::min(end + 1, node_list.size()));
  }
  return all;
}

}  // namespace

std::string records_of(std::string_view text) {
  constexpr std::string_view kCluster = "CLUSTER: ";
  std::string records;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
    text.remove_prefix(line.size());
    const bool names_cluster = line.starts_with(kCluster) || (line == "\n" && text.starts_with(kCluster));
    const bool in_banner =
        records.empty() && line.find('|') == std::string_view::npos && text.find('|') != std::string_view::npos;
    if (!names_cluster && !in_banner) records += line;
  }
  return records;
}

std::vector<QueuedJob> parse_queue(std::string_view text) {
  const std::string records = records_of(text);
  std::vector<QueuedJob> jobs;
  std::set<std::pair<SlurmJobId, std::int64_t>> seen;
  for (const std::string_view line : lines_of("squeue", records)) jobs.push_back(parse_queue_line(line, seen));
  return jobs;
}

std::variant<ShownJob, AnotherJob> parse_shown_job(std::string_view text, SlurmJobId id, const std::string& name) {
  RESOLUTE_EXPECT(is_job_name(name), "a job of resolute has such a name");
  std::optional<std::variant<ShownJob, AnotherJob>> found;
  std::set<std::pair<SlurmJobId, std::optional<int>>> seen;
  const auto lines = lines_of("scontrol show job", text);
  for (const std::string_view line : lines) {
    const LineReader reader("scontrol show job", line);
    const Heading heading = parse_heading(reader, line);
    auto record = parse_record(reader, heading, name);
    reader.need(seen.emplace(heading.id, heading.element).second, "one job twice");
    reader.need(heading.id == id || heading.whole == id, "not the job that was asked for");
    if (heading.id == id) {
      reader.need(!found.has_value(), "one job twice");
      found = std::move(record);
    }
  }
  if (!found.has_value()) refuse("scontrol show job", text, "not the job that was asked for");
  return *std::move(found);
}

std::optional<Accepted> parse_accepted(std::string_view text) {
  if (!text.ends_with('\n')) return std::nullopt;
  text.remove_suffix(1);
  const std::size_t semicolon = text.find(';');
  const auto id = parse_number(text.substr(0, semicolon), kLargestNumber);
  if (!id.has_value() || *id == 0) return std::nullopt;
  if (semicolon == std::string_view::npos) return Accepted{*id, ""};
  const std::string_view cluster = text.substr(semicolon + 1);
  if (!is_job_name(cluster)) return std::nullopt;
  return Accepted{*id, std::string(cluster)};
}

bool is_job_name(std::string_view name) {
  constexpr std::string_view kFirst = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
  return !name.empty() && name.size() <= 128 && kFirst.find(name.front()) != std::string_view::npos &&
         std::ranges::all_of(name,
                             [&](char c) { return c == '.' || c == '-' || kFirst.find(c) != std::string_view::npos; });
}

int count_nodes(std::string_view node_list) {
  return static_cast<int>(names_of(node_list).value_or(std::vector<std::string>()).size());
}

bool may_name(std::string_view node_list, std::string_view node) {
  const auto names = names_of(node_list);
  return !names || names->empty() || std::ranges::find(*names, node) != names->end();
}

}  // namespace resolute::slurm
