#include "slurm/partitions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/numbers.h"
#include "core/split.h"
#include "slurm/job_record.h"

namespace resolute::slurm {
namespace {

constexpr std::size_t kFields = 7;
// More than any machine has of anything, and few enough that no sum overflows.
constexpr std::int64_t kMostOfAny = 1'000'000'000'000;

[[noreturn]] void refuse_partition(std::string_view line) {
  throw core::RuntimeError(core::ErrorKind::kTransient, fmt::format("sinfo wrote '{}'", line.substr(0, 120)),
                           "that is no partition");
}

std::int64_t count_in(std::string_view text, std::string_view line) {
  const auto number = core::number_of<std::int64_t>(text);
  if (!number || *number < 0 || *number > kMostOfAny) refuse_partition(line);
  return *number;
}

// "infinite", "30:00", "1-00:00:00"; a year and more is no limit to us.
std::optional<std::chrono::seconds> longest_in(std::string_view text) {
  if (text == "infinite") return std::nullopt;
  try {
    return parse_time_limit(std::string(text), "sinfo");
  } catch (const core::RuntimeError&) {
    return std::nullopt;
  }
}

// "1-infinite", "1-4", "2".
std::optional<std::int64_t> most_nodes_in(std::string_view text, std::string_view line) {
  const std::string_view most = text.substr(text.find('-') + 1);  // npos + 1 is 0
  if (most == "infinite") return std::nullopt;
  return count_in(most, line);
}

// MiB of "64G"; 0: all of a node's, or nothing is asked for.
std::int64_t mib_of(const std::string& memory) {
  const auto typed = core::number_of<std::int64_t>(memory.substr(0, memory.find_first_not_of("0123456789")));
  if (!typed) return 0;
  const std::int64_t number = std::min(*typed, kMostOfAny);
  switch (memory.back()) {
    case 'K':
      return number / 1024;
    case 'G':
      return number * 1024;
    case 'T':
      return number * 1024 * 1024;
    default:
      return number;
  }
}

std::int64_t count_nodes(const Partition& partition, const auto& fits) {
  std::int64_t nodes = 0;
  for (const NodeKind& kind : partition.kinds)
    if (fits(kind)) nodes += kind.nodes;
  return nodes;
}

std::string nodes_text(std::int64_t nodes) { return fmt::format("{} node{}", nodes, nodes == 1 ? "" : "s"); }

// True if a node of this kind may have as many GPUs as are asked for.
bool has_gpus(const NodeKind& kind, const Resources& resources) {
  const auto gpus = gpus_of(kind.gres, resources.gpu_type);
  return resources.gpus_per_node == 0 || !gpus || *gpus >= resources.gpus_per_node;
}

std::optional<Never> why_no_nodes(const Partition& partition, const Resources& resources) {
  const std::int64_t memory = mib_of(resources.memory);
  const auto processors = [&](const NodeKind& kind) { return kind.processors >= resources.cpus_per_node; };
  const auto memories = [&](const NodeKind& kind) { return kind.memory_mib >= memory; };
  const auto gpus = [&](const NodeKind& kind) { return has_gpus(kind, resources); };
  const auto too_few = [&](const auto& fits, const std::string& need, const char* advice) -> std::optional<Never> {
    const std::int64_t nodes = count_nodes(partition, fits);
    if (nodes >= resources.nodes) return std::nullopt;
    return Never{
        fmt::format("{} of partition '{}' {} {}, and {} asked for",
                    nodes == 0 ? "no node" : "only " + nodes_text(nodes), partition.name, nodes > 1 ? "have" : "has",
                    need, resources.nodes == 1 ? "one is" : fmt::format("{} are", resources.nodes)),
        advice};
  };
  if (auto never = too_few(processors, fmt::format("{} processors", resources.cpus_per_node), "fewer --cpus-per-node"))
    return never;
  if (auto never = too_few(memories, fmt::format("{} MiB of memory", memory), "less --memory")) return never;
  if (auto never = too_few(gpus,
                           fmt::format("{} GPUs{}", resources.gpus_per_node,
                                       resources.gpu_type.empty() ? "" : fmt::format(" '{}'", resources.gpu_type)),
                           "fewer --gpus-per-node or another --gpu-type"))
    return never;
  return too_few([&](const NodeKind& kind) { return processors(kind) && memories(kind) && gpus(kind); },
                 "all that is asked of each", "less of each node");
}

}  // namespace

// Exactly (-e), or nodes that differ become one line "2+"; hidden partitions too (-a).
std::vector<std::string> sinfo_command() {
  return {"sinfo", "-h", "-a", "-e", "--noconvert", "-o", "%P|%l|%s|%D|%c|%m|%G"};
}

std::vector<Partition> parse_partitions(std::string_view text) {
  const std::string records = records_of(text);
  std::vector<Partition> partitions;
  for (const std::string_view line : core::split(records, '\n')) {
    if (line.empty()) continue;
    const auto fields = core::split(line, '|');
    if (fields.size() != kFields || fields[0].empty()) refuse_partition(line);
    const bool is_default = fields[0].ends_with('*');
    const std::string name(fields[0].substr(0, fields[0].size() - (is_default ? 1 : 0)));
    auto known = std::ranges::find(partitions, name, &Partition::name);
    if (known == partitions.end())
      known = partitions.insert(known, {name, is_default, longest_in(fields[1]), most_nodes_in(fields[2], line), {}});
    known->kinds.push_back(
        {count_in(fields[3], line), count_in(fields[4], line), count_in(fields[5], line), std::string(fields[6])});
  }
  return partitions;
}

namespace {

// A node's generic resources, without what stands in parentheses.
std::string without_places(std::string_view gres) {
  std::string plain;
  int depth = 0;
  for (const char c : gres) {
    depth += c == '(' ? 1 : 0;
    if (depth == 0) plain += c;
    depth -= c == ')' ? 1 : 0;
  }
  return plain;
}

// A node as a job sees it: its types of GPUs, or how many processors it has.
std::string kind_of(const NodeKind& kind, bool gpus) {
  if (!gpus) return fmt::format("{} processors", kind.processors);
  std::set<std::string> types;
  const std::string plain = without_places(kind.gres);
  for (const std::string_view entry : core::split(plain, ',')) {
    const auto words = core::split(entry, ':');
    if (words.front() == "gpu") types.insert(words.size() == 3 ? std::string(words[1]) : "GPUs of no type");
  }
  return fmt::format("{}", fmt::join(types, ", "));
}

}  // namespace

// "gpu:a100:4(S:0-1),gpu:2,nvme:1": a type may be missing, and so may what stands in parentheses, which may hold
// commas.
std::optional<std::int64_t> gpus_of(std::string_view gres, std::string_view type) {
  std::int64_t gpus = 0;
  const std::string plain = without_places(gres);
  for (const std::string_view entry : core::split(plain, ',')) {
    const auto words = core::split(entry, ':');
    if (words.front() != "gpu") continue;
    if (words.size() > 3) return std::nullopt;
    // One that does not say its type may be of any.
    if (words.size() == 3 && !type.empty() && words[1] != type) continue;
    const auto number =
        words.size() == 1 ? std::optional<std::int64_t>(1) : core::number_of<std::int64_t>(words.back());
    if (!number || *number < 0 || *number > kMostOfAny) return std::nullopt;
    gpus += *number;
  }
  return gpus;
}

std::optional<Never> why_never(const Partition& partition, const Resources& resources) {
  const bool by_partition = resources.qos.empty() && resources.reservation.empty();
  const auto time = granted_time(resources.time);
  const auto minutes = [](std::chrono::seconds limit) { return limit / std::chrono::minutes(1); };
  if (by_partition && partition.longest && time > *partition.longest)
    return Never{fmt::format("the time limit of partition '{}' is {} min, and {} min are asked for", partition.name,
                             minutes(*partition.longest), minutes(time)),
                 "a shorter --time: the suite goes on over any number of starts"};
  if (by_partition && partition.most_nodes && resources.nodes > *partition.most_nodes)
    return Never{fmt::format("partition '{}' gives a job {} at most, and {} are asked for", partition.name,
                             nodes_text(*partition.most_nodes), resources.nodes),
                 "fewer --nodes"};
  const std::int64_t nodes = count_nodes(partition, [](const NodeKind&) { return true; });
  if (resources.nodes > nodes)
    return Never{
        fmt::format("partition '{}' has {}, and {} are asked for", partition.name, nodes_text(nodes), resources.nodes),
        "fewer --nodes"};
  return why_no_nodes(partition, resources);
}

std::optional<Never> why_never(const std::vector<Partition>& partitions, const Resources& resources) {
  const auto wanted = core::split(resources.partition, ',');
  const auto is_wanted = [&](const Partition& partition) {
    return resources.partition.empty() || std::ranges::find(wanted, partition.name) != wanted.end();
  };
  std::optional<Never> first;
  std::size_t found = 0;
  for (const Partition& partition : partitions) {
    if (!is_wanted(partition)) continue;
    ++found;
    auto never = why_never(partition, resources);
    if (!never) return std::nullopt;
    if (!first || partition.is_default) first = std::move(never);
  }
  return resources.partition.empty() || found == wanted.size() ? first : std::nullopt;
}

std::optional<Never> why_never_by_default(const std::vector<Partition>& partitions, const Resources& resources) {
  if (!resources.partition.empty()) return std::nullopt;
  const auto standard = std::ranges::find_if(partitions, &Partition::is_default);
  return standard == partitions.end() ? std::nullopt : why_never(*standard, resources);
}

std::optional<std::string> several_kinds(const std::vector<Partition>& partitions, const Resources& resources) {
  if (!resources.gpu_type.empty() || !resources.constraint.empty()) return std::nullopt;
  const auto wanted = core::split(resources.partition, ',');
  for (const Partition& partition : partitions) {
    const bool named = std::ranges::find(wanted, partition.name) != wanted.end();
    if (resources.partition.empty() ? !partition.is_default : !named) continue;
    std::set<std::string> kinds;
    for (const NodeKind& kind : partition.kinds)
      if (kind.processors >= resources.cpus_per_node && has_gpus(kind, resources))
        kinds.insert(kind_of(kind, resources.gpus_per_node > 0));
    if (kinds.size() > 1)
      return fmt::format("partition '{}' has nodes with {}", partition.name, fmt::join(kinds, " and with "));
  }
  return std::nullopt;
}

}  // namespace resolute::slurm
