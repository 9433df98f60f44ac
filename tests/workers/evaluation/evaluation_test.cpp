//! \file
//! Evaluation by one process rank and by several, with folded networks and without.

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <atomic>

#include "datasets/loader/loader.h"
#include "methods/baseline/networks/baseline.h"
#include "results/scores/re_ranking.h"
#include "tests/methods/small_training.h"
#include "tests/support/rank_distances.h"
#include "tests/workers/ddp/thread_communicator.h"
#include "tests/workers/evaluation/packed_trial.h"
#include "tests/workers/jobs/go_on.h"
#include "workers/evaluation/evaluator.h"
#include "workers/training/training_evaluation.h"

namespace resolute::workers::evaluation_test {
namespace {

// An evaluation gathers, and does nothing else with other ranks.
class GatheringRank final : public ThreadCommunicator {
 public:
  using ThreadCommunicator::ThreadCommunicator;
  void all_to_all(at::Tensor&, const at::Tensor&, const std::vector<std::int64_t>&,
                  const std::vector<std::int64_t>&) override {
    ADD_FAILURE();
  }
  void broadcast(at::Tensor&) override { ADD_FAILURE(); }
  void barrier() override { ADD_FAILURE(); }
};

// The networks as training sees them, layer by layer.
struct Unfolded : methods::Baseline {
  using methods::Baseline::Baseline;
  // NOLINTNEXTLINE(bugprone-parent-virtual-call): not as Baseline folds them
  methods::Embedder embedder(const methods::EmbedderOptions& options) override {
    return methods::Method::embedder(options);
  }
};

// 52 identities, half of them to test: 104 queries and as many gallery images, so 4 batches.
class EvaluationTest : public PackedTrial {
 protected:
  static void SetUpTestSuite() { pack_images(52, 4, of_size(32, 16)); }
  void SetUp() override {
    PackedTrial::SetUp();
    ASSERT_GT(split_.query.size() + split_.gallery.size(), 3 * kEmbeddingBatch);
  }
  template <class Made = methods::Baseline>
  Made method() const {
    const auto specification = worker_tests::small_specification(experiments::BaselineOptions{});
    return Made({}, specification.network, specification.recipe, split_.train_identities, 3);
  }
  FeatureEmbedding embed(methods::Method& method, const EmbeddingOptions& options = {},
                         const Comparison& how = {}) const {
    return std::get<FeatureEmbedding>(embed_split(method, *pack_, split_, how, options, kGoOn).value());
  }
};

TEST_F(EvaluationTest, any_number_of_ranks_gives_the_same_bits) {
  methods::Baseline network = method();
  const FeatureEmbedding alone = embed(network);
  EXPECT_EQ(split_.query.size(), alone.query.rows());
  EXPECT_EQ(split_.gallery.size(), alone.gallery.rows());
  EXPECT_EQ(128U, alone.query.dimension);
  for (const int ranks : {2, 3, 5}) {
    Exchange all(ranks);
    std::atomic<int> equal = 0;
    on_ranks(ranks, [&](int rank) {
      GatheringRank communicator(all, rank);
      methods::Baseline baseline = method();
      const FeatureEmbedding shared = embed(baseline, {.communicator = &communicator});
      equal += shared.query.features == alone.query.features && shared.gallery.features == alone.gallery.features &&
               shared.query.identities == alone.query.identities && shared.gallery.cameras == alone.gallery.cameras;
    });
    EXPECT_EQ(ranks, equal);
  }
}

TEST_F(EvaluationTest, raw_files_give_the_bits_of_their_pack) {
  methods::Baseline network = method();
  const FeatureEmbedding of_pack = embed(network);
  const datasets::FileImages files = raw_files();
  const auto of_files = std::get<FeatureEmbedding>(embed_split(network, files, split_, {}, {}, kGoOn).value());
  EXPECT_EQ(of_pack.query.features, of_files.query.features);
  EXPECT_EQ(of_pack.gallery.features, of_files.gallery.features);
}

TEST_F(EvaluationTest, ends_on_all_ranks_where_one_wants_it) {
  Exchange all(2);
  std::atomic<int> ended = 0;
  on_ranks(2, [&](int rank) {
    GatheringRank communicator(all, rank);
    methods::Baseline baseline = method();
    ended += !embed_split(baseline, *pack_, split_, {}, {.communicator = &communicator},
                          [&](std::uint64_t done, std::uint64_t) { return rank == 0 || done == 0; });
  });
  EXPECT_EQ(2, ended);
}

TEST_F(EvaluationTest, folding_changes_no_score) {
  methods::Baseline folded = method();
  Unfolded plain = method<Unfolded>();
  const FeatureEmbedding of_folded = embed(folded), of_plain = embed(plain);
  EXPECT_NE(of_folded.query.features, of_plain.query.features);
  const auto expected = score_embedding(of_plain, split_, {});
  EXPECT_EQ(expected, score_embedding(of_folded, split_, {}));
  EXPECT_GT(expected.at("mAP"), 0);
}

TEST_F(EvaluationTest, computes_in_the_precision_of_the_training) {
  experiments::Recipe recipe;
  EXPECT_EQ(at::kFloat, embedding_precision(recipe));
  recipe.precision = settings::Precision::kBf16;
  EXPECT_EQ(at::kBFloat16, embedding_precision(recipe));
  methods::Baseline network = method();
  const FeatureEmbedding wide = embed(network), narrow = embed(network, {.precision = at::kBFloat16});
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < wide.query.features.size(); ++i) {
    difference = std::max<double>(difference, std::abs(wide.query.features[i] - narrow.query.features[i]));
    largest = std::max<double>(largest, wide.query.features[i]);
  }
  EXPECT_GT(difference, 0);
  EXPECT_LT(difference, 0.03 * largest);
}

TEST_F(EvaluationTest, a_flipped_feature_is_the_mean_of_the_image_and_its_mirror_image) {
  methods::Baseline network = method();
  const FeatureEmbedding flipped = embed(network, {.flip = true});
  // By hand, image by image.
  const methods::Embedder embedder = network.embedder({.height = 32, .width = 16});
  datasets::LoaderOptions options;
  options.train_rates = {1};
  datasets::Loader loader(*pack_, options);
  for (std::size_t g = 0; g < split_.gallery.size(); g += 9) {
    at::Tensor image = at::empty({1, 32, 16, 3}, at::kFloat);
    loader.fill_view(split_.gallery[g].row, 1, {image.mutable_data_ptr<float>(), loader.image_floats()});
    const at::Tensor both = at::cat({image, image.flip({2})}).permute({0, 3, 1, 2});
    const at::Tensor mean = embedder(both).mean(0);
    for (std::int64_t d = 0; d < 128; ++d)
      EXPECT_NEAR(mean[d].item<float>(), flipped.gallery.features[g * 128 + static_cast<std::size_t>(d)], 1e-5);
  }
  // A mirror image of a mirror image is the image.
  EXPECT_NE(embed(network).gallery.features, flipped.gallery.features);
}

TEST_F(EvaluationTest, cosines_are_those_of_features_of_unit_length) {
  methods::Baseline network = method();
  const FeatureEmbedding plain = embed(network), unit = embed(network, {}, {.unit_length = true});
  for (const EmbeddedImages* images : {&unit.query, &unit.gallery})
    for (std::size_t row = 0; row < images->rows(); ++row) {
      double squares = 0;
      for (std::size_t d = 0; d < images->dimension; ++d)
        squares += std::pow(static_cast<double>(images->features[row * images->dimension + d]), 2);
      EXPECT_NEAR(squares, 1, 1e-6);
    }
  EXPECT_NE(score_embedding(plain, split_, {}), score_embedding(unit, split_, {}));
}

TEST_F(EvaluationTest, protocols_ask_the_same_features_for_other_galleries) {
  methods::Baseline network = method();
  const FeatureEmbedding unit = embed(network, {}, {.unit_length = true});
  const auto metrics = [&](const experiments::EvaluationProtocol& protocol) {
    return score_embedding(unit, split_, protocol);
  };
  const auto single = metrics({}), multi = metrics({.name = settings::ProtocolName::kMultiShot, .shots = 4}),
             whole = metrics({.name = settings::ProtocolName::kWholeGallery});
  for (const auto* one : {&single, &multi, &whole}) {
    EXPECT_EQ(single.at("mAP"), one->at("mAP")) << "of all images in each";
    EXPECT_EQ(single.at("mINP"), one->at("mINP"));
  }
  EXPECT_FALSE(single.contains("chance_rank5"));
  // Each of the 26 identities has four images in the gallery: each draw is the whole.
  for (const char* same : {"rank1", "rank5", "rank10", "rank20"}) EXPECT_EQ(multi.at(same), whole.at(same));
  EXPECT_NEAR(multi.at("chance_rank5"), whole.at("chance_rank5"), 1e-12);
  EXPECT_NEAR(1.0 / 26, single.at("chance_rank1"), 1e-12);
  EXPECT_NEAR(1.0 / 26, whole.at("chance_rank1"), 1e-12);
  EXPECT_LT(whole.at("chance_rank5"), 5 * whole.at("chance_rank1")) << "the first five may show one person twice";
}

TEST_F(EvaluationTest, re_ranking_and_expansion_are_those_of_each_gallery_by_itself) {
  methods::Baseline network = method();
  const FeatureEmbedding unit = embed(network, {}, {.unit_length = true});
  const experiments::EvaluationProtocol plain{.draws = 3}, re_ranked{.draws = 3, .re_ranking = true},
      original{.draws = 3, .re_ranking = true, .re_ranking_lambda = 1}, expanded{.draws = 3, .query_expansion = 4},
      alone{.draws = 3, .query_expansion = 1, .query_expansion_alpha = 100};
  EXPECT_EQ(score_embedding(unit, split_, plain), score_embedding(unit, split_, original)) << "the old distance alone";
  EXPECT_NE(score_embedding(unit, split_, plain), score_embedding(unit, split_, re_ranked));
  EXPECT_NE(score_embedding(unit, split_, plain), score_embedding(unit, split_, expanded));
  EXPECT_EQ(score_embedding(unit, split_, plain).at("queries"), score_embedding(unit, split_, alone).at("queries"));

  // One draw, by the functions that it is made of.
  const results::GalleryDraw draw = datasets::draw_gallery(split_, split_.options.seed, 0);
  EmbeddedImages drawn;
  drawn.dimension = unit.gallery.dimension;
  for (std::size_t g : draw) {
    const auto row = unit.gallery.features.begin() + static_cast<std::ptrdiff_t>(g * drawn.dimension);
    drawn.features.insert(drawn.features.end(), row, row + static_cast<std::ptrdiff_t>(drawn.dimension));
    drawn.identities.push_back(unit.gallery.identities[g]);
    drawn.cameras.push_back(unit.gallery.cameras[g]);
  }
  const auto distances =
      results::re_ranked_rows(matrix_of(unit.query), matrix_of(drawn), {20, 6, 0.3}, libtorch_gemm(), {});
  const results::RankingScores by_hand =
      results::rank_distances(distances, labels_of(unit.query), labels_of(drawn), {});
  const auto one_draw = score_embedding(unit, split_, {.draws = 1, .re_ranking = true});
  EXPECT_EQ(by_hand.cmc[0], one_draw.at("rank1"));
  EXPECT_EQ(by_hand.cmc[4], one_draw.at("rank5"));
}

TEST_F(EvaluationTest, a_gallery_rate_shrinks_gallery_images_alone) {
  methods::Baseline network = method();
  const FeatureEmbedding plain = embed(network), one = embed(network, {}, {.gallery_rate = 1}),
                         shrunk = embed(network, {}, {.gallery_rate = 3});
  EXPECT_EQ(plain.gallery.features, one.gallery.features);
  EXPECT_EQ(plain.query.features, one.query.features);
  EXPECT_EQ(plain.query.features, shrunk.query.features);
  EXPECT_EQ(plain.gallery.identities, shrunk.gallery.identities);
  // Views of rate 3, in the batches of an evaluation.
  std::vector<ImageView> views;
  for (const datasets::QueryItem& item : split_.query) views.push_back({item.row, item.rate});
  for (const datasets::GalleryItem& item : split_.gallery) views.push_back({item.row, 3});
  std::vector<float> expected = embed_images(network, *pack_, views, {}, kGoOn).value();
  expected.erase(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(plain.query.features.size()));
  EXPECT_EQ(expected, shrunk.gallery.features);
  EXPECT_NE(plain.gallery.features, shrunk.gallery.features);
}

TEST_F(EvaluationTest, leaves_the_method_and_libtorchs_generators_alone) {
  const auto drawn = [] { return at::detail::getDefaultCPUGenerator().get_state(); };
  methods::Baseline network = method();
  const at::Tensor generator = drawn();
  const std::string state = worker_tests::state_hash(network.module());
  ProgressPipe silent(-1);
  const auto recipe = worker_tests::small_specification(experiments::BaselineOptions{}).recipe;
  TrainingEvaluation evaluation({network, *pack_, split_, recipe, silent});
  evaluation.run(1);
  EXPECT_EQ(state, worker_tests::state_hash(network.module()));
  EXPECT_TRUE(network.module().is_training());
  for (const auto& module : network.module().modules()) EXPECT_TRUE(module->is_training());
  EXPECT_TRUE(generator.equal(drawn()));
}

}  // namespace
}  // namespace resolute::workers::evaluation_test
