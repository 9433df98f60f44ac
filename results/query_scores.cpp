#include "results/query_scores.h"

#include <limits>
#include <set>
#include <tuple>

#include "core/error.h"
#include "results/csv_reader.h"
#include "results/output_file.h"

namespace resolute::results {
namespace {

constexpr std::string_view kQueryScoresHeader =
    "path,identity,camera,rate,has_match,rank1,rank5,rank10,rank20,average_precision\n";

std::string line_of(const QueryScore& score) {
  std::string line = fmt::format("{},{},{},{},{}", csv_field(score.path), score.identity, score.camera, score.rate,
                                 score.has_match ? 1 : 0);
  for (double share : score.cmc) line += fmt::format(",{}", share + 0.0);  // -0.0 equals 0.0 and must have its text
  return line + fmt::format(",{}\n", score.average_precision + 0.0);
}

QueryScore read_score(CsvReader& reader) {
  QueryScore score;
  score.path = reader.path();
  score.identity = reader.number<std::int64_t>("identity", -1, std::numeric_limits<std::int64_t>::max());
  score.camera = reader.number<std::int64_t>("camera", -1, std::numeric_limits<std::int64_t>::max());
  score.rate = reader.number<int>("rate", 1, std::numeric_limits<int>::max());
  score.has_match = reader.number<int>("has_match", 0, 1) == 1;
  for (std::size_t k = 0; k < score.cmc.size(); ++k) {
    score.cmc[k] = reader.number<double>(fmt::format("rank{}", kQueryRanks[k]), 0, 1);
    if (k > 0 && score.cmc[k] < score.cmc[k - 1])
      reader.refuse(fmt::format("rank{} is below rank{}", kQueryRanks[k], kQueryRanks[k - 1]));
  }
  score.average_precision = reader.number<double>("average_precision", 0, 1);
  if (!score.has_match && (score.cmc.back() > 0 || score.average_precision > 0))
    reader.refuse("a query without a match has a score");
  reader.expect_written(line_of(score));
  return score;
}

}  // namespace

std::string query_scores_text(const std::vector<QueryScore>& scores) {
  std::string text(kQueryScoresHeader);
  for (const QueryScore& score : scores) text += line_of(score);
  return text;
}

std::vector<QueryScore> parse_query_scores(std::string_view text, const std::string& where) {
  CsvReader reader(text, where, kQueryScoresHeader);
  std::vector<QueryScore> scores;
  std::set<std::tuple<std::string, int>> seen;
  for (; !reader.done(); reader.next_record()) {
    scores.push_back(read_score(reader));
    if (!seen.emplace(scores.back().path, scores.back().rate).second)
      reader.refuse("the path stands twice at this rate");
  }
  return scores;
}

std::vector<QueryScore> read_query_scores(core::FileSystem& files, const std::filesystem::path& path,
                                          const std::string& sha256) {
  const core::Bytes bytes = read_output(files, path, sha256);
  return parse_query_scores(core::as_text(bytes), fmt::format("'{}'", path.string()));
}

}  // namespace resolute::results
