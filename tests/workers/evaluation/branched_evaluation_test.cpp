//! \file
//! Evaluation of a method of two sides and two branches, against loops over single images and pairs.

#include "workers/evaluation/branched_evaluation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "datasets/hdf5/array_file.h"
#include "tests/methods/small_training.h"
#include "tests/support/rank_distances.h"
#include "tests/workers/ddp/thread_communicator.h"
#include "tests/workers/evaluation/branched_fixture.h"
#include "workers/training/make_method.h"
#include "workers/training/training_evaluation.h"

namespace resolute::workers::branched_evaluation_test {
namespace {

TEST_F(BranchedEvaluationTest, each_side_passes_its_own_network_and_rows_keep_the_views_order) {
  std::vector<ImageView> views;
  for (std::size_t row = 0; row < 150; ++row)
    views.push_back({row, row % 5 == 0 ? 1 : 2, row % 3 == 0 ? methods::Side::kHigh : methods::Side::kLow});
  std::vector<std::pair<std::uint64_t, std::uint64_t>> weighed;
  const std::vector<float> features = embed_images(*method_, *pack_, views, {}, [&](auto done, auto total) {
                                        weighed.emplace_back(done, total);
                                        return true;
                                      }).value();
  ASSERT_EQ(views.size() * kDimension, features.size());
  for (std::size_t i = 0; i < views.size(); ++i) {
    const ImageRow row = row_of(views[i]);
    for (std::size_t k = 0; k < kDimension; ++k) EXPECT_EQ(row.hr[k], features[i * kDimension + k]) << i;
  }
  // 50 images of the high side, 100 of the low one in two batches.
  EXPECT_EQ(
      (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 150}, {50, 150}, {50, 150}, {114, 150}, {150, 150}}),
      weighed);
  for (std::size_t last = 0; last < weighed.size(); ++last) {
    std::size_t calls = 0;
    EXPECT_FALSE(embed_images(*method_, *pack_, views, {}, [&](auto, auto) { return ++calls <= last; })) << last;
  }
}

TEST_F(BranchedEvaluationTest, raw_files_give_the_bits_of_their_pack) {
  const datasets::FileImages files = raw_files();
  const Comparison how{.distance = "weighted", .gallery_copy_rate = 3};
  const auto of_files = std::get<DistanceEmbedding>(embed_split(*method_, files, split_, how, {}, kGoOn).value());
  EXPECT_EQ(embed("weighted").distances, of_files.distances);
}

TEST_F(BranchedEvaluationTest, every_distance_is_that_of_a_double_loop_rounded) {
  for (const char* distance : {"weighted", "equal", "hr", "lr"})
    for (int copy_rate : {0, 2, 3}) {
      const DistanceEmbedding embedding = embed(distance, copy_rate);
      const std::vector<double> expected = double_loop(distance, copy_rate);
      ASSERT_EQ(expected.size(), embedding.distances.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_GT(expected[i], 0);
        // Half a unit in the last place of float32.
        EXPECT_NEAR(expected[i], embedding.distances[i], expected[i] * 6e-8) << distance << copy_rate << " " << i;
      }
      for (std::size_t q = 0; q < split_.query.size(); ++q) {
        EXPECT_EQ(split_.query[q].identity, embedding.query.identities[q]);
        EXPECT_EQ(split_.gallery[q].camera, embedding.gallery.cameras[q]);
      }
    }
}

TEST_F(BranchedEvaluationTest, ftwas_distances_are_those_of_a_double_loop_with_and_without_its_parts) {
  split_.query.resize(16);
  split_.gallery.resize(16);
  at::set_num_threads(1);
  // The rows of table 2.
  for (const auto form : {methods::FtwaForm::kWeighted, methods::FtwaForm::kTransformed, methods::FtwaForm::kStreams}) {
    const experiments::FtwaOptions options{{}, form};
    const auto network = make_method(worker_tests::small_specification(options), split_.train_identities);
    use(*network);
    for (const std::string& distance : experiments::distances_of(options)) {
      const DistanceEmbedding embedding = embed(distance, 0);
      const std::vector<double> expected = double_loop(distance, 0);
      double largest = 0;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        // Networks round otherwise in batches of another size.
        EXPECT_NEAR(expected[i], embedding.distances[i], 1e-4 * (1 + expected[i])) << distance << " " << i;
        largest = std::max(largest, expected[i]);
      }
      EXPECT_GT(largest, 0.1);
      EXPECT_EQ(distance == "weighted", embedding.weights.contains("hr_share"));
    }
  }
}

TEST_F(BranchedEvaluationTest, scores_are_those_of_a_plain_loop_over_the_distances) {
  experiments::EvaluationProtocol protocol;
  protocol.draws = 5;
  const DistanceEmbedding embedding = embed("weighted", 0);
  const auto metrics = score_embedding(embedding, split_, protocol);
  const std::vector<double> distances = double_loop("weighted", 0);
  const std::size_t gallery = split_.gallery.size();
  const auto at = [&](std::size_t q, std::size_t g) { return static_cast<float>(distances[q * gallery + g]); };
  const auto right = [&](std::size_t q, std::size_t g) {
    return split_.query[q].identity == split_.gallery[g].identity;
  };
  const auto wrong_before = [&](std::size_t q, std::size_t match, std::size_t g) {
    return !right(q, g) && at(q, g) <= at(q, match);
  };
  double map = 0, rank1 = 0;
  for (std::size_t q = 0; q < split_.query.size(); ++q) {
    std::vector<std::size_t> matches;
    for (std::size_t g = 0; g < gallery; ++g)
      if (right(q, g)) matches.push_back(g);
    std::sort(matches.begin(), matches.end(), [&](auto a, auto b) { return at(q, a) < at(q, b); });
    double precision = 0;
    for (std::size_t i = 0; i < matches.size(); ++i) {
      double wrong = 0;
      for (std::size_t g = 0; g < gallery; ++g) wrong += wrong_before(q, matches[i], g) ? 1 : 0;
      precision += static_cast<double>(i + 1) / (static_cast<double>(i + 1) + wrong);
    }
    map += precision / static_cast<double>(matches.size());
    for (int draw = 0; draw < protocol.draws; ++draw) {
      const results::GalleryDraw drawn = datasets::draw_gallery(split_, split_.options.seed, draw);
      const std::size_t match = *std::find_if(drawn.begin(), drawn.end(), [&](std::size_t g) { return right(q, g); });
      rank1 += std::none_of(drawn.begin(), drawn.end(), [&](auto g) { return wrong_before(q, match, g); }) ? 1 : 0;
    }
  }
  const auto queries = static_cast<double>(split_.query.size());
  EXPECT_NEAR(map / queries, metrics.at("map_full"), 1e-12);
  EXPECT_NEAR(rank1 / queries / protocol.draws, metrics.at("rank1"), 1e-12);
  EXPECT_GT(metrics.at("map_full"), 0);
}

TEST_F(BranchedEvaluationTest, copies_at_the_querys_rate_are_those_at_a_fixed_rate_where_all_queries_have_it) {
  EXPECT_NE(embed("weighted", 0).distances, embed("weighted", 2).distances);
  split_ = split({2});
  for (const char* distance : {"weighted", "equal", "lr"}) {
    EXPECT_EQ(embed(distance, 0).distances, embed(distance, 2).distances);
    EXPECT_EQ(embed(distance, 0).weights, embed(distance, 2).weights);
    EXPECT_NE(embed(distance, 0).distances, embed(distance, 3).distances);
  }
  EXPECT_EQ(embed("hr", 2).distances, embed("hr", 3).distances);
}

TEST_F(BranchedEvaluationTest, means_of_weights_are_those_of_a_loop_over_pairs) {
  for (int copy_rate : {0, 3}) {
    std::map<std::string, double> expected;
    for (const auto& query : split_.query)
      for (const auto& image : split_.gallery) {
        const ImageRow q = row_of({query.row, query.rate, methods::Side::kLow}),
                       g = row_of({image.row, 1, methods::Side::kHigh}),
                       copy = row_of({image.row, copy_rate == 0 ? query.rate : copy_rate, methods::Side::kLow});
        const double hr = q.hr_weight * g.hr_weight, lr = q.lr_weight * copy.lr_weight;
        expected["weight_query_hr"] += q.hr_weight;
        expected["weight_query_lr"] += q.lr_weight;
        expected["weight_gallery_hr"] += g.hr_weight;
        expected["weight_gallery_lr"] += copy.lr_weight;
        expected["hr_share"] += hr / (hr + lr);
      }
    const auto weighed = embed("weighted", copy_rate).weights;
    EXPECT_EQ(expected.size(), weighed.size());
    for (const auto& [name, sum] : expected)
      EXPECT_NEAR(sum / static_cast<double>(split_.query.size() * split_.gallery.size()), weighed.at(name), 1e-9)
          << name;
    const auto metrics = score_embedding(embed("weighted", copy_rate), split_, {});
    EXPECT_EQ(weighed.at("hr_share"), metrics.at("hr_share"));
  }
  for (const char* distance : {"equal", "hr", "lr"}) EXPECT_TRUE(embed(distance).weights.empty());
}

TEST_F(BranchedEvaluationTest, any_number_of_ranks_and_threads_gives_the_same_bits) {
  const DistanceEmbedding alone = embed("weighted", 0);
  at::set_num_threads(1);
  EXPECT_EQ(alone.distances, embed("weighted", 0).distances);
  for (const int ranks : {2, 3}) {
    Exchange exchange(ranks);
    std::atomic<int> equal = 0;
    std::atomic<std::uint64_t> images = 0;
    on_ranks(ranks, [&](int rank) {
      ThreadCommunicator communicator(exchange, rank);
      TwoSidedMethod own;
      std::uint64_t last = 0, all = 0;
      const Comparison how{.distance = "weighted", .gallery_copy_rate = 0};
      const auto shared = std::get<DistanceEmbedding>(
          embed_split(own, *pack_, split_, how, {.communicator = &communicator}, [&](auto done, auto total) {
            last = done;
            all = total;
            return true;
          }).value());
      EXPECT_EQ(all, last);
      images += all;
      equal += shared.distances == alone.distances && shared.weights == alone.weights &&
               shared.query.identities == alone.query.identities;
    });
    EXPECT_EQ(ranks, equal);
    EXPECT_EQ(images_to_embed(*method_, split_, {.distance = "weighted", .gallery_copy_rate = 0}), images);
  }
}

TEST_F(BranchedEvaluationTest, ranks_end_together_wherever_one_of_them_wants_to) {
  const Comparison how{.distance = "weighted", .gallery_copy_rate = 0};
  const auto evaluate = [&](Exchange& exchange, int rank, const EmbeddingProgress& progress) {
    ThreadCommunicator communicator(exchange, rank);
    TwoSidedMethod own;
    return embed_split(own, *pack_, split_, how, {.communicator = &communicator}, progress).has_value();
  };
  // One rank stops at its n-th call; 0: never, which counts the calls.
  std::size_t calls = 0;
  const auto both = [&](std::size_t stop) {
    Exchange exchange(2);
    bool first = false, second = false;
    calls = 0;
    std::thread thread([&] { first = evaluate(exchange, 0, kGoOn); });
    second = evaluate(exchange, 1, [&](auto, auto) { return ++calls < stop || stop == 0; });
    thread.join();
    EXPECT_EQ(first, second) << "stopped at call " << stop;
    return first;
  };
  EXPECT_TRUE(both(0));
  for (std::size_t stop = 1, all = calls; stop < all; ++stop) EXPECT_FALSE(both(stop)) << stop;
}

TEST_F(BranchedEvaluationTest, embeds_only_what_the_distance_looks_at_and_ends_where_progress_says_so) {
  const std::uint64_t queries = split_.query.size(), gallery = split_.gallery.size();
  const std::map<std::string, std::uint64_t> expected = {{"weighted", queries + 3 * gallery},
                                                         {"equal", queries + 3 * gallery},
                                                         {"hr", queries + gallery},
                                                         {"lr", queries + 2 * gallery}};
  for (const auto& [distance, images] : expected) {
    const Comparison how{.distance = distance, .gallery_copy_rate = 0};
    EXPECT_EQ(images, images_to_embed(*method_, split_, how));
    expect_end_where_progress_says_so(
        images, [&](const auto& progress) { return embed_split(*method_, *pack_, split_, how, {}, progress); });
  }
}

TEST_F(BranchedEvaluationTest, features_h5_holds_the_distances_that_are_scored) {
  const DistanceEmbedding embedding = embed("weighted");
  const std::filesystem::path file = raw_->folder() / "features.h5";
  write_features(core::real_file_system(), file, embedding);
  const datasets::ArrayFileReader reader(file);
  const auto distance = reader.read_float32("distance", 2);
  EXPECT_EQ((std::vector<std::uint64_t>{split_.query.size(), split_.gallery.size()}), distance.shape);
  EXPECT_EQ(embedding.distances, distance.values);
  EXPECT_EQ(embedding.query.identities, reader.read_int64("query/identities", 1).values);
  EXPECT_EQ(embedding.gallery.cameras, reader.read_int64("gallery/cameras", 1).values);
  EXPECT_FALSE(reader.has("query/features"));
  const results::RankingScores scores =
      results::rank_distances(distance.values, {embedding.query.identities, embedding.query.cameras},
                              {embedding.gallery.identities, embedding.gallery.cameras}, {});
  EXPECT_EQ(scores.map, score_embedding(embedding, split_, {}).at("map_full"));
}

TEST_F(BranchedEvaluationTest, a_rate_that_the_pack_lacks_is_refused) {
  tests::expect_error(core::ErrorKind::kInput, {"4"}, [&] { embed("weighted", 4); });
}

TEST_F(BranchedEvaluationTest, a_comparison_is_what_the_protocol_asks_of_the_method) {
  experiments::EvaluationProtocol protocol;
  protocol.gallery_rate = 2;
  protocol.gallery_copy_rate = 4;
  const Comparison by_embedding = comparison_of(protocol, experiments::BaselineOptions{});
  EXPECT_EQ("", by_embedding.distance);
  EXPECT_EQ(2, by_embedding.gallery_rate);
  EXPECT_EQ("weighted", comparison_of(protocol, experiments::FtwaOptions{}).distance);
  EXPECT_EQ(4, comparison_of(protocol, experiments::FtwaOptions{}).gallery_copy_rate);
  const experiments::FtwaOptions plain{{}, methods::FtwaForm::kStreams};
  EXPECT_EQ("hr", comparison_of(protocol, plain).distance);
  protocol.distance = settings::DistanceName::kLr;
  EXPECT_EQ("lr", comparison_of(protocol, plain).distance);
}

TEST_F(BranchedEvaluationTest, a_training_compares_with_copies_at_rate_3_or_else_the_querys) {
  EXPECT_EQ(3, training_comparison(experiments::FtwaOptions{}, *pack_).gallery_copy_rate);
  EXPECT_EQ("weighted", training_comparison(experiments::FtwaOptions{}, *pack_).distance);
  EXPECT_EQ("", training_comparison(experiments::RainOptions{}, *pack_).distance);
  datasets::PackSettings options = tests::small_options();
  options.rates = {2};
  tests::make_pack(*raw_, options, raw_->pack("without"));
  const auto without = datasets::PackReader::open(raw_->pack("without"));
  EXPECT_EQ(0, training_comparison(experiments::FtwaOptions{}, without).gallery_copy_rate);
}

}  // namespace
}  // namespace resolute::workers::branched_evaluation_test
