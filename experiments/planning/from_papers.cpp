#include <algorithm>
#include <set>

#include "experiments/planning/planner_parts.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

bool is_of(const RowText& row, const PublishedClaim& claim, const std::string& entry, const std::string& dataset) {
  return std::ranges::any_of(row.references, [&](const ReferenceRequest& request) {
    if (request.paper != claim.paper || request.dataset != claim.dataset || !request.stands_beside(dataset))
      return false;
    return claim.by == "variant" ? request.variant == entry : request.method == entry && request.variant.empty();
  });
}

//! The rows that stand for a claim's entries; empty where none stands for the one that some are above.
std::vector<std::string> rows_of(const TableText& table, const PublishedClaim& claim, const std::string& dataset) {
  std::vector<std::string> rows;
  for (const std::string& entry : claim.worse_to_better) {
    const bool all = claim.form == ClaimForm::kSome && &entry != &claim.worse_to_better.front();
    if (all && rows.empty()) break;
    for (const RowText& row : table.rows) {
      if (!is_of(row, claim, entry, dataset)) continue;
      // A row of several entries stands for the first of them: it is no better than itself.
      if (!settings::is_among(rows, row.id.value)) rows.push_back(row.id.value);
      if (!all) break;
    }
  }
  return rows;
}

//! True if the rows of `part` stand in `whole` in the same order, and `part` is not stated where `whole` is but
//! printed.
bool says_as_much(const ClaimPlan& whole, const ClaimPlan& part) {
  if (whole.form != part.form || (whole.kind != part.kind && whole.kind != ClaimKind::kStated) ||
      whole.dataset != part.dataset || whole.metric != part.metric || whole.paper != part.paper ||
      whole.paper_dataset != part.paper_dataset)
    return false;
  if (whole.form == ClaimForm::kSome) return whole.worse_to_better == part.worse_to_better;
  auto at = part.worse_to_better.begin();
  for (const std::string& row : whole.worse_to_better)
    if (at != part.worse_to_better.end() && *at == row) ++at;
  return at == part.worse_to_better.end();
}

//! Tells whether a row of ours is about that method: it stands beside the paper's number already.
bool has_row(const TableText& table, const PublishedText& wanted, const std::string& method) {
  return std::ranges::any_of(table.rows, [&](const RowText& row) {
    return std::ranges::any_of(row.references, [&](const ReferenceRequest& request) {
      return request.paper == wanted.paper && request.table == wanted.table && request.method == method &&
             request.variant == wanted.variant;
    });
  });
}

//! The claims that a table's rows can be held against, data set after data set in the order of the reference file. A
//! row is of a claim's entry where one of its `reference`s, beside that data set, is of the claim's paper and the
//! paper's data set and names the entry: as its variant, or as its method without a variant. The first of several rows
//! of one entry counts, and all of them of those that some are among. Left out: claims on a metric that the table
//! lacks, with fewer than two rows, and those of which another says as much and more; what is printed says nothing of
//! what is stated.
std::vector<ClaimPlan> claims_of(const TableText& table, const std::vector<PublishedClaim>& claims) {
  std::vector<ClaimPlan> found;
  for (const std::string& dataset : table.datasets) {
    for (const PublishedClaim& claim : claims) {
      if (!settings::is_among(table.metrics.value, claim.metric)) continue;
      ClaimPlan plan{dataset, claim.metric, claim.paper,           claim.dataset,
                     {},      claim.kind,   claim.worse_to_better, claim.form};
      plan.worse_to_better = rows_of(table, claim, dataset);
      if (plan.worse_to_better.size() >= 2) found.push_back(std::move(plan));
    }
  }
  std::vector<ClaimPlan> kept;
  for (std::size_t i = 0; i < found.size(); ++i) {
    bool covered = false;
    // The first of two equal orders stays.
    for (std::size_t j = 0; j < found.size(); ++j)
      covered = covered || (j != i && says_as_much(found[j], found[i]) && (j < i || !says_as_much(found[i], found[j])));
    if (!covered) kept.push_back(found[i]);
  }
  return kept;
}

//! The file's notes beside a cell: on each metric's number, which is the first request's that has it, or on its lack.
//! \param requests of the cell's row; those that do not stand beside our data set count for nothing
PaperCell paper_cell(const std::vector<ReferenceRequest>& requests, const std::string& our_dataset,
                     const std::vector<std::string>& metrics, const ReferenceNumbers& references,
                     const TitleOf& title_of) {
  std::vector<const ReferenceRequest*> beside;
  PaperCell cell;
  for (const ReferenceRequest& request : requests) {
    if (!request.stands_beside(our_dataset)) continue;
    beside.push_back(&request);
    if (references.has(request)) cell.entries.push_back(request);
  }
  for (const std::string& metric : metrics) {
    const auto gives = std::ranges::find_if(
        beside, [&](const ReferenceRequest* request) { return references.find_if_there(*request).contains(metric); });
    const bool known = gives != beside.end();
    const bool expected = std::ranges::any_of(beside, [&](const ReferenceRequest* request) {
      return references.expects(request->paper, request->table, metric);
    });
    if (!known && !expected) continue;
    if (!known) cell.no_reference.insert(metric);
    std::vector<std::string> footnotes;
    if (known) {
      cell.datasets[metric] = (*gives)->dataset;
      if (const auto error = references.error_of(**gives)) cell.errors[metric] = *error;
      const std::string other = other_dataset((*gives)->dataset, title_of(our_dataset));
      if (!other.empty()) footnotes.push_back(other + ".");
    }
    for (const ReferenceRequest* request : known ? std::vector<const ReferenceRequest*>{*gives} : beside)
      for (const std::string& footnote : references.footnotes(*request, metric))
        if (!settings::is_among(footnotes, footnote)) footnotes.push_back(footnote);
    if (!footnotes.empty()) cell.footnotes[metric] = std::move(footnotes);
  }
  return cell;
}

//! `published` of a table as rows, in order; a method without a number for the table's metrics and data sets is left
//! out where all are asked for. \throws RuntimeError (kInput) with the place of the key that is wrong: an unknown
//! paper, table, data set or method, a method that is named and has no number
std::vector<PublishedRow> published_rows(const TableText& table, const PublishedText& wanted,
                                         const ReferenceNumbers& references, const TitleOf& title_of) {
  const std::vector<std::string> known =
      references.methods_of(wanted.paper, wanted.table, wanted.variant, wanted.reference_place);
  const auto request = [&](const std::string& method, const std::string& dataset) {
    return ReferenceRequest{{wanted.paper, wanted.table, method, dataset, wanted.variant}, wanted.reference_place};
  };
  const auto of = [&](const std::string& method, const std::string& dataset) {
    return references.find_if_there(request(method, dataset));
  };
  for (const DatasetPair& pair : wanted.datasets)
    if (std::ranges::all_of(known, [&](const std::string& method) { return of(method, pair.papers).empty(); }))
      throw core::input_error(
          fmt::format("{}: key 'reference' has the dataset '{}'", wanted.reference_place, pair.papers),
          fmt::format("paper '{}', table '{}' has no number on it", wanted.paper, wanted.table));
  std::vector<PublishedRow> rows;
  const auto& [asked, place] = wanted.methods;
  for (const std::string& method : asked.empty() ? known : asked) {
    const std::string problem = fmt::format("{}: key 'published' names '{}'", place, method);
    if (!settings::is_among(known, method))
      throw core::input_error(problem,
                              fmt::format("paper '{}', table '{}' has no such method", wanted.paper, wanted.table),
                              settings::nearest_or_all(method, known));
    if (asked.empty() && has_row(table, wanted, method)) continue;
    PublishedRow row{method, references.method_name(method), {}};
    for (const DatasetPair& pair : wanted.datasets) {
      for (const auto& [metric, value] : of(method, pair.papers))
        if (settings::is_among(table.metrics.value, metric)) row.numbers[pair.ours][metric] = value;
      row.paper[pair.ours] =
          paper_cell({request(method, pair.papers)}, pair.ours, table.metrics.value, references, title_of);
    }
    if (!row.numbers.empty())
      rows.push_back(std::move(row));
    else if (!asked.empty())
      throw core::input_error(problem, "the paper has no number of it for this table's metrics and data sets");
  }
  return rows;
}

//! Titles of the papers that a table and its rows name and that have no number for it.
//! \throws RuntimeError (kInput) with place if the file knows nothing of such a paper
std::vector<std::string> papers_without_numbers(const TableText& table, const std::vector<PublishedRow>& published,
                                                const ReferenceNumbers& references) {
  std::set<std::string> known;
  if (!published.empty()) known.insert(table.paper.value);
  for (const RowText& row : table.rows)
    for (const ReferenceRequest& request : row.references)
      for (const auto& [metric, value] : references.find(request))
        if (settings::is_among(table.metrics.value, metric)) known.insert(request.paper);
  std::vector<std::string> titles;
  const auto add = [&](const std::string& paper, const std::string& place) {
    const std::string title = references.paper_name(paper, place);
    if (!known.contains(paper) && !settings::is_among(titles, title)) titles.push_back(title);
  };
  if (!table.paper.value.empty()) add(table.paper.value, table.paper.place);
  for (const RowText& row : table.rows)
    for (const ReferenceRequest& request : row.references) add(request.paper, request.place);
  return titles;
}

//! Entries of the rows without a number: "TITLE, TABLE" → where people find that table, as far as the file says it.
std::map<std::string, std::string> addresses_of_missing(const TableText& table, const ReferenceNumbers& references) {
  std::map<std::string, std::string> found;
  for (const RowText& row : table.rows)
    for (const ReferenceRequest& request : row.references) {
      const std::string address = references.address_of(request.paper, request.table);
      if (address.empty() || !references.has(request) || !references.find(request).empty()) continue;
      found[fmt::format("{}, {}", references.paper_name(request.paper, request.place), request.table)] = address;
    }
  return found;
}

//! Takes out what papers say of columns that show nothing of theirs: drawn images', and those that are not made. All of
//! it has been checked by now.
void hide_references(TablePlan& table, const Shows& shows) {
  for (RowPlan& row : table.rows)
    for (CellPlan& cell : row.cells)
      if (!shows(cell.dataset)) {
        cell.references.clear();
        cell.paper = {};
      }
  const bool lacks = std::ranges::any_of(table.rows, [](const RowPlan& row) {
    return std::ranges::any_of(row.cells, [](const CellPlan& cell) { return !cell.paper.no_reference.empty(); });
  });
  if (!lacks) table.look_up.clear();
  std::erase_if(table.claims, [&](const ClaimPlan& claim) { return !shows(claim.dataset); });
  const auto hidden = [&](const auto& of_dataset) {
    return !settings::is_among(table.datasets, of_dataset.first) || !shows(of_dataset.first);
  };
  for (PublishedRow& row : table.published) {
    std::erase_if(row.numbers, hidden);
    std::erase_if(row.paper, hidden);
  }
  std::erase_if(table.published, [](const PublishedRow& row) { return row.numbers.empty(); });
}

}  // namespace

void add_papers(CellPlan& cell, const std::vector<ReferenceRequest>& requests, const std::vector<std::string>& metrics,
                const ReferenceNumbers& references, const TitleOf& title_of) {
  for (const ReferenceRequest& request : requests) {
    if (!request.stands_beside(cell.dataset)) continue;
    for (const auto& [metric, value] : references.find(request)) cell.references.emplace(metric, value);
  }
  cell.paper = paper_cell(requests, cell.dataset, metrics, references, title_of);
}

void add_papers(TablePlan& table, const TableText& text, const ReferenceNumbers& references, const Shows& shows,
                const TitleOf& title_of) {
  table.claims = claims_of(text, references.claims());
  if (text.published) table.published = published_rows(text, *text.published, references, title_of);
  table.no_reference = papers_without_numbers(text, table.published, references);
  table.look_up = addresses_of_missing(text, references);
  hide_references(table, shows);
}

}  // namespace resolute::experiments
