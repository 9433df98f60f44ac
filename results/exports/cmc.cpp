#include "results/exports/cmc.h"

#include <array>
#include <map>

#include "experiments/specification/outputs.h"

namespace resolute::results {
namespace {

struct SumOfQueries {
  std::int64_t queries = 0;
  std::array<double, kQueryRanks.size()> cmc{};
};

}  // namespace

std::vector<CmcPoint> cmc_curves(const EvaluationRecord& record, const std::vector<QueryScore>& queries) {
  std::map<int, SumOfQueries> by_rate;
  std::int64_t all = 0;
  for (const QueryScore& query : queries) {
    if (!query.has_match) continue;
    ++all;
    SumOfQueries& sum = by_rate[query.rate];
    ++sum.queries;
    for (std::size_t k = 0; k < sum.cmc.size(); ++k) sum.cmc[k] += query.cmc[k];
  }
  std::vector<CmcPoint> points;
  for (const int rank : kQueryRanks)
    points.push_back(
        {0, rank, record.metrics.at(fmt::format("rank{}", rank)), queries.empty() ? std::nullopt : std::optional(all)});
  for (const auto& [rate, sum] : by_rate)
    for (std::size_t k = 0; k < sum.cmc.size(); ++k)
      points.push_back({rate, kQueryRanks[k], sum.cmc[k] / static_cast<double>(sum.queries), sum.queries});
  return points;
}

std::vector<CmcPoint> cmc_curves(const EvaluationRecord& record, core::FileSystem& files,
                                 const experiments::StoreLayout& store) {
  const auto named = record.outputs.find(experiments::kQueriesOutput.file);
  if (named == record.outputs.end()) return cmc_curves(record, {});
  return cmc_curves(record, read_csv<QueryScore>(files, store.job_folder(record.job) / named->first, named->second));
}

}  // namespace resolute::results
