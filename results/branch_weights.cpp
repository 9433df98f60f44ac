#include "results/branch_weights.h"

#include <limits>
#include <set>
#include <tuple>

#include "core/error.h"
#include "results/csv_reader.h"

namespace resolute::results {
namespace {

constexpr std::string_view kBranchWeightsHeader = "path,identity,camera,side,rate,weight_hr,weight_lr\n";

std::string line_of(const BranchWeights& weights) {
  return fmt::format("{},{},{},{},{},{},{}\n", csv_field(weights.path), weights.identity, weights.camera,
                     weights.low ? "low" : "high", weights.rate, weights.hr,
                     weights.lr ? fmt::format("{}", *weights.lr) : "");
}

float read_weight(CsvReader& reader, const std::string& name) {
  return reader.number<float>(name, std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max());
}

BranchWeights read_weights(CsvReader& reader) {
  BranchWeights weights;
  weights.path = reader.path();
  weights.identity = reader.number<std::int64_t>("identity", -1, std::numeric_limits<std::int64_t>::max());
  weights.camera = reader.number<std::int64_t>("camera", -1, std::numeric_limits<std::int64_t>::max());
  const std::string_view side = reader.plain_field();
  weights.low = side == "low";
  if (!weights.low && side != "high")
    reader.refuse(fmt::format("side is '{}'", side.substr(0, 40)), "a side is low or high");
  weights.rate = reader.number<int>("rate", 1, weights.low ? std::numeric_limits<int>::max() : 1);
  weights.hr = read_weight(reader, "weight_hr");
  if (weights.low)
    weights.lr = read_weight(reader, "weight_lr");
  else if (const std::string_view none = reader.plain_field(); !none.empty())
    reader.refuse(fmt::format("weight_lr is '{}'", none.substr(0, 40)), "the high side has none");
  reader.expect_written(line_of(weights));
  return weights;
}

}  // namespace

std::string branch_weights_text(const std::vector<BranchWeights>& weights) {
  std::string text(kBranchWeightsHeader);
  for (const BranchWeights& one : weights) text += line_of(one);
  return text;
}

std::vector<BranchWeights> parse_branch_weights(std::string_view text, const std::string& where) {
  CsvReader reader(text, where, kBranchWeightsHeader);
  std::vector<BranchWeights> weights;
  std::set<std::tuple<std::string, bool, int>> seen;
  for (; !reader.done(); reader.next_record()) {
    weights.push_back(read_weights(reader));
    const BranchWeights& one = weights.back();
    if (!seen.emplace(one.path, one.low, one.rate).second)
      reader.refuse("the path stands twice on this side at this rate");
  }
  return weights;
}

}  // namespace resolute::results
