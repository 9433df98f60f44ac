//! \file
//! What an evaluation writes beside its features: panels, feature samples, the resolution probe, scores by query.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "datasets/hdf5/array_file.h"
#include "results/records/query_scores.h"
#include "tests/workers/evaluation/evaluation_outputs_fixture.h"
#include "workers/training/make_method.h"

namespace resolute::workers::evaluation_outputs_test {
namespace {

using datasets::Image;

TEST_F(EvaluationOutputsTest, panels_show_queries_that_depend_on_the_trial_alone) {
  const std::vector<std::size_t> chosen = results::choose_panel_queries(split_, 6);
  EXPECT_EQ(6U, chosen.size());
  EXPECT_TRUE(std::is_sorted(chosen.begin(), chosen.end()));
  std::set<std::int64_t> identities;
  for (std::size_t query : results::choose_panel_queries(split_, 10)) identities.insert(split_.query[query].identity);
  EXPECT_EQ(10U, identities.size());
  EXPECT_EQ(chosen, results::choose_panel_queries(split({2}), 6));
  EXPECT_NE(chosen, results::choose_panel_queries(split({2, 3}, 1), 6));
  datasets::Split other = split_;
  other.pack = "another";
  EXPECT_NE(chosen, results::choose_panel_queries(other, 6));
  // Ten identities with two queries each.
  EXPECT_EQ(13U, results::choose_panel_queries(split_, 13).size());
  EXPECT_EQ(split_.query.size(), results::choose_panel_queries(split_, 100).size());
  EXPECT_TRUE(results::choose_panel_queries(split_, 0).empty());
}

TEST_F(EvaluationOutputsTest, the_panels_order_is_that_of_features_h5) {
  const auto network = method<experiments::BaselineOptions>();
  const Embedding embedding = embed_split(*network, *pack_, split_, {}, {}, kGoOn).value();
  const std::filesystem::path file = raw_->folder() / "features.h5";
  write_features(core::real_file_system(), file, embedding);
  const datasets::ArrayFileReader reader(file);
  const auto query = reader.read_float32("query/features", 2), gallery = reader.read_float32("gallery/features", 2);
  const std::size_t dimension = query.shape[1];
  const results::GalleryDraw draw = datasets::draw_gallery(split_, split_.options.seed, 0);

  const results::Panels drawn_panels = panels(outputs(*network).value());
  EXPECT_EQ(draw.size(), drawn_panels.gallery_images);
  const std::vector<std::size_t> chosen = results::choose_panel_queries(split_, 4);
  ASSERT_EQ(chosen.size(), drawn_panels.queries.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const datasets::QueryItem& item = split_.query[chosen[i]];
    EXPECT_EQ(item.path, drawn_panels.queries[i].path);
    EXPECT_EQ(item.rate, drawn_panels.queries[i].rate);
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t image : draw) {
      double sum = 0;
      for (std::size_t k = 0; k < dimension; ++k)
        sum += std::pow(double{query.values[chosen[i] * dimension + k]} - gallery.values[image * dimension + k], 2);
      order.emplace_back(sum, image);
    }
    std::sort(order.begin(), order.end());
    ASSERT_EQ(results::kPanelImages, drawn_panels.queries[i].ranked.size());
    for (std::size_t place = 0; place < order.size(); ++place) {
      const datasets::GalleryItem& expected = split_.gallery[order[place].second];
      const bool right = expected.identity == item.identity;
      EXPECT_EQ(right, drawn_panels.queries[i].rank == place + 1);
      if (place >= results::kPanelImages) continue;
      EXPECT_EQ(expected.path, drawn_panels.queries[i].ranked[place].path);
      EXPECT_EQ(right, drawn_panels.queries[i].ranked[place].right);
    }
  }
}

// Of these people the gallery has two images each: two of each are all there are.
TEST_F(EvaluationOutputsTest, panels_show_the_gallery_of_the_protocol) {
  const auto network = method<experiments::BaselineOptions>();
  const auto shown = [&](settings::ProtocolName name) {
    protocol_.name = name;
    protocol_.shots = 2;
    const results::Panels drawn_panels = panels(outputs(*network).value());
    EXPECT_EQ(name, drawn_panels.protocol);
    return drawn_panels;
  };
  const results::Panels one = shown(settings::ProtocolName::kSingleShot),
                        two = shown(settings::ProtocolName::kMultiShot),
                        all = shown(settings::ProtocolName::kWholeGallery);
  EXPECT_EQ(split_.gallery.size(), all.gallery_images);
  EXPECT_EQ(all.gallery_images, two.gallery_images);
  EXPECT_EQ(all.gallery_images, 2 * one.gallery_images);
  for (std::size_t i = 0; i < all.queries.size(); ++i) {
    const results::PanelQuery& query = all.queries[i];
    EXPECT_EQ(query.rank, two.queries[i].rank);
    EXPECT_GE(query.rank, 1U);
    ASSERT_EQ(query.ranked.size(), two.queries[i].ranked.size());
    std::set<std::string> paths;
    for (std::size_t place = 0; place < query.ranked.size(); ++place) {
      const results::RankedImage& image = query.ranked[place];
      EXPECT_EQ(image.path, two.queries[i].ranked[place].path);
      EXPECT_TRUE(paths.insert(image.path).second);
      if (place < query.rank) {
        EXPECT_EQ(place + 1 == query.rank, image.right) << "the first right one has the rank";
      }
    }
  }
}

TEST_F(EvaluationOutputsTest, equally_far_images_stand_wrong_ones_first_and_by_path) {
  FeatureEmbedding embedding;
  embedding.query.dimension = embedding.gallery.dimension = 3;
  embedding.query.features.assign(3 * split_.query.size(), 1.0F);
  embedding.gallery.features.assign(3 * split_.gallery.size(), 2.0F);
  results::GalleryDraw draw = datasets::draw_gallery(split_, 0, 0);
  const std::vector<std::size_t> ranked = results::rank_gallery(distances_of(embedding), split_, 5, draw);
  EXPECT_EQ(split_.query[5].identity, split_.gallery[ranked.back()].identity);
  for (std::size_t i = 0; i + 2 < ranked.size(); ++i)
    EXPECT_LT(split_.gallery[ranked[i]].path, split_.gallery[ranked[i + 1]].path);
  std::reverse(draw.begin(), draw.end());
  EXPECT_EQ(ranked, results::rank_gallery(distances_of(embedding), split_, 5, draw));
}

// With split.lr_side = "query" a gallery has them (results/scores leaves them out as every protocol of such sets does).
TEST_F(EvaluationOutputsTest, an_image_of_the_querys_person_and_camera_is_neither_right_nor_wrong) {
  FeatureEmbedding embedding;
  embedding.query.dimension = embedding.gallery.dimension = 1;
  embedding.query.features.assign(split_.query.size(), 1.0F);
  embedding.gallery.features.assign(split_.gallery.size(), 2.0F);
  datasets::Split split = split_;
  const results::GalleryDraw draw = datasets::draw_gallery(split, 0, 0);
  const auto match = std::ranges::find_if(
      draw, [&](std::size_t image) { return split.gallery[image].identity == split.query[5].identity; });
  ASSERT_NE(match, draw.end());
  split.gallery[*match].camera = split.query[5].camera;
  const std::vector<std::size_t> ranked = results::rank_gallery(distances_of(embedding), split, 5, draw);
  EXPECT_EQ(draw.size() - 1, ranked.size());
  EXPECT_EQ(0, std::ranges::count(ranked, *match));
  split.options.lr_camera = 0;  // cameras mean nothing
  EXPECT_EQ(draw.size(), results::rank_gallery(distances_of(embedding), split, 5, draw).size());
}

TEST_F(EvaluationOutputsTest, pictures_hold_the_packs_pixels_and_green_frames_exactly_where_right) {
  const auto network = method<experiments::BaselineOptions>();
  const EvaluationOutputs made = outputs(*network).value();
  std::set<std::string> frames;
  const results::Panels drawn_panels = panels(made);
  for (std::size_t i = 0; i < drawn_panels.queries.size(); ++i) {
    const results::PanelQuery& query = drawn_panels.queries[i];
    const Image strip = datasets::decode_image(made.files.at(results::gallery_panel_file(i)), "panel");
    EXPECT_EQ(8 * (kWidth + 2 * kFrame + kGap) + kGap, strip.width);
    EXPECT_EQ(kHeight + 2 * kFrame + 2 * kGap, strip.height);
    EXPECT_EQ(view({row(query.path), query.rate}), cell(strip, 0));
    EXPECT_EQ("white", frame(strip, 0));
    for (std::size_t place = 0; place < query.ranked.size(); ++place) {
      const int number = static_cast<int>(place) + 1;
      EXPECT_EQ(view({row(query.ranked[place].path), 1}), cell(strip, number));
      EXPECT_EQ(query.ranked[place].right ? "green" : "red", frame(strip, number));
      frames.insert(frame(strip, number));
    }
  }
  EXPECT_EQ((std::set<std::string>{"green", "red"}), frames);  // a test without both would show nothing
}

TEST_F(EvaluationOutputsTest, reconstructions_stand_between_input_and_original) {
  const auto network = method<experiments::RainOptions>();
  const EvaluationOutputs made = outputs(*network).value();
  const results::Panels drawn_panels = panels(made);
  for (std::size_t i = 0; i < drawn_panels.queries.size(); ++i) {
    const results::PanelQuery& query = drawn_panels.queries[i];
    const Image strip = datasets::decode_image(made.files.at(results::reconstruction_panel_file(i)), "panel");
    const Image input = cell(strip, 0), output = cell(strip, 1), original = cell(strip, 2);
    EXPECT_EQ(view({row(query.path), query.rate}), input);
    EXPECT_EQ(view({row(query.path), 1}), original);
    const auto mean = [&](const Image& image) {
      double sum = 0;
      for (std::size_t k = 0; k < image.pixels.size(); ++k)
        sum += std::abs(int{image.pixels[k]} - int{original.pixels[k]});
      return sum / static_cast<double>(image.pixels.size());
    };
    ASSERT_TRUE(query.reconstruction);
    ASSERT_EQ(1U, query.reconstruction->recovered.size());
    EXPECT_EQ(1, query.reconstruction->recovered[0].scale);
    EXPECT_EQ(mean(output), query.reconstruction->recovered[0].quality.error);
    EXPECT_EQ(mean(input), query.reconstruction->input.error);
    // The decoder's own numbers, made pictures here by the definition of normalisation.
    at::Tensor pixels = at::empty({1, kHeight, kWidth, 3}, at::kByte);
    std::copy(input.pixels.begin(), input.pixels.end(), pixels.mutable_data_ptr<std::uint8_t>());
    const at::Tensor mean_colour = at::tensor({0.485, 0.456, 0.406}, at::kDouble),
                     deviation = at::tensor({0.229, 0.224, 0.225}, at::kDouble);
    const at::Tensor normalised = ((pixels.to(at::kDouble) / 255 - mean_colour) / deviation).to(at::kFloat);
    const at::Tensor decoded = network->recover(normalised.permute({0, 3, 1, 2})).at(0).permute({0, 2, 3, 1});
    const at::Tensor levels = ((decoded.to(at::kDouble) * deviation + mean_colour) * 255).clamp(0, 255).contiguous();
    for (std::size_t k = 0; k < output.pixels.size(); ++k)
      EXPECT_NEAR(levels.const_data_ptr<double>()[k], output.pixels[k], 0.501);
  }
}

TEST_F(EvaluationOutputsTest, a_method_without_a_decoder_leaves_no_reconstruction) {
  experiments::RainOptions without{.reconstruction = false};
  for (const experiments::MethodOptions& options :
       {experiments::MethodOptions(without), experiments::MethodOptions(experiments::BaselineOptions{})}) {
    const auto network = make_method(worker_tests::small_specification(options), split_.train_identities);
    const EvaluationOutputs made = outputs(*network).value();
    EXPECT_EQ(4U + 2U, made.files.size());  // galleries, panels.json, queries.csv: no recovery.csv either
    EXPECT_FALSE(made.metrics.contains("psnr_gain_2"));
    for (const results::PanelQuery& query : panels(made).queries) EXPECT_FALSE(query.reconstruction);
  }
}

TEST_F(EvaluationOutputsTest, the_same_bytes_on_a_second_run) {
  const auto written = [&](const std::string& name) {
    const auto network = method<experiments::RainOptions>();
    return write_outputs(core::real_file_system(), raw_->folder() / name, outputs(*network).value());
  };
  const std::map<std::string, std::string> first = written("first");
  EXPECT_EQ(4U + 4U + 4U, first.size());
  EXPECT_EQ(first, written("second"));
  for (const auto& [name, sha256] : first)
    EXPECT_EQ(sha256, core::sha256_hex(core::real_file_system().read(raw_->folder() / "second" / name))) << name;
}

TEST_F(EvaluationOutputsTest, queries_csv_means_what_the_metrics_say) {
  const auto network = method<experiments::BaselineOptions>();
  const Embedding embedding = embed_split(*network, *pack_, split_, {}, {}, kGoOn).value();
  const auto metrics = score_embedding(embedding, split_, protocol_);
  const auto scores = results::parse_csv<results::QueryScore>(
      core::as_text(outputs(*network).value().files.at(experiments::kQueriesOutput.file)), "queries");
  ASSERT_EQ(split_.query.size(), scores.size());
  double rank1 = 0, map = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    EXPECT_EQ(split_.query[i].path, scores[i].path);
    EXPECT_EQ(split_.query[i].rate, scores[i].rate);
    rank1 += scores[i].cmc[0] / static_cast<double>(scores.size());
    map += scores[i].average_precision / static_cast<double>(scores.size());
  }
  EXPECT_NEAR(metrics.at("rank1"), rank1, 1e-12);
  EXPECT_NEAR(metrics.at("mAP"), map, 1e-12);
}

TEST_F(EvaluationOutputsTest, a_sample_holds_every_test_image_of_its_identities_at_every_rate) {
  const std::vector<results::SampleImage> sample = results::choose_sample(split_, {1, 3}, 4);
  std::set<std::int64_t> identities;
  for (const results::SampleImage& image : sample) identities.insert(image.identity);
  EXPECT_EQ(4U, identities.size());
  std::vector<results::SampleImage> expected;
  for (std::size_t row = 0; row < pack_->size(); ++row) {
    const datasets::Sample& from = pack_->row(row).sample;
    if (!identities.contains(from.identity)) continue;
    for (int rate : {1, 3}) expected.push_back({row, rate, from.identity, from.camera});
  }
  EXPECT_EQ(expected, sample);
  EXPECT_EQ(2 * (split_.query.size() + split_.gallery.size()), results::choose_sample(split_, {1, 3}, 1000).size());
  const std::vector<results::SampleImage> more = results::choose_sample(split_, {1, 3}, 5);
  EXPECT_TRUE(std::includes(more.begin(), more.end(), sample.begin(), sample.end(),
                            [](const auto& a, const auto& b) { return a.row < b.row; }));
  EXPECT_NE(sample, results::choose_sample(split({2, 3}, 1), {1, 3}, 4));
}

TEST_F(EvaluationOutputsTest, samples_h5_holds_the_features_that_are_ranked) {
  const auto network = method<experiments::BaselineOptions>();
  const Embedding embedding = embed_split(*network, *pack_, split_, {}, {}, kGoOn).value();
  const EvaluationOutputs made = outputs(*network).value();
  const std::filesystem::path folder = raw_->folder() / "samples";
  write_outputs(core::real_file_system(), folder, made);
  const datasets::ArrayFileReader reader(folder / experiments::kSamplesOutput.file);
  const auto features = reader.read_float32("features", 2);
  const auto identities = reader.read_int64("identities", 1), cameras = reader.read_int64("cameras", 1),
             rates = reader.read_int64("rates", 1), rows = reader.read_int64("row", 1);
  ASSERT_EQ((std::vector<std::uint64_t>{3 * 4 * 3, 128}), features.shape);
  std::size_t compared = 0;
  const auto compare = [&](const auto& items, const std::vector<float>& ranked, const auto& rate_of) {
    for (std::size_t i = 0; i < items.size(); ++i)
      for (std::size_t s = 0; s < rows.values.size(); ++s) {
        if (rows.values[s] != static_cast<std::int64_t>(items[i].row) || rates.values[s] != rate_of(items[i])) continue;
        ++compared;
        EXPECT_EQ(items[i].identity, identities.values[s]);
        EXPECT_EQ(items[i].camera, cameras.values[s]);
        for (std::size_t k = 0; k < 128; ++k)
          EXPECT_NEAR(ranked[i * 128 + k], features.values[s * 128 + k], 1e-5 * (1 + std::abs(ranked[i * 128 + k])));
      }
  };
  const auto& ranked = std::get<FeatureEmbedding>(embedding);
  compare(split_.query, ranked.query.features, [](const auto& item) { return item.rate; });
  compare(split_.gallery, ranked.gallery.features, [](const auto&) { return 1; });
  EXPECT_EQ(3U * 4U, compared);
}

TEST_F(EvaluationOutputsTest, ends_where_progress_says_so) {
  const auto network = method<experiments::RainOptions>();
  expect_end_where_progress_says_so(2U * 3U * 4U * 3U + 2U * 40U,
                                    [&](const auto& progress) { return outputs(*network, progress); });
}

TEST_F(EvaluationOutputsTest, a_probe_asks_about_identities_that_it_was_not_fitted_on) {
  const std::vector<ProbeImage> images = choose_probe_images(split_);
  EXPECT_EQ(split_.query.size() + split_.gallery.size(), images.size());
  std::map<std::int64_t, std::set<bool>> halves;
  std::set<int> rates;
  for (const ProbeImage& image : images) {
    halves[pack_->row(image.row).sample.identity].insert(image.second_half);
    rates.insert(image.lr_rate);
  }
  std::size_t second = 0;
  for (const auto& [identity, half] : halves) {
    EXPECT_EQ(1U, half.size()) << identity;
    second += half.contains(true) ? 1 : 0;
  }
  EXPECT_EQ(halves.size() - halves.size() / 2, second);
  EXPECT_EQ((std::set<int>{2, 3}), rates);
  for (const datasets::QueryItem& item : split_.query)
    EXPECT_TRUE(std::any_of(images.begin(), images.end(), [&](const ProbeImage& image) {
      return image.row == item.row && image.lr_rate == item.rate;
    }));
  EXPECT_NE(images, choose_probe_images(split({2, 3}, 1)));
  const std::vector<ProbeImage> fewer = choose_probe_images(split_, 12);
  EXPECT_EQ(12U, fewer.size());
  EXPECT_TRUE(std::is_sorted(fewer.begin(), fewer.end(), [](auto& a, auto& b) { return a.row < b.row; }));
  tests::expect_error(core::ErrorKind::kInput, {"resolution_probe", "1 test identity"},
                      [&] { choose_probe_images(split_, 1); });
}

TEST_F(EvaluationOutputsTest, an_evaluation_without_the_options_leaves_queries_csv_alone) {
  protocol_ = {};
  const auto network = method<experiments::BaselineOptions>();
  const EvaluationOutputs made = outputs(*network).value();
  EXPECT_EQ(1U, made.files.size());
  EXPECT_TRUE(made.sample.empty());
  EXPECT_TRUE(made.metrics.empty());
  EXPECT_TRUE(made.files.contains(experiments::kQueriesOutput.file));
}

}  // namespace
}  // namespace resolute::workers::evaluation_outputs_test
