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

constexpr std::array kParts = {&PaperEntry::paper, &PaperEntry::table, &PaperEntry::method, &PaperEntry::dataset,
                               &PaperEntry::variant};
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

//! Half the width that a number may be off that was read off a plot, in points; nothing for printed ones.
std::optional<double> read_error(TableReader& result) {
  const bool digitised = result.value<std::string>("source", "") == "digitised";
  if (digitised != (result.find("error") != nullptr))
    throw core::input_error(
        digitised ? fmt::format("{}: key 'error' is missing", result.place())
                  : fmt::format("{}: key 'error' stands beside another source", result.place("error")),
        "source = \"digitised\" says that numbers were read off a plot, and 'error' by how many points they may be off",
        digitised ? "write for example error = 0.5" : "leave it out");
  if (!digitised) return std::nullopt;
  const auto error = result.value<double>("error");
  if (!(error > 0 && error <= 100))
    throw core::input_error(fmt::format("{}: key 'error' has the value {}", result.place("error"), error),
                            "it must be above 0 and at most 100");
  return error;
}

//! The address of a paper's table, for people.
std::string read_address(TableReader& table) {
  std::string address = table.title("where");
  if (!address.starts_with("https://") && !address.starts_with("http://"))
    throw core::input_error(fmt::format("{}: key 'where' has the value '{}'", table.place("where"), address),
                            "it must begin with https:// or http://");
  return address;
}

//! Reads `worse_to_better`, or `some` and `above`. \param entries in the order of the form that is returned
ClaimForm read_entries_of(TableReader& claim, std::vector<std::string>& entries) {
  const auto is_there = [&](const char* key) { return claim.find(key) != nullptr; };
  const auto refuse = [&](const char* key, const std::string& problem, const std::string& why) {
    throw core::input_error(fmt::format("{}: key '{}' {}", claim.place(key), key, problem), why);
  };
  const bool some = is_there("some");
  for (const char* other : {"some", "above"})
    if (is_there("worse_to_better") && is_there(other))
      refuse(other, "stands beside 'worse_to_better'", "a claim is an order, or says that some rows are above one");
  if (!some && is_there("above")) refuse("above", "stands without 'some'", "it is the row that some are above");
  const char* key = some ? "some" : "worse_to_better";
  if (some) entries.push_back(claim.value<std::string>("above"));
  const auto listed = claim.value<std::vector<std::string>>(key);
  if (listed.size() < (some ? 1 : 2)) refuse(key, some ? "is empty" : "has fewer than two entries", "");
  entries.insert(entries.end(), listed.begin(), listed.end());
  return some ? ClaimForm::kSome : ClaimForm::kOrder;
}

//! The note on all numbers of an entry, or on their lack; empty: none.
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
  return on.empty() || settings::is_among(on, our_dataset);
}

ReferenceNumbers ReferenceNumbers::read(core::FileSystem& files, const std::filesystem::path& path,
                                        const std::vector<std::filesystem::path>& more) {
  if (!files.exists(path))
    throw core::input_error(fmt::format("reference numbers '{}' are missing", path.string()),
                            "rows of the suite name a 'reference'",
                            "set RESOLUTE_DATA_DIR to the folder that holds reference/papers.toml");
  ReferenceNumbers numbers;
  numbers.file_ = path.string();
  std::vector<Node> documents{parse_toml(core::read_text(files, path), path.string())};
  for (const std::filesystem::path& one : more)
    documents.push_back(parse_toml(core::read_named_text(files, one), one.string()));
  std::vector<TableReader> readers;
  for (const Node& document : documents) readers.emplace_back(document, "the reference file");
  for (std::size_t i = 0; i < readers.size(); ++i) numbers.read_entries(readers[i], i);
  // A claim or a conflict may be about numbers of another file.
  for (TableReader& reader : readers) {
    for (const Node* node : reader.tables("claim")) numbers.read_claim(*node);
    for (const Node* node : reader.tables("conflict")) numbers.read_conflict(*node);
    leave(reader, {"meta", "source"});
    reader.finish();
  }
  return numbers;
}

void ReferenceNumbers::refuse_again(const std::string& what, const std::string& place) {
  const auto [known, first] = places_.emplace(what, place);
  if (!first)
    throw core::input_error(fmt::format("{}: {} stands twice", place, what), "first at " + known->second,
                            "leave one of them out");
}

//! All but claims and conflicts. \param file which of those that are read it is: a later one has what earlier ones lack
void ReferenceNumbers::read_entries(TableReader& reader, std::size_t file) {
  for (const Node* node : reader.tables("paper")) {
    TableReader paper(*node, "[[paper]]");
    const auto id = paper.value<std::string>("id");
    refuse_again(fmt::format("the paper '{}'", id), node->place);
    papers_[id] = paper.find("title") == nullptr ? id : paper.title("title");
    leave(paper, {"venue", "year", "seed"});
    paper.finish();
  }
  for (const Node* node : reader.tables("method")) {
    TableReader method(*node, "[[method]]");
    const auto id = method.value<std::string>("id");
    refuse_again(fmt::format("the method '{}'", id), node->place);
    methods_.emplace(id, method.title("label"));
    leave(method, {"note"});
    method.finish();
  }
  for (const Node* node : reader.tables("table")) {
    TableReader table(*node, "[[table]]");
    const auto paper = table.value<std::string>("paper"), id = table.value<std::string>("id");
    refuse_again(fmt::format("the table '{}' of '{}'", id, paper), node->place);
    if (table.find("where") != nullptr) addresses_[{paper, id}] = read_address(table);
    leave(table, {"what", "complete", "note"});
    table.finish();
  }
  for (const Node* node : reader.tables("result")) read_result(*node, file);
}

void ReferenceNumbers::read_result(const Node& node, std::size_t file) {
  TableReader result(node, "[[result]]");
  PaperEntry key;
  for (std::size_t i = 0; i < kParts.size(); ++i) key.*kParts[i] = result.value<std::string>(kPartNames[i]);
  const Node* metrics = result.find("metrics");
  Entry entry{metrics == nullptr ? ReferenceMetrics() : read_metrics(*metrics), read_error(result), node.place, file};
  if (metrics == nullptr && !result.value<bool>("missing", false))
    throw core::input_error(fmt::format("{}: key 'metrics' is missing", node.place),
                            "only a result with missing = true has none");
  entry.remark = read_remark(result);
  leave(result, {"reproduce"});
  result.finish();
  papers_.emplace(key.paper, key.paper);
  const auto [known, first] = entries_.emplace(key, entry);
  if (first)
    in_order_.push_back(key);
  else if (known->second.metrics.empty() && !entry.metrics.empty() && known->second.file < file)
    known->second = std::move(entry);
  else
    throw core::input_error(fmt::format("{}: the result stands twice", node.place), "first at " + known->second.place,
                            "leave one of them out");
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
    const std::string footnote =
        *wanted[0] == paper ? what : fmt::format("Of \"{}\": {}", paper_name(paper, reader.place("paper")), what);
    bool any = false;
    for (const auto& [key, entry] : entries_) {
      bool touched = true;
      for (std::size_t i = 0; i < kParts.size(); ++i) touched = touched && (!wanted[i] || *wanted[i] == key.*kParts[i]);
      if (!touched) continue;
      for (const auto& [metric, value] : entry.metrics)
        if (metrics.empty() || settings::is_among(metrics, metric)) {
          conflicts_[key][metric].push_back(footnote);
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
  PublishedClaim claim{reader.value<ClaimKind>("kind"), reader.value<std::string>("by"),
                       reader.value<std::string>("paper"), reader.value<std::string>("dataset"),
                       reader.value<std::string>("metric")};
  claim.form = read_entries_of(reader, claim.worse_to_better);
  reader.value<std::string>("note", "");
  reader.finish();
  if (claim.by != "method" && claim.by != "variant")
    throw core::input_error(fmt::format("{}: key 'by' has the value '{}'", reader.place("by"), claim.by),
                            "it must be one of method, variant");
  for (std::size_t i = 0; i < claim.worse_to_better.size(); ++i) {
    const std::string& entry = claim.worse_to_better[i];
    const char* key = claim.form == ClaimForm::kOrder ? "worse_to_better" : i == 0 ? "above" : "some";
    const bool known = std::ranges::any_of(in_order_, [&](const PaperEntry& one) {
      return one.paper == claim.paper && one.dataset == claim.dataset &&
             (claim.by == "method" ? one.method : one.variant) == entry;
    });
    if (!known || std::ranges::count(claim.worse_to_better, entry) > 1)
      throw core::input_error(
          fmt::format("{}: key '{}' names '{}'", reader.place(key), key, entry),
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
  const auto found = entries_.find(request);
  if (found == entries_.end()) refuse(request, kParts.size());
  return found->second.metrics;
}

ReferenceMetrics ReferenceNumbers::find_if_there(const ReferenceRequest& request) const {
  const auto found = entries_.find(request);
  return found == entries_.end() ? ReferenceMetrics() : found->second.metrics;
}

std::optional<double> ReferenceNumbers::error_of(const PaperEntry& entry) const {
  const auto found = entries_.find(entry);
  return found == entries_.end() ? std::nullopt : found->second.error;
}

bool ReferenceNumbers::expects(const std::string& paper, const std::string& table, const std::string& metric) const {
  bool any = false, elsewhere = false;
  for (const auto& [key, entry] : entries_) {
    const bool same_table = key.paper == paper && key.table == table;
    if (same_table && entry.metrics.contains(metric)) return true;
    any = any || (same_table && !entry.metrics.empty());
    elsewhere = elsewhere || entry.metrics.contains(metric);
  }
  return !any && elsewhere;
}

std::vector<std::string> ReferenceNumbers::footnotes(const ReferenceRequest& request, const std::string& metric) const {
  std::vector<std::string> found;
  const auto known = entries_.find(request);
  if (known == entries_.end()) return found;
  const Entry& entry = known->second;
  if (!entry.metrics.empty() && !entry.metrics.contains(metric)) return found;
  if (const auto of = conflicts_.find(known->first); of != conflicts_.end())
    if (const auto number = of->second.find(metric); number != of->second.end()) found = number->second;
  if (entry.error && !entry.metrics.empty())
    found.push_back(
        fmt::format("{} ± {} (digitised): read off a plot of the paper; the error widens ours − paper and its test.",
                    entry.metrics.at(metric), *entry.error));
  const std::string look = entry.metrics.empty() ? address_of(request.paper, request.table) : "";
  if (!entry.remark.empty())
    found.push_back(look.empty() ? entry.remark : fmt::format("{} Where to look: {}", entry.remark, look));
  return found;
}

std::string ReferenceNumbers::address_of(const std::string& paper, const std::string& table) const {
  const auto found = addresses_.find({paper, table});
  return found == addresses_.end() ? "" : found->second;
}

std::vector<std::string> ReferenceNumbers::methods_of(const std::string& paper, const std::string& table,
                                                      const std::string& variant, const std::string& place) const {
  std::vector<std::string> methods;
  for (const PaperEntry& one : in_order_)
    if (one.paper == paper && one.table == table && one.variant == variant && !settings::is_among(methods, one.method))
      methods.push_back(one.method);
  constexpr std::size_t kPaperAndTable = 2;
  if (methods.empty()) refuse({{paper, table, "", "", variant}, place}, kPaperAndTable);
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
      bool agrees = true;
      for (std::size_t i = 0; i < part; ++i) agrees = agrees && key.*kParts[i] == request.*kParts[i];
      if (agrees) present.insert(key.*kParts[part]);
    }
    const std::string& wanted = request.*kParts[part];
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
