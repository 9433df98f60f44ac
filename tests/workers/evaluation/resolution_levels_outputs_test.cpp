//! \file
//! What an evaluation of a method that tells levels of resolution apart leaves beside its features: prefixes.csv,
//! masks.csv, samples and the probe.

#include <map>
#include <set>

#include "core/random/random.h"
#include "datasets/hdf5/array_file.h"
#include "experiments/specification/outputs.h"
#include "results/records/mask_values.h"
#include "tests/support/any_word.h"
#include "tests/workers/evaluation/resolution_levels_fixture.h"
#include "workers/evaluation/evaluation_outputs.h"
#include "workers/evaluation/prefix_distances.h"

namespace resolute::workers::resolution_levels_outputs_test {
namespace {

using results::PrefixDistances;

const std::vector<int> kPrefixes{2, 3, 5, 9};

class ResolutionLevelsOutputsTest : public ResolutionLevelsTest {
 protected:
  std::vector<int> rates() const {
    std::vector<int> rates;
    for (const datasets::QueryItem& item : split_.query) rates.push_back(item.rate);
    return rates;
  }
  std::optional<EvaluationOutputs> outputs(methods::Method& method, const EmbeddingProgress& progress = kGoOn) const {
    const EmbeddingOptions options;
    const Embedding embedding = embed(method);
    const results::GalleryScores scores = score_split(embedding, split_, protocol_);
    return make_outputs({method, *pack_, split_, options, embedding, scores, settings::CopiesFrom::kNative},
                        plan_outputs(method, *pack_, split_, protocol_), progress);
  }
  experiments::EvaluationProtocol protocol_;
};

// The definition of a percentile, on sorted values.
results::Spread plain_spread(std::vector<double> values) {
  if (values.empty()) return {};
  results::Spread spread;
  std::sort(values.begin(), values.end());
  for (double value : values) spread.mean += value / static_cast<double>(values.size());
  for (std::size_t i = 0; i < results::kSpreadPercentiles.size(); ++i) {
    const double place = results::kSpreadPercentiles[i] * static_cast<double>(values.size() - 1) / 100;
    const auto low = static_cast<std::size_t>(place);
    const double high = values[std::min(low + 1, values.size() - 1)];
    spread.percentiles[i] = values[low] + (high - values[low]) * (place - static_cast<double>(low));
  }
  return spread;
}

void expect_near(const results::Spread& expected, const results::Spread& found) {
  for (std::size_t i = 0; i < expected.percentiles.size(); ++i)
    EXPECT_NEAR(expected.percentiles[i], found.percentiles[i], 1e-9 * (1 + expected.percentiles[i]));
  EXPECT_NEAR(expected.mean, found.mean, 1e-9 * (1 + expected.mean));
}

// Which of a group's queries are measured, by their places in it.
using Places = std::set<std::size_t>;

// One line by double loops over pairs. \param measured empty: all
PrefixDistances plain_line(const FeatureEmbedding& embedding, const std::vector<int>& rates, int rate, int level,
                           int prefix, const Places& measured) {
  const std::int64_t dimensions = kPrefixes[static_cast<std::size_t>(prefix) - 1];
  PrefixDistances line{rate, level, prefix, dimensions, 0, {}, {}, 0, 0};
  std::vector<double> matches, others;
  std::size_t number = 0;
  for (std::size_t q = 0; q < rates.size(); ++q) {
    if (rates[q] != rate || embedding.levels[q] != level) continue;
    if (const std::optional<PlainScore> score = plain_score(embedding, q, dimensions)) {
      ++line.queries;
      line.rank1 += score->rank1;
      line.map += score->precision;
    }
    if (const std::size_t place = number++; !measured.empty() && !measured.contains(place)) continue;
    for (std::size_t g = 0; g < embedding.gallery.rows(); ++g) {
      const Pair pair = pair_of(embedding, q, g);
      if (pair == Pair::kMatch) matches.push_back(plain_distance(embedding, q, g, dimensions));
      if (pair == Pair::kWrong) others.push_back(plain_distance(embedding, q, g, dimensions));
    }
  }
  if (line.queries > 0) line.rank1 /= static_cast<double>(line.queries);
  if (line.queries > 0) line.map /= static_cast<double>(line.queries);
  line.match = {static_cast<std::int64_t>(matches.size()), plain_spread(matches)};
  line.other = {static_cast<std::int64_t>(others.size()), plain_spread(others)};
  return line;
}

void expect_plain_lines(const FeatureEmbedding& embedding, const std::vector<int>& rates,
                        const std::vector<PrefixDistances>& found) {
  std::set<std::pair<int, int>> groups;
  for (std::size_t q = 0; q < rates.size(); ++q) groups.emplace(rates[q], embedding.levels[q]);
  auto line = found.begin();
  for (const auto& [rate, level] : groups)
    for (int prefix = 1; prefix <= level; ++prefix, ++line) {
      ASSERT_NE(found.end(), line);
      SCOPED_TRACE(fmt::format("rate {} level {} prefix {}", rate, level, prefix));
      const PrefixDistances plain = plain_line(embedding, rates, rate, level, prefix, {});
      EXPECT_EQ(std::tuple(plain.rate, plain.level, plain.prefix, plain.dimensions, plain.queries),
                std::tuple(line->rate, line->level, line->prefix, line->dimensions, line->queries));
      EXPECT_EQ(plain.match.pairs, line->match.pairs);
      EXPECT_EQ(plain.other.pairs, line->other.pairs);
      expect_near(plain.match.squared, line->match.squared);
      expect_near(plain.other.squared, line->other.squared);
      EXPECT_NEAR(plain.rank1, line->rank1, 1e-12);
      EXPECT_NEAR(plain.map, line->map, 1e-12);
      EXPECT_GT(line->queries, 0);
      EXPECT_GT(line->map, 0);
    }
  EXPECT_EQ(found.end(), line);
}

TEST_F(ResolutionLevelsOutputsTest, prefixes_are_measured_as_by_double_loops) {
  for (const std::string way : {"known", "native-size", "highest"}) {
    SCOPED_TRACE(way);
    const FeatureEmbedding embedding = embed(method_, {.query_level = tests::AnyWord(way)});
    const auto lines = measure_prefixes(embedding, rates(), kPrefixes, [] { return true; });
    expect_plain_lines(embedding, rates(), lines.value());
  }
}

TEST_F(ResolutionLevelsOutputsTest, equally_far_images_and_identities_of_nobody_count_as_in_rankings) {
  FeatureEmbedding embedding = embed(method_);
  // Few distinct distances, many of them of right and wrong images alike; junk, which is in no pair.
  for (EmbeddedImages* side : {&embedding.query, &embedding.gallery})
    for (float& value : side->features) value = std::round(value / 4);
  const auto lines = measure_prefixes(embedding, rates(), kPrefixes, [] { return true; });
  expect_plain_lines(embedding, rates(), lines.value());
  const std::int64_t pairs = lines->front().match.pairs + lines->front().other.pairs;
  embedding.gallery.identities.front() = -1;
  const auto fewer = measure_prefixes(embedding, rates(), kPrefixes, [] { return true; });
  EXPECT_LT(fewer->front().match.pairs + fewer->front().other.pairs, pairs);
}

TEST_F(ResolutionLevelsOutputsTest, of_many_pairs_some_queries_are_measured_and_all_are_ranked) {
  const FeatureEmbedding embedding = embed(method_);
  const auto all = measure_prefixes(embedding, rates(), kPrefixes, [] { return true; });
  std::map<int, std::size_t> queries;
  for (int rate : rates()) ++queries[rate];
  const std::size_t images = embedding.gallery.rows();
  // So many pairs that 7 queries and some of an eighth's fit.
  const std::size_t most = 7 * images + images / 2;
  const auto some = measure_prefixes(
      embedding, rates(), kPrefixes, [] { return true; }, most);
  for (std::size_t i = 0; i < all->size(); ++i) {
    const PrefixDistances& line = some->at(i);
    ASSERT_GT(queries.at(line.rate), 14U);
    Places places;
    for (std::size_t place = 0; place < 7; ++place) places.insert(place * queries.at(line.rate) / 7);
    const PrefixDistances plain = plain_line(embedding, rates(), line.rate, line.level, line.prefix, places);
    EXPECT_EQ(plain.match.pairs, line.match.pairs);
    EXPECT_EQ(plain.other.pairs, line.other.pairs);
    expect_near(plain.other.squared, line.other.squared);
    expect_near(plain.match.squared, line.match.squared);
    EXPECT_LE(static_cast<std::size_t>(line.match.pairs + line.other.pairs), most);
    EXPECT_EQ(std::tuple(all->at(i).queries, all->at(i).rank1, all->at(i).map),
              std::tuple(line.queries, line.rank1, line.map));
  }
  EXPECT_LT(some->front().other.pairs, all->front().other.pairs);
}

// Four queries at 1, 2, 4 and 8 beside three gallery images at 0 of one other person: means tell who was measured.
TEST_F(ResolutionLevelsOutputsTest, no_more_pairs_are_measured_than_asked_for_but_one_query_is) {
  const std::vector<int> of_four(4, 2);
  FeatureEmbedding embedding{.query = {{{1, 1, 1, 1}, {}}, 1, {1, 2, 4, 8}},
                             .gallery = {{{2, 2, 2}, {}}, 1, {0, 0, 0}},
                             .levels = {1, 1, 1, 1}};
  struct Line {
    std::size_t most;
    std::int64_t pairs;
    double mean;
  };
  for (const Line& line : {Line{0, 3, 1.0}, Line{1, 3, 1.0}, Line{5, 3, 1.0}, Line{6, 6, (1.0 + 16) / 2},
                           Line{8, 6, (1.0 + 16) / 2}, Line{9, 9, (1.0 + 4 + 16) / 3}, Line{11, 9, (1.0 + 4 + 16) / 3},
                           Line{12, 12, (1.0 + 4 + 16 + 64) / 4}, Line{99, 12, (1.0 + 4 + 16 + 64) / 4}}) {
    const PrefixDistances found = measure_prefixes(
                                      embedding, of_four, std::vector<int>{1}, [] { return true; }, line.most)
                                      ->at(0);
    EXPECT_EQ(line.pairs, found.other.pairs) << line.most;
    EXPECT_EQ(0, found.match.pairs);
    EXPECT_DOUBLE_EQ(line.mean, found.other.squared.mean) << line.most;
    if (line.most >= 3) {
      EXPECT_LE(static_cast<std::size_t>(found.match.pairs + found.other.pairs), line.most);
    }
  }
  embedding.gallery = {{{}, {}}, 1, {}};
  const auto none = measure_prefixes(
      embedding, of_four, std::vector<int>{1}, [] { return true; }, 5);
  EXPECT_EQ(0, none->at(0).match.pairs + none->at(0).other.pairs);
}

TEST_F(ResolutionLevelsOutputsTest, threads_change_no_bit_of_a_prefix_and_a_wish_ends_it) {
  const FeatureEmbedding embedding = embed(method_);
  const auto one = measure_prefixes(embedding, rates(), kPrefixes, [] { return true; });
  at::set_num_threads(2);
  const auto two = measure_prefixes(embedding, rates(), kPrefixes, [] { return true; });
  at::set_num_threads(1);
  EXPECT_EQ(results::csv_text(*one), results::csv_text(*two));
  int asked = 0;
  EXPECT_FALSE(measure_prefixes(embedding, rates(), kPrefixes, [&] { return ++asked < 3; }));
  EXPECT_EQ(3, asked);
}

TEST_F(ResolutionLevelsOutputsTest, an_evaluation_leaves_prefixes_where_lengths_vary) {
  const EvaluationOutputs made = outputs(method_).value();
  const auto lines = results::parse_csv<results::PrefixDistances>(
      core::as_text(made.files.at(experiments::kPrefixesOutput.file)), "prefixes");
  expect_plain_lines(embed(method_), rates(), lines);
  // By all that the queries of a rate have, they rank as the evaluation says.
  const FeatureEmbedding embedding = embed(method_);
  const results::GalleryScores scores = score_split(embedding, split_, protocol_);
  double sum = 0, queries = 0;
  for (const PrefixDistances& line : lines) {
    if (line.prefix != line.level) continue;
    sum += line.map * static_cast<double>(line.queries);
    queries += static_cast<double>(line.queries);
  }
  EXPECT_NEAR(scores.map_full, sum / queries, 1e-12);

  LevelledMethod fixed({4, 3, 2, 1}, {9, 9, 9, 9});
  const EvaluationOutputs none = outputs(fixed).value();
  EXPECT_FALSE(none.files.contains(experiments::kPrefixesOutput.file));
  EXPECT_FALSE(none.files.contains(experiments::kMasksOutput.file));
  EXPECT_TRUE(none.metrics.empty());
}

TEST_F(ResolutionLevelsOutputsTest, an_evaluation_leaves_the_masks_that_act) {
  core::RandomStream random("masks", {});
  const std::map<std::string, std::size_t> channels{{"layer3.0", 5}, {"layer4", 3}};
  for (const auto& [block, count] : channels)
    for (int level = 1; level <= 4; ++level) {
      methods::MaskValues values{block, level, {}};
      for (std::size_t c = 0; c < count; ++c) values.values.push_back(static_cast<float>(random.uniform(0, 1)));
      method_.masks.push_back(values);
    }
  const EvaluationOutputs made = outputs(method_).value();
  const auto lines =
      results::parse_csv<results::MaskSpread>(core::as_text(made.files.at(experiments::kMasksOutput.file)), "masks");
  ASSERT_EQ(method_.masks.size(), lines.size());
  double deviations = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::vector<float>&values = method_.masks[i].values, &highest = method_.masks[i / 4 * 4 + 3].values;
    EXPECT_EQ(method_.masks[i].block, lines[i].block);
    EXPECT_EQ(method_.masks[i].level, lines[i].level);
    EXPECT_EQ(values.size(), static_cast<std::size_t>(lines[i].channels));
    expect_near(plain_spread({values.begin(), values.end()}), lines[i].values);
    double difference = 0;
    for (std::size_t c = 0; c < values.size(); ++c) difference += std::abs(double{values[c]} - double{highest[c]});
    EXPECT_NEAR(difference / static_cast<double>(values.size()), lines[i].difference, 1e-12);
    if (i % 4 != 0) continue;
    for (std::size_t c = 0; c < values.size(); ++c) {
      double sum = 0, squares = 0;
      for (std::size_t level = 0; level < 4; ++level) {
        sum += double{method_.masks[i + level].values[c]};
        squares += std::pow(double{method_.masks[i + level].values[c]}, 2);
      }
      deviations += std::sqrt(squares / 4 - sum * sum / 16);
    }
  }
  EXPECT_NEAR(deviations / 8, made.metrics.at("mask_spread"), 1e-9);
}

TEST_F(ResolutionLevelsOutputsTest, samples_say_how_many_dimensions_each_row_has) {
  protocol_.sample_rates = {1, 2, 4};
  protocol_.sample_identities = 3;
  const EvaluationOutputs made = outputs(method_).value();
  const std::filesystem::path folder = raw_->folder() / "samples";
  std::filesystem::create_directories(folder);
  write_outputs(core::real_file_system(), folder, made);
  const datasets::ArrayFileReader reader(folder / experiments::kSamplesOutput.file);
  const std::vector<std::int64_t> of_rates = reader.read_int64("rates", 1).values,
                                  prefix = reader.read_int64("prefix", 1).values;
  const auto features = reader.read_float32("features", 2);
  ASSERT_EQ(of_rates.size(), prefix.size());
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    EXPECT_EQ(kPrefixes[static_cast<std::size_t>(4 - of_rates[i])], prefix[i]);
    for (std::size_t d = 0; d < 9; ++d)
      EXPECT_EQ(d >= static_cast<std::size_t>(prefix[i]), features.values[i * 9 + d] == 0.0F);
  }
}

TEST_F(ResolutionLevelsOutputsTest, the_probe_sees_what_all_images_have_and_no_zeros_behind_it) {
  protocol_.resolution_probe = true;
  // Levels 1 to 4 at rates 4 to 1, the first two dimensions in all of them.
  const std::vector<ProbeImage> images = choose_probe_images(split_);
  const std::vector<ImageView> views = views_of(images);
  const std::vector<float> features = embed_images(method_, *pack_, views, {}, kGoOn).value();
  std::vector<float> shared;
  for (std::size_t i = 0; i < views.size(); ++i) shared.insert(shared.end(), {features[9 * i], features[9 * i + 1]});
  const double found = outputs(method_).value().metrics.at("resolution_probe");
  EXPECT_EQ(resolution_probe(shared, images), found);
  EXPECT_GT(resolution_probe(features, images), found);
}

}  // namespace
}  // namespace resolute::workers::resolution_levels_outputs_test
