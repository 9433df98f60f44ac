//! \file
//! An evaluation of a method that tells levels of resolution apart: which network each image passes, what each query is
//! compared by, and what scores and features.h5 say.

#include <atomic>
#include <map>
#include <set>

#include "datasets/hdf5/array_file.h"
#include "methods/levels.h"
#include "results/scores/ranking.h"
#include "tests/results/reference_gemm.h"
#include "tests/support/any_word.h"
#include "tests/support/equal.h"
#include "tests/workers/ddp/thread_communicator.h"
#include "tests/workers/evaluation/resolution_levels_fixture.h"
#include "tests/workers/evaluation/two_sided_method.h"
#include "workers/evaluation/prefix_distances.h"
#include "workers/training/make_method.h"
#include "workers/training/training_evaluation.h"

namespace resolute::workers::resolution_levels_evaluation_test {
namespace {

TEST_F(ResolutionLevelsTest, each_view_passes_the_network_of_its_level_and_comes_back_in_its_place) {
  std::vector<ImageView> views;
  std::vector<int> levels;
  for (std::size_t i = 0; i < 200; ++i) {
    const int rate = std::array{1, 4, 2, 3}[i % 4], asked = std::array{0, 0, 1, 4, 2}[i % 5];
    views.push_back({i, rate, i % 3 == 0 ? methods::Side::kHigh : methods::Side::kLow, asked});
    levels.push_back(asked != 0 ? asked : 5 - rate);
  }
  std::vector<std::uint64_t> done;
  const std::vector<float> features =
      embed_images(method_, *pack_, views, {}, [&](std::uint64_t some, std::uint64_t all) {
        EXPECT_EQ(views.size(), all);
        done.push_back(some);
        return true;
      }).value();
  // A method of one side has no more networks than levels.
  EXPECT_EQ((std::vector<int>{4, 3, 2, 1}), method_.made);
  EXPECT_EQ(1, method_.most_alive);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(0U, done.front());
  EXPECT_EQ(views.size(), done.back());
  const auto dimension = static_cast<std::size_t>(method_.embedding_size());
  ASSERT_EQ(views.size() * dimension, features.size());
  for (std::size_t i = 0; i < views.size(); ++i) {
    const auto begin = features.begin() + static_cast<std::ptrdiff_t>(i * dimension);
    EXPECT_EQ(row_of(method_, views[i].row, views[i].rate, levels[i]),
              std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(dimension)))
        << i;
  }
  const std::vector<std::int64_t> dimensions = dimensions_of(method_, views);
  for (std::size_t i = 0; i < views.size(); ++i)
    EXPECT_EQ((std::array{2, 3, 5, 9}[static_cast<std::size_t>(levels[i]) - 1]), dimensions[i]);
}

TEST_F(ResolutionLevelsTest, levels_that_no_view_has_need_no_network_and_no_view_needs_one) {
  const std::vector<ImageView> low{{3, 4, methods::Side::kLow, 0}, {4, 2, methods::Side::kLow, 1}};
  EXPECT_EQ(2U * 9, embed_images(method_, *pack_, low, {}, kGoOn).value().size());
  EXPECT_EQ((std::vector<int>{1}), method_.made);
  EXPECT_TRUE(embed_images(method_, *pack_, {}, {}, kGoOn).value().empty());
}

TEST_F(ResolutionLevelsTest, a_method_of_sides_alone_passes_as_before) {
  TwoSidedMethod sided;
  std::vector<ImageView> views;
  for (std::size_t i = 0; i < 100; ++i)
    views.push_back({i, i % 2 == 0 ? 1 : 2, i % 2 == 0 ? methods::Side::kHigh : methods::Side::kLow});
  const std::vector<float> mixed = embed_images(sided, *pack_, views, {}, kGoOn).value();
  for (const methods::Side side : {methods::Side::kHigh, methods::Side::kLow}) {
    std::vector<ImageView> own;
    std::vector<float> expected;
    for (std::size_t i = 0; i < views.size(); ++i) {
      if (views[i].side != side) continue;
      own.push_back(views[i]);
      const auto begin = mixed.begin() + static_cast<std::ptrdiff_t>(i * kTwoSidedDimension);
      expected.insert(expected.end(), begin, begin + kTwoSidedDimension);
    }
    EXPECT_EQ(expected, embed_images(sided, *pack_, own, {}, kGoOn).value());
  }
  EXPECT_TRUE(dimensions_of(sided, views).empty());
}

TEST_F(ResolutionLevelsTest, any_number_of_ranks_gives_the_same_bits) {
  const FeatureEmbedding alone = embed(method_);
  for (const int ranks : {2, 3, 5}) {
    Exchange exchange(ranks);
    std::atomic<int> equal = 0;
    on_ranks(ranks, [&](int rank) {
      ThreadCommunicator communicator(exchange, rank);
      LevelledMethod own;
      std::uint64_t last = 0, total = 0;
      const auto shared =
          std::get<FeatureEmbedding>(embed_split(own, *pack_, split_, {}, {.communicator = &communicator},
                                                 [&](std::uint64_t done, std::uint64_t all) {
                                                   last = done;
                                                   total = all;
                                                   return true;
                                                 })
                                         .value());
      equal += shared.query.features == alone.query.features && shared.gallery.features == alone.gallery.features &&
               shared.levels == alone.levels && shared.prefix == alone.prefix && last == total;
    });
    EXPECT_EQ(ranks, equal);
  }
}

TEST_F(ResolutionLevelsTest, ends_on_all_ranks_where_one_wants_it) {
  Exchange exchange(2);
  std::atomic<int> ended = 0;
  on_ranks(2, [&](int rank) {
    ThreadCommunicator communicator(exchange, rank);
    LevelledMethod own;
    ended += !embed_split(own, *pack_, split_, {}, {.communicator = &communicator},
                          [&](std::uint64_t done, std::uint64_t) { return rank == 0 || done < 60; });
  });
  EXPECT_EQ(2, ended);
}

TEST_F(ResolutionLevelsTest, queries_are_taken_for_the_level_that_the_protocol_says) {
  std::map<settings::QueryLevel, std::map<std::pair<int, int>, int>> counts;  // way → (rate, level) → queries
  for (const auto way : {settings::QueryLevel::kKnown, settings::QueryLevel::kNativeSize,
                         settings::QueryLevel::kHighest, settings::QueryLevel::kLowest}) {
    const FeatureEmbedding embedding = embed(method_, {.query_level = way});
    std::size_t right = 0;
    for (std::size_t q = 0; q < split_.query.size(); ++q) {
      const datasets::QueryItem& item = split_.query[q];
      const int level = embedding.levels[q];
      ++counts[way][{item.rate, level}];
      right += level == 5 - item.rate;
      EXPECT_EQ(method_.compared_dimensions(level), embedding.prefix[q]);
      const std::vector<float> row = row_of(method_, item.row, item.rate, level);
      EXPECT_TRUE(
          std::equal(row.begin(), row.end(), embedding.query.features.begin() + static_cast<std::ptrdiff_t>(q * 9)));
    }
    // The gallery is of the highest level, however a query is taken.
    const datasets::GalleryItem& first = split_.gallery.front();
    const std::vector<float> row = row_of(method_, first.row, 1, 4);
    EXPECT_TRUE(std::equal(row.begin(), row.end(), embedding.gallery.features.begin()));
    EXPECT_EQ(static_cast<double>(right) / static_cast<double>(split_.query.size()), embedding.level_agreement);
    EXPECT_EQ(embedding.level_agreement, score_embedding(embedding, split_, {}).at("level_agreement"));
  }
  for (const auto& [key, count] : counts[settings::QueryLevel::kKnown]) EXPECT_EQ(5 - key.first, key.second);
  for (const auto& [key, count] : counts[settings::QueryLevel::kHighest]) EXPECT_EQ(4, key.second);
  for (const auto& [key, count] : counts[settings::QueryLevel::kLowest]) EXPECT_EQ(1, key.second);
  EXPECT_EQ(3U, counts[settings::QueryLevel::kKnown].size());
  EXPECT_NE(counts[settings::QueryLevel::kKnown], counts[settings::QueryLevel::kNativeSize]);
}

TEST_F(ResolutionLevelsTest, the_native_size_tells_what_a_camera_stored_beside_the_packs_images) {
  const std::vector<int> levels = embed(method_, {.query_level = settings::QueryLevel::kNativeSize}).levels;
  const std::vector<int> rates{4, 3, 2, 1};
  for (std::size_t q = 0; q < split_.query.size(); ++q) {
    const datasets::QueryItem& item = split_.query[q];
    datasets::Image stored;
    pack_->read_view(item.row, item.rate, stored);
    // The rate of the level is the nearest, by ratio, to that of the sides.
    const double shrunk = std::sqrt(16.0 * 8.0 / (stored.height * stored.width));
    double nearest = 1e9;
    int expected = 0;
    for (std::size_t k = 0; k < rates.size(); ++k) {
      const double distance = std::abs(std::log(shrunk / rates[k]));
      if (distance < nearest) expected = static_cast<int>(k) + 1;
      nearest = std::min(nearest, distance);
    }
    EXPECT_EQ(expected, levels[q]) << stored.height << "x" << stored.width;
  }
  // Images of 24 × 13 at rate 2 are 12 × 6: nearer to the pack's 16 × 8 than to half of it.
  EXPECT_EQ(4, query_levels(rates, *pack_, split_, settings::QueryLevel::kNativeSize)[static_cast<std::size_t>(
                   std::find_if(split_.query.begin(), split_.query.end(), [](auto& item) { return item.rate == 2; }) -
                   split_.query.begin())]);
}

// The view of a pack of view_from "network" is shrunk from the image at network size, whatever the raw one was.
TEST_F(ResolutionLevelsTest, the_native_size_of_a_view_from_the_network_image_is_that_of_the_view) {
  datasets::PackSettings options = pack_->options();
  options.view_from = settings::ViewFrom::kNetwork;
  tests::make_pack(*raw_, options, raw_->folder() / "network");
  const auto network = datasets::PackReader::open(raw_->folder() / "network");
  datasets::SplitSettings same{.query_rates = {2, 3, 4}};
  const datasets::Split split = datasets::make_split(network, same);
  const std::vector<int> rates{4, 3, 2, 1};
  const std::vector<int> levels = query_levels(rates, network, split, settings::QueryLevel::kNativeSize);
  std::map<int, int> shown;
  for (std::size_t q = 0; q < split.query.size(); ++q) {
    datasets::Image stored;
    network.read_view(split.query[q].row, split.query[q].rate, stored);
    EXPECT_EQ(methods::level_of_area(rates, kHeight * kWidth, std::int64_t{stored.height} * stored.width), levels[q]);
    // 16 x 8 at rates 2 and 4 is 8 x 4 and 4 x 2: the levels of those rates to the pixel.
    if (split.query[q].rate != 3) {
      EXPECT_EQ(5 - split.query[q].rate, levels[q]);
    }
    ++shown[levels[q]];
  }
  EXPECT_GE(shown.size(), 2U);
}

TEST_F(ResolutionLevelsTest, queries_in_files_are_taken_for_the_levels_that_their_pack_says) {
  const datasets::FileImages files = raw_files();
  for (const auto how : {settings::QueryLevel::kKnown, settings::QueryLevel::kNativeSize}) {
    const FeatureEmbedding of_pack = embed(method_, {.query_level = how});
    const auto of_files =
        std::get<FeatureEmbedding>(embed_split(method_, files, split_, {.query_level = how}, {}, kGoOn).value());
    EXPECT_EQ(of_pack.levels, of_files.levels);
    EXPECT_EQ(of_pack.query.features, of_files.query.features);
    EXPECT_EQ(of_pack.gallery.features, of_files.gallery.features);
  }
  // Came low, at a rate that nobody knows: by the size as it lies there, 24 or 25 × 13 or 14 of 16 × 8 and more.
  datasets::Split unknown = split_;
  for (datasets::QueryItem& query : unknown.query) {
    query.rate = 0;
    query.came_low = true;
  }
  const std::vector<int> rates{4, 3, 2, 1};
  EXPECT_EQ(std::vector<int>(unknown.query.size(), 4),
            query_levels(rates, files, unknown, settings::QueryLevel::kKnown));
  datasets::PackSettings large = pack_->options();
  large.height = 64;
  large.width = 32;
  std::vector<datasets::FileImage> images;
  for (const datasets::PackRow& row : pack_->rows()) images.push_back({raw_->root() / row.sample.path, true});
  const datasets::FileImages shrunk(core::real_file_system(), images, large);
  const std::vector<int> levels = query_levels(rates, shrunk, unknown, settings::QueryLevel::kKnown);
  std::set<int> shown;
  for (std::size_t q = 0; q < levels.size(); ++q) {
    const datasets::PackRow& row = pack_->row(unknown.query[q].row);
    EXPECT_EQ(methods::level_of_area(rates, 64 * 32, std::int64_t{row.native_height} * row.native_width), levels[q]);
    shown.insert(levels[q]);
  }
  EXPECT_EQ((std::set<int>{2, 3}), shown);
}

TEST_F(ResolutionLevelsTest, a_shrunken_gallery_stays_at_the_highest_level) {
  const FeatureEmbedding shrunk = embed(method_, {.gallery_rate = 3});
  for (std::size_t g = 0; g < split_.gallery.size(); g += 7) {
    const std::vector<float> row = row_of(method_, split_.gallery[g].row, 3, 4);
    EXPECT_TRUE(
        std::equal(row.begin(), row.end(), shrunk.gallery.features.begin() + static_cast<std::ptrdiff_t>(g * 9)));
  }
}

TEST_F(ResolutionLevelsTest, scores_are_by_what_each_query_has) {
  const FeatureEmbedding embedding = embed(method_);
  const results::GalleryScores scores = score_split(embedding, split_, {});
  double sum = 0, queries = 0;
  for (std::size_t q = 0; q < split_.query.size(); ++q) {
    const std::optional<PlainScore> plain = plain_score(embedding, q, embedding.prefix[q]);
    ASSERT_EQ(plain.has_value(), scores.per_query[q].full.rank > 0);
    if (!plain) continue;
    EXPECT_NEAR(plain->precision, scores.per_query[q].full.average_precision, 1e-12);
    sum += plain->precision;
    ++queries;
  }
  EXPECT_NEAR(sum / queries, scores.map_full, 1e-12);
  // Zeros behind a prefix are no feature: compared with the gallery's, they would say something else.
  FeatureEmbedding whole = embedding;
  whole.prefix.clear();
  EXPECT_NE(scores.map_full, score_split(whole, split_, {}).map_full);
}

TEST_F(ResolutionLevelsTest, a_prefix_of_all_dimensions_is_none_to_the_bit) {
  LevelledMethod fixed({4, 3, 2, 1}, {9, 9, 9, 9});
  const FeatureEmbedding embedding = embed(fixed);
  EXPECT_EQ(std::vector<std::int64_t>(split_.query.size(), 9), embedding.prefix);
  FeatureEmbedding without = embedding;
  without.prefix.clear();
  const results::GalleryScores some = score_split(embedding, split_, {}), all = score_split(without, split_, {});
  EXPECT_EQ(all.cmc, some.cmc);
  EXPECT_EQ(all.per_query, some.per_query);
  EXPECT_EQ(metrics_of(without, all, {}), metrics_of(embedding, some, {}));
}

TEST_F(ResolutionLevelsTest, features_h5_ranks_as_the_evaluation_does) {
  const FeatureEmbedding embedding = embed(method_);
  const std::filesystem::path file = raw_->folder() / "levels.h5";
  write_features(core::real_file_system(), file, embedding);
  const datasets::ArrayFileReader reader(file);
  EXPECT_EQ(embedding.prefix, reader.read_int64("query/prefix", 1).values);
  const std::vector<std::int64_t> levels = reader.read_int64("query/level", 1).values;
  EXPECT_EQ(std::vector<std::int64_t>(embedding.levels.begin(), embedding.levels.end()), levels);
  const auto query = reader.read_float32("query/features", 2), gallery = reader.read_float32("gallery/features", 2);
  const results::RankingScores ranked = results::rank_features(
      {query.values, query.shape[0], query.shape[1]}, {embedding.query.identities, embedding.query.cameras},
      results::FeatureMatrix{gallery.values, gallery.shape[0], gallery.shape[1]},
      {embedding.gallery.identities, embedding.gallery.cameras}, reader.read_int64("query/prefix", 1).values,
      results::reference_gemm, {});
  EXPECT_EQ(score_split(embedding, split_, {}).map_full, ranked.map);

  TwoSidedMethod none;
  EmbeddedImages one{{{1}, {1}}, 2, {1, 2}};
  FeatureEmbedding plain;
  plain.query = plain.gallery = one;
  for (auto& camera : plain.gallery.cameras) ++camera;  // a match is of another camera
  write_features(core::real_file_system(), file, plain);
  EXPECT_FALSE(datasets::ArrayFileReader(file).has("query/prefix"));
  EXPECT_FALSE(datasets::ArrayFileReader(file).has("query/level"));
  experiments::EvaluationProtocol whole;
  whole.name = settings::ProtocolName::kWholeGallery;
  EXPECT_FALSE(score_embedding(plain, datasets::Split{}, whole).contains("level_agreement"));
}

TEST_F(ResolutionLevelsTest, a_plain_method_has_neither_levels_nor_prefixes) {
  experiments::TrainingSpecification specification;
  specification.network.backbone = settings::Trunk::kResnetSmall;
  experiments::ResolutionAdaptiveOptions options{
      .widths = {3, 4, 2, 5}, .masks = methods::Masks::kOff, .verification_width = 6};
  for (const bool varying : {true, false}) {
    options.varying_length = varying;
    specification.method = options;
    const std::unique_ptr<methods::Method> method = make_method(specification, 4);
    const FeatureEmbedding embedding = embed(*method);
    EXPECT_EQ(varying ? split_.query.size() : 0, embedding.levels.size());
    EXPECT_EQ(varying ? split_.query.size() : 0, embedding.prefix.size());
    EXPECT_EQ(varying, score_embedding(embedding, split_, {}).contains("level_agreement"));
    EXPECT_EQ(varying, !dimensions_of(*method, std::vector<ImageView>{{3, 2, methods::Side::kLow, 0}}).empty());
    EXPECT_EQ(varying, !method->tells().prefixes.empty());
    const std::filesystem::path file = raw_->folder() / "plain.h5";
    write_features(core::real_file_system(), file, embedding);
    for (const char* name : {"query/prefix", "query/level"})
      EXPECT_EQ(varying, datasets::ArrayFileReader(file).has(name)) << name;
  }
}

TEST_F(ResolutionLevelsTest, panels_rank_by_what_the_query_has) {
  const FeatureEmbedding embedding = embed(method_);
  results::GalleryDraw all(split_.gallery.size());
  for (std::size_t g = 0; g < all.size(); ++g) all[g] = g;
  std::size_t others = 0;
  for (std::size_t q = 0; q < split_.query.size(); ++q) {
    const std::vector<std::size_t> ranked = results::rank_gallery(distances_of(embedding), split_, q, all);
    std::vector<std::size_t> expected = all, whole = all;
    const auto by = [&](std::int64_t dimensions) {
      return [&, dimensions](std::size_t a, std::size_t b) {
        return plain_distance(embedding, q, a, dimensions) < plain_distance(embedding, q, b, dimensions);
      };
    };
    std::sort(expected.begin(), expected.end(), by(embedding.prefix[q]));
    std::sort(whole.begin(), whole.end(), by(9));
    EXPECT_EQ(expected, ranked);
    others += whole != ranked;
  }
  EXPECT_GT(others, split_.query.size() / 2);
}

TEST_F(ResolutionLevelsTest, an_evaluation_on_the_way_knows_levels_by_their_rates) {
  const Comparison comparison = training_comparison(experiments::ResolutionAdaptiveOptions{}, *pack_);
  EXPECT_EQ(settings::QueryLevel::kKnown, comparison.query_level);
  experiments::EvaluationProtocol protocol;
  protocol.query_level = settings::QueryLevel::kLowest;
  EXPECT_EQ(settings::QueryLevel::kLowest,
            comparison_of(protocol, experiments::ResolutionAdaptiveOptions{}).query_level);
}

}  // namespace
}  // namespace resolute::workers::resolution_levels_evaluation_test
