#include "experiments/language/reference.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <set>

#include "experiments/language/table_reader.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

constexpr std::array kRequestParts = {&ReferenceRequest::paper, &ReferenceRequest::table, &ReferenceRequest::method,
                                      &ReferenceRequest::dataset, &ReferenceRequest::variant};
constexpr std::array kPartNames = {"paper", "table", "method", "dataset", "variant"};

ReferenceMetrics read_metrics(const Node& node) {
  TableReader reader(node, "'metrics'");
  ReferenceMetrics metrics;
  for (const Member& member : node.members) {
    const double value = reader.value<double>(member.key);
    if (value < 0 || value > 100)
      throw core::input_error(fmt::format("{}: key '{}' has the value {}", member.node.place, member.key, value),
                              "per cent are needed");
    metrics[member.key] = value;
  }
  return metrics;
}

//! Members that stand in the file for its readers.
void leave(TableReader& reader, std::initializer_list<const char*> keys) {
  for (const char* key : keys) reader.find(key);
}

std::string sentence(const std::string& words) { return words.ends_with('.') ? words : words + '.'; }

//! What is to be known of all numbers of an entry, or of their lack; empty: nothing.
std::string read_remark(TableReader& result) {
  const bool missing = result.value<bool>("missing", false), derived = result.value<bool>("derived", false);
  const std::string note = result.find("note") == nullptr ? "" : result.title("note");
  if (missing) return sentence("No number of the paper was found" + (note.empty() ? "" : ": " + note));
  if (derived)
    return sentence("Not printed in that cell: " + (note.empty() ? "the text states the value or equates it" : note));
  return note.empty() ? "" : sentence(note);
}

}  // namespace

bool ReferenceRequest::stands_beside(const std::string& our_dataset) const {
  return on.empty() || std::find(on.begin(), on.end(), our_dataset) != on.end();
}

ReferenceNumbers::Key ReferenceNumbers::key_of(const ReferenceRequest& r) {
  return {r.paper, r.table, r.method, r.dataset, r.variant};
}

ReferenceNumbers ReferenceNumbers::read(core::FileSystem& files, const std::filesystem::path& path) {
  if (!files.exists(path))
    throw core::input_error(fmt::format("reference numbers '{}' are missing", path.string()),
                            "rows of the suite name a 'reference'",
                            "set RESOLUTE_DATA_DIR to the folder that holds reference/papers.toml");
  const Node document = parse_toml(core::read_text(files, path), path.string());
  TableReader reader(document, "the reference file");
  ReferenceNumbers numbers;
  numbers.file_ = path.string();
  for (const Node* node : reader.tables("paper")) {
    TableReader paper(*node, "[[paper]]");
    const auto id = paper.value<std::string>("id");
    numbers.papers_[id] = paper.find("title") == nullptr ? id : paper.title("title");
    leave(paper, {"venue", "year", "seed"});
    paper.finish();
  }
  for (const Node* node : reader.tables("method")) {
    TableReader method(*node, "[[method]]");
    const auto id = method.value<std::string>("id");
    if (!numbers.methods_.emplace(id, method.title("label")).second)
      throw core::input_error(fmt::format("{}: the method '{}' stands twice", node->place, id));
    method.finish();
  }
  for (const Node* node : reader.tables("result")) {
    TableReader result(*node, "[[result]]");
    ReferenceRequest request;
    for (std::size_t i = 0; i < kRequestParts.size(); ++i)
      request.*kRequestParts[i] = result.value<std::string>(kPartNames[i]);
    const Node* metrics = result.find("metrics");
    if (metrics == nullptr && !result.value<bool>("missing", false))
      throw core::input_error(fmt::format("{}: key 'metrics' is missing", node->place),
                              "only a result with missing = true has none");
    const auto read = metrics == nullptr ? ReferenceMetrics() : read_metrics(*metrics);
    if (!numbers.entries_.emplace(key_of(request), read).second)
      throw core::input_error(fmt::format("{}: the result stands twice", node->place));
    numbers.in_order_.push_back(key_of(request));
    if (std::string remark = read_remark(result); !remark.empty())
      numbers.remarks_.emplace(key_of(request), std::move(remark));
    numbers.papers_.emplace(request.paper, request.paper);
    leave(result, {"source", "reproduce"});
    result.finish();
  }
  for (const Node* node : reader.tables("claim")) numbers.read_claim(*node);
  for (const Node* node : reader.tables("conflict")) numbers.read_conflict(*node);
  leave(reader, {"meta", "source", "table"});
  reader.finish();
  return numbers;
}

//! A member of `touches` that is left out means all there are, but for `paper`: the conflict's own.
void ReferenceNumbers::read_conflict(const Node& node) {
  TableReader reader(node, "[[conflict]]");
  const auto paper = reader.value<std::string>("paper");
  const std::string what = sentence(reader.title("what"));
  for (const Node* one : reader.tables("touches")) {
    TableReader touch(*one, "'touches'");
    std::array<std::optional<std::string>, kPartNames.size()> wanted;
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (touch.find(kPartNames[i]) != nullptr) wanted[i] = touch.value<std::string>(kPartNames[i]);
    const auto metrics = touch.value<std::vector<std::string>>("metrics", {});
    touch.finish();
    if (!wanted[0]) wanted[0] = paper;
    // Words such as "here" are meant from the paper that the conflict is of.
    const std::string said =
        *wanted[0] == paper ? what : fmt::format("Of \"{}\": {}", paper_name(paper, reader.place("paper")), what);
    bool any = false;
    for (const auto& [key, its] : entries_) {
      const auto& [of, table, method, dataset, variant] = key;
      const std::array<const std::string*, kPartNames.size()> parts = {&of, &table, &method, &dataset, &variant};
      bool touched = true;
      for (std::size_t i = 0; i < parts.size(); ++i) touched = touched && (!wanted[i] || *wanted[i] == *parts[i]);
      if (!touched) continue;
      for (const auto& [metric, value] : its)
        if (metrics.empty() || std::find(metrics.begin(), metrics.end(), metric) != metrics.end()) {
          conflicts_[key][metric].push_back(said);
          any = true;
        }
    }
    if (!any)
      throw core::input_error(fmt::format("{}: key 'touches' touches no number", one->place),
                              "no [[result]] has these words and metrics");
  }
  reader.finish();
}

void ReferenceNumbers::read_claim(const Node& node) {
  TableReader reader(node, "[[claim]]");
  PublishedClaim claim{reader.value<ClaimKind>("kind"),     reader.value<std::string>("by"),
                       reader.value<std::string>("paper"),  reader.value<std::string>("dataset"),
                       reader.value<std::string>("metric"), reader.value<std::vector<std::string>>("worse_to_better")};
  reader.value<std::string>("note", "");
  reader.finish();
  if (claim.by != "method" && claim.by != "variant")
    throw core::input_error(fmt::format("{}: key 'by' has the value '{}'", reader.place("by"), claim.by),
                            "it must be one of method, variant");
  const std::string& place = reader.place("worse_to_better");
  if (claim.worse_to_better.size() < 2)
    throw core::input_error(fmt::format("{}: key 'worse_to_better' has fewer than two entries", place));
  for (const std::string& entry : claim.worse_to_better) {
    const bool known = std::any_of(entries_.begin(), entries_.end(), [&](const auto& one) {
      const auto& [paper, table, method, dataset, variant] = one.first;
      return paper == claim.paper && dataset == claim.dataset && (claim.by == "method" ? method : variant) == entry;
    });
    if (!known || std::count(claim.worse_to_better.begin(), claim.worse_to_better.end(), entry) > 1)
      throw core::input_error(
          fmt::format("{}: key 'worse_to_better' names '{}'", place, entry),
          known ? "it stands twice" : fmt::format("no [[result]] of its paper and data set has that {}", claim.by));
  }
  claims_.push_back(std::move(claim));
}

std::string ReferenceNumbers::paper_name(const std::string& paper, const std::string& place) const {
  if (const auto found = papers_.find(paper); found != papers_.end()) return found->second;
  std::vector<std::string> ids;
  for (const auto& [id, title] : papers_) ids.push_back(id);
  throw core::input_error(fmt::format("{}: key 'reference' has the paper '{}'", place, paper),
                          fmt::format("'{}' has no such entry", file_), settings::nearest_or_all(paper, ids));
}

ReferenceMetrics ReferenceNumbers::find(const ReferenceRequest& request) const {
  const auto found = entries_.find(key_of(request));
  if (found == entries_.end()) refuse(request, kRequestParts.size());
  return found->second;
}

ReferenceMetrics ReferenceNumbers::find_if_there(const ReferenceRequest& request) const {
  const auto found = entries_.find(key_of(request));
  return found == entries_.end() ? ReferenceMetrics() : found->second;
}

bool ReferenceNumbers::expects(const std::string& paper, const std::string& table, const std::string& metric) const {
  bool any = false, elsewhere = false;
  for (const auto& [key, metrics] : entries_) {
    const bool its = std::get<0>(key) == paper && std::get<1>(key) == table;
    if (its && metrics.contains(metric)) return true;
    any = any || (its && !metrics.empty());
    elsewhere = elsewhere || metrics.contains(metric);
  }
  return !any && elsewhere;
}

std::vector<std::string> ReferenceNumbers::footnotes(const ReferenceRequest& request, const std::string& metric) const {
  std::vector<std::string> found;
  const auto entry = entries_.find(key_of(request));
  if (entry == entries_.end() || (!entry->second.empty() && !entry->second.contains(metric))) return found;
  if (const auto of = conflicts_.find(entry->first); of != conflicts_.end())
    if (const auto its = of->second.find(metric); its != of->second.end()) found = its->second;
  if (const auto remark = remarks_.find(entry->first); remark != remarks_.end()) found.push_back(remark->second);
  return found;
}

std::vector<std::string> ReferenceNumbers::methods_of(const std::string& paper, const std::string& table,
                                                      const std::string& variant, const std::string& place) const {
  std::vector<std::string> methods;
  for (const auto& [its_paper, its_table, method, dataset, its_variant] : in_order_)
    if (its_paper == paper && its_table == table && its_variant == variant &&
        std::find(methods.begin(), methods.end(), method) == methods.end())
      methods.push_back(method);
  constexpr std::size_t kPaperAndTable = 2;
  if (methods.empty()) refuse({place, paper, table, "", variant, "", {}}, kPaperAndTable);
  return methods;
}

std::string ReferenceNumbers::method_name(const std::string& method) const {
  const auto found = methods_.find(method);
  return found == methods_.end() ? method : found->second;
}

//! Says which part, of the first so many, is the first that no entry has beside the parts before it.
void ReferenceNumbers::refuse(const ReferenceRequest& request, std::size_t parts) const {
  for (std::size_t part = 0; part < parts; ++part) {
    std::set<std::string> present;
    for (const auto& [key, metrics] : entries_) {
      const auto& [paper, table, method, dataset, variant] = key;
      const std::array<const std::string*, 5> values = {&paper, &table, &method, &dataset, &variant};
      bool agrees = true;
      for (std::size_t i = 0; i < part; ++i) agrees = agrees && *values[i] == request.*kRequestParts[i];
      if (agrees) present.insert(*values[part]);
    }
    const std::string& wanted = request.*kRequestParts[part];
    if (present.contains(wanted)) continue;
    throw core::input_error(fmt::format("{}: key 'reference' has the {} '{}'", request.place, kPartNames[part], wanted),
                            fmt::format("'{}' has no such entry", file_),
                            settings::nearest_or_all(wanted, {present.begin(), present.end()}));
  }
  throw core::input_error(
      fmt::format("{}: key 'reference' has the variant '{}'", request.place, request.variant),
      fmt::format("'{}' has no such entry of paper '{}', table '{}'", file_, request.paper, request.table));
}

}  // namespace resolute::experiments
