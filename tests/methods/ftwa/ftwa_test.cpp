//! FTWA's losses: equations 2, 5, 6 and 7 written out over a batch's rows, what equal weights, missing rows and missing
//! labels make of them, and where their gradients go.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "core/error.h"
#include "networks/nn/batch_norm.h"
#include "tests/methods/ftwa/ftwa_by_hand.h"
#include "tests/methods/ftwa/ftwa_examples.h"
#include "tests/support/any_word.h"
#include "workers/training/make_method.h"

namespace resolute::workers::ftwa_test {
namespace {

using experiments::FtwaOptions;
using namespace worker_tests;

const char* const kMinings[] = {"batch-hard", "random", "all"};
const char* const kForms[] = {"per-sample", "batch-mean"};

//! Both forms of both weightings, of each mining.
void for_every_weighting(const std::function<void(const FtwaOptions&)>& check) {
  for (const char* mining : kMinings)
    for (const char* classification : kForms)
      for (const char* triplet : kForms) {
        SCOPED_TRACE(fmt::format("{}, classification {}, triplet {}", mining, classification, triplet));
        FtwaOptions options{{.mining = tests::AnyWord(mining)}};
        options.classification_weighting = tests::AnyWord(classification);
        options.triplet_weighting = tests::AnyWord(triplet);
        check(options);
      }
}

//! Makes W's output the same for every vector.
void make_constant(methods::Method& method, double bias) {
  const at::NoGradGuard no_grad;
  for (auto& item : method.module().named_parameters()) {
    if (!item.key().starts_with("weight_")) continue;
    if (item.key().ends_with("output.weight")) item.value().zero_();
    if (item.key().ends_with("output.bias")) item.value().fill_(bias);
  }
}

void expect_equal_weights_to_be_no_weights(const FtwaOptions& options, const methods::LaneBatch& batch) {
  const auto plain = made_up(without_weighting(options)), weighted = made_up(options);
  const Step without = step_of(*plain, batch);
  EXPECT_EQ(without.terms.size(), 3U);
  for (double bias : {-9.0, 0.7, 20.0}) {
    make_constant(*weighted, bias);
    const Step with = step_of(*weighted, batch);
    for (const auto& [name, value] : without.terms) EXPECT_TRUE(value.equal(with.terms.at(name))) << name;
    for (const auto& [name, gradient] : without.gradients) EXPECT_TRUE(gradient.equal(with.gradients.at(name))) << name;
  }
}

TEST(Ftwa, equal_weights_of_any_value_are_no_weights_to_the_bit_where_every_row_has_a_partner) {
  const methods::LaneBatch batch = mixed_batch(4, 4, 2);
  for_every_weighting([&](const FtwaOptions& options) { expect_equal_weights_to_be_no_weights(options, batch); });
}

TEST(Ftwa, unequal_weights_are_weights) {
  const methods::LaneBatch batch = mixed_batch(4, 4, 2);
  for_every_weighting([&](const FtwaOptions& options) {
    const auto weighted = made_up(options), plain = made_up(without_weighting(options));
    const Step with = step_of(*weighted, batch), without = step_of(*plain, batch);
    EXPECT_FALSE(without.terms.at("classification").equal(with.terms.at("classification")));
    EXPECT_FALSE(without.terms.at("triplet").equal(with.terms.at("triplet")));
    EXPECT_TRUE(without.terms.at("transformation").equal(with.terms.at("transformation")));
    for (const char* name : {"weight_hr.hidden.weight", "weight_lr.hidden.weight"})
      EXPECT_GT(with.gradients.at(name).abs().max().item<double>(), 0) << name;
  });
}

// Rows without a label, identities with more HR than LR rows and with less, one with a kind alone.
methods::LaneBatch uneven_batch() {
  methods::LaneBatch batch = mixed_batch(4, 4, 2);
  for (std::int64_t row : {2, 7}) batch.has_hr[row] = row == 2;
  batch.has_hr[12] = batch.has_hr[13] = false;
  const methods::LaneBatch whole = worker_tests::made_up_batch(4, 4, 32, 16);
  batch.hr = (whole.hr * batch.has_hr.view({-1, 1, 1, 1})).contiguous(at::MemoryFormat::ChannelsLast);
  hide_labels(batch, {5, 8, 11, 15});
  return batch;
}

TEST(Ftwa, equal_weights_by_batch_means_are_no_weights_to_the_bit_on_any_batch) {
  for (const methods::LaneBatch& batch : {mixed_batch(4, 3, 1), uneven_batch()})
    for_every_weighting([&](const FtwaOptions& options) {
      if (options.triplet_weighting == methods::Weighting::kBatchMean)
        expect_equal_weights_to_be_no_weights(options, batch);
    });
}

void expect_terms_by_hand(const FtwaOptions& options, const experiments::NetworkSettings& network,
                          const methods::LaneBatch& batch) {
  const auto method = made_up(options, network);
  const methods::Activations activations = method->forward(batch);
  const FtwaByHand by_hand(*method, options, network, batch);
  for (const methods::LossTerm& term : method->losses(0, activations, batch)) {
    const double expected = by_hand.term(term.name), value = term.value.item<double>();
    EXPECT_NEAR(value, expected, 2e-5 * std::max(1.0, std::abs(expected))) << term.name;
    EXPECT_GT(std::abs(expected), 1e-3) << term.name;
  }
}

TEST(Ftwa, terms_are_the_equations_written_out_over_rows) {
  for (const methods::LaneBatch& batch : {mixed_batch(4, 4, 2), mixed_batch(4, 3, 1), uneven_batch()})
    for_every_weighting([&](const FtwaOptions& given) {
      if (given.mining == methods::Mining::kRandom) return;  // drawn, so not to be written out
      FtwaOptions options = given;
      options.weight_balance = 0.7;
      options.margin = 3;
      for (const auto normalisation :
           {methods::WeightNormalisation::kOff, methods::WeightNormalisation::kRunningMean}) {
        options.weight_normalisation = normalisation;
        // Means that are divided by themselves are equal.
        if (normalisation != methods::WeightNormalisation::kOff &&
            options.classification_weighting == methods::Weighting::kBatchMean)
          options.weight_balance = 0;
        expect_terms_by_hand(options, {.backbone = settings::Trunk::kResnetSmall}, batch);
      }
    });
}

// What a stream's weights have in common is nothing: no stream gains on the other.
TEST(Ftwa, normalised_weights_do_not_depend_on_their_evaluators_scale) {
  FtwaOptions options;
  options.weight_normalisation = methods::WeightNormalisation::kRunningMean;
  const auto method = made_up(options), plain = made_up(without_weighting(options));
  const methods::LaneBatch batch = mixed_batch(4, 4, 2);
  make_constant(*method, -5);
  for (auto& item : method->module().named_parameters())
    if (item.key() == "weight_hr.output.bias") {
      const at::NoGradGuard no_grad;
      item.value().fill_(3);
    }
  const Step with = step_of(*method, batch), without = step_of(*plain, batch);
  for (const auto& [name, value] : without.terms)
    EXPECT_TRUE(at::allclose(value, with.terms.at(name), 1e-6, 0)) << name;
}

TEST(Ftwa, running_means_of_weights_move_by_a_tenth_where_nothing_holds_them) {
  methods::WeightScale scale;
  const at::Tensor weights = at::tensor({0.2, 0.4}, at::kFloat);
  EXPECT_TRUE(scale.forward(weights).equal(weights / weights.mean()));
  EXPECT_FLOAT_EQ(scale.running_mean.item<float>(), 0.93F);
  {
    const networks::RunningStatisticsHold hold;
    EXPECT_TRUE(scale.forward(weights).equal(weights / weights.mean()));
  }
  EXPECT_EQ(scale.forward(at::ones({0})).size(0), 0);
  EXPECT_FLOAT_EQ(scale.running_mean.item<float>(), 0.93F);
  scale.eval();
  EXPECT_TRUE(scale.forward(weights).equal(weights / scale.running_mean));
  EXPECT_FLOAT_EQ(scale.running_mean.item<float>(), 0.93F);
}

TEST(Ftwa, terms_of_table_2s_variants_and_of_separate_batch_norms_are_too) {
  FtwaOptions options{{.mining = methods::Mining::kBatchHard}};
  options.margin = 3;
  FtwaOptions silent = options;
  silent.form = methods::FtwaForm::kAside;
  for (const FtwaOptions& variant : {options, without_weighting(options), without_transformation(options), silent})
    for (const char* streams : {"joint", "separate"})
      for (bool neck : {false, true})
        expect_terms_by_hand(
            variant, {.backbone = settings::Trunk::kResnetSmall, .neck = neck, .bn_streams = tests::AnyWord(streams)},
            uneven_batch());
}

TEST(Ftwa, equal_weights_have_nothing_to_balance) {
  FtwaOptions options;
  options.weight_balance = 5;
  const auto method = made_up(options);
  make_constant(*method, 0.4);
  EXPECT_EQ(step_of(*method, mixed_batch(4, 4, 2)).terms.at("weight_balance").item<double>(), 0.0);
  EXPECT_FALSE(step_of(*made_up(FtwaOptions{}), mixed_batch(4, 4, 2)).terms.contains("weight_balance"));
}

// A step along it brings the two weights of a pair together.
TEST(Ftwa, balance_pulls_a_low_weight_up_and_its_partner_down) {
  FtwaOptions options;
  options.weight_balance = 1;
  const auto method = made_up(options);
  {
    const at::NoGradGuard no_grad;
    make_constant(*method, 0);
    for (auto& item : method->module().named_parameters())
      if (item.key() == "weight_hr.output.bias") item.value().fill_(-3);
  }
  const auto gradients = gradients_of(*method, mixed_batch(4, 4, 2), "weight_balance");
  EXPECT_LT(gradients.at("weight_hr.output.bias").item<double>(), 0);
  EXPECT_GT(gradients.at("weight_lr.output.bias").item<double>(), 0);
}

double largest(const std::map<std::string, at::Tensor>& gradients, const std::string& prefix) {
  double found = 0;
  for (const auto& [name, gradient] : gradients)
    if (name.starts_with(prefix)) found = std::max(found, gradient.abs().max().item<double>());
  return found;
}

TEST(Ftwa, equation_2_reaches_the_sides_that_are_not_constants) {
  // With a batch norm of its own for each side nothing else ties them.
  const experiments::NetworkSettings network{.backbone = settings::Trunk::kResnetSmall,
                                             .bn_streams = settings::BatchNormStreams::kSeparate};
  for (const char* detached : {"hr", "lr", "none"}) {
    SCOPED_TRACE(detached);
    FtwaOptions options;
    options.transformation_detach = tests::AnyWord(detached);
    const auto method = made_up(options, network);
    const auto gradients = gradients_of(*method, mixed_batch(4, 4, 2), "transformation");
    EXPECT_EQ(largest(gradients, "trunk.conv1") > 0, detached != std::string("hr"));
    EXPECT_EQ(largest(gradients, "lr_encoder.") > 0, detached != std::string("lr"));
    EXPECT_GT(largest(gradients, "trunk.layer4"), 0);
    EXPECT_GT(largest(gradients, "transformation."), 0);
    EXPECT_EQ(largest(gradients, "classifier_") + largest(gradients, "weight_"), 0);
  }
}

TEST(Ftwa, a_transformation_weight_of_0_leaves_the_term_and_no_gradient) {
  FtwaOptions options;
  options.transformation_weight = 0;
  const auto method = made_up(options);
  const methods::LaneBatch batch = mixed_batch(4, 4, 2);
  EXPECT_EQ(step_of(*method, batch).terms.at("transformation").item<double>(), 0.0);
  EXPECT_EQ(largest(gradients_of(*method, batch, "transformation"), ""), 0);
  EXPECT_GT(largest(gradients_of(*method, batch, "classification"), "transformation."), 0);  // by eq. 5 it learns
}

// In evaluation mode nothing but the losses ties rows together.
TEST(Ftwa, rows_without_a_label_are_in_equation_2_alone) {
  for_every_weighting([](const FtwaOptions& options) {
    if (options.mining == methods::Mining::kRandom) return;
    const auto method = made_up(options);
    method->module().eval();
    methods::LaneBatch whole = mixed_batch(4, 4, 2);
    const at::Tensor kept = at::tensor({0, 1, 2, 3, 4, 6, 8, 10, 13, 14, 15}, at::kLong);
    methods::LaneBatch part = whole;
    for (at::Tensor* tensor : {&part.hr, &part.lr, &part.labels, &part.has_hr}) *tensor = tensor->index_select(0, kept);
    hide_labels(whole, {5, 7, 9, 11, 12});
    const Step with = step_of(*method, whole), without = step_of(*method, part);
    for (const char* name : {"classification", "triplet"})
      EXPECT_TRUE(at::allclose(with.terms.at(name), without.terms.at(name), 1e-5, 1e-6)) << name;
    EXPECT_FALSE(at::allclose(with.terms.at("transformation"), without.terms.at("transformation"), 1e-4, 1e-5));
  });
}

//! A lane of two identities that lacks something.
struct Lane {
  const char* lacks;
  int images, lr_images;
  std::vector<std::int64_t> hidden;  //!< rows without a label
};

void expect_finite(methods::Method& method, const Lane& lane) {
  methods::LaneBatch batch = mixed_batch(2, lane.images, lane.lr_images);
  if (!lane.hidden.empty()) hide_labels(batch, lane.hidden);
  const bool no_labels = lane.hidden.size() == static_cast<std::size_t>(batch.labels.size(0));
  const bool no_hr = lane.images == lane.lr_images;
  const methods::Activations activations = method.forward(batch);
  at::Tensor total = at::zeros({});
  for (const methods::LossTerm& term : method.losses(0, activations, batch)) {
    EXPECT_TRUE(term.value.requires_grad()) << term.name;
    const double value = term.value.item<double>();
    EXPECT_TRUE(std::isfinite(value)) << term.name;
    if (term.name == "transformation" ? no_hr : no_labels) {
      EXPECT_EQ(value, 0.0) << term.name;
    }
    total = total + term.value;
  }
  total.backward();
  const auto finite = [](const at::Tensor& tensor) { return at::isfinite(tensor).all().item<bool>(); };
  for (const auto& item : method.module().named_parameters()) {
    EXPECT_TRUE(!item.value().grad().defined() || finite(item.value().grad())) << item.key();
  }
  for (const auto& item : method.module().named_buffers()) EXPECT_TRUE(finite(item.value())) << item.key();
}

TEST(Ftwa, lanes_without_a_kind_of_row_have_finite_terms_with_a_graph) {
  const Lane lanes[] = {{"HR rows", 2, 2, {}},
                        {"LR rows", 2, 0, {}},
                        {"labels", 2, 1, {0, 1, 2, 3}},
                        {"labels of HR rows", 2, 1, {0, 2}},
                        {"labels of LR rows", 2, 1, {1, 3}},
                        {"HR rows and labels", 2, 2, {0, 1, 2, 3}},
                        {"LR rows and labels", 2, 0, {0, 1, 2, 3}},
                        {"all but one label", 2, 1, {0, 1, 2}},
                        {"another image of an identity", 1, 0, {}}};
  const auto check = [&](const FtwaOptions& options, const char* streams) {
    for (const Lane& lane : lanes) {
      SCOPED_TRACE(fmt::format("{}, without {}", streams, lane.lacks));
      expect_finite(
          *made_up(options,
                   {.backbone = settings::Trunk::kResnetSmall, .neck = true, .bn_streams = tests::AnyWord(streams)}, 2),
          lane);
    }
  };
  for_every_weighting([&](const FtwaOptions& given) {
    FtwaOptions options = given;
    options.weight_balance = 1;
    check(options, "joint");
  });
  const FtwaOptions silent{{}, methods::FtwaForm::kAside};
  for (const FtwaOptions& options : {FtwaOptions{}, without_weighting(), without_transformation(), silent})
    for (const char* streams : {"joint", "separate"}) check(options, streams);
}

TEST(Ftwa, has_the_modules_that_its_options_ask_for_and_begins_with_one_encoder_twice) {
  const auto children = [](const FtwaOptions& options) {
    std::string names;
    for (const auto& item : make_method(worker_tests::small_specification(options), 4)->module().named_children())
      names += item.key() + " ";
    return names;
  };
  EXPECT_EQ(children({}), "trunk lr_encoder transformation classifier_hr classifier_lr weight_hr weight_lr ");
  EXPECT_EQ(children(without_weighting()), "trunk lr_encoder transformation classifier_hr classifier_lr ");
  EXPECT_EQ(children(without_transformation()), "trunk lr_encoder classifier_hr classifier_lr ");
  EXPECT_EQ(children({{.classification = false}}), "trunk lr_encoder transformation weight_hr weight_lr ");

  const auto method = make_method(worker_tests::small_specification(FtwaOptions{}), 4);
  const auto parameters = method->module().named_parameters();
  int shared = 0;
  for (const auto& item : parameters)
    if (item.key().starts_with("lr_encoder.")) {
      ++shared;
      EXPECT_TRUE(item.value().equal(parameters["trunk." + item.key().substr(11)])) << item.key();
    }
  EXPECT_EQ(shared, 12);
  EXPECT_TRUE(parameters.contains("classifier_hr.linear.bias"));
  auto necked = worker_tests::small_specification(FtwaOptions{});
  necked.network.neck = true;
  EXPECT_FALSE(make_method(necked, 4)->module().named_parameters().contains("classifier_hr.linear.bias"));
}

}  // namespace
}  // namespace resolute::workers::ftwa_test
