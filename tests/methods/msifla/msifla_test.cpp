//! MSIFLA's losses: equations 1–4 and 8–14 written out over a batch's rows, what each row is to them, and where their
//! gradients go.
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/function.h>

#include <functional>
#include <set>

#include "core/error.h"
#include "tests/methods/msifla/msifla_by_hand.h"
#include "tests/methods/msifla/msifla_examples.h"
#include "tests/support/any_word.h"
#include "workers/training/make_method.h"

namespace resolute::workers::msifla_test {
namespace {

using experiments::MsiflaOptions;
using experiments::NetworkSettings;
using namespace worker_tests;

const std::vector<std::vector<int>> kScaleSets = {{1}, {2, 1}, {3, 2, 1}, {4, 3, 2, 1}};

MsiflaOptions with(MsiflaOptions options, const std::function<void(MsiflaOptions&)>& change) {
  change(options);
  return options;
}
MsiflaOptions without_reid_into_ir(MsiflaOptions options) {
  options.reid_into_ir = false;
  return options;
}

void expect_terms_by_hand(const MsiflaOptions& options, const NetworkSettings& network, double smoothing,
                          const methods::LaneBatch& batch) {
  const auto method = made_up_msifla(options, network, smoothing);
  const auto terms = all_terms(*method, batch);
  const MsiflaByHand by_hand(*method, options, smoothing, batch);
  EXPECT_EQ(terms.size(), by_hand.terms());
  for (const auto& [name, term] : terms) {
    const double expected = by_hand.term(name);
    EXPECT_NEAR(term.item<double>(), expected, 3e-5 * std::max(1.0, std::abs(expected))) << name;
    EXPECT_GT(std::abs(expected), 1e-3) << name;
  }
}

TEST(Msifla, terms_are_the_equations_written_out_over_rows) {
  for (const std::vector<int>& scales : kScaleSets)
    for (const char* networks : {"per-scale", "shared"})
      for (const methods::LaneBatch& batch : {half_lr_batch(), uneven_msifla_batch()}) {
        SCOPED_TRACE(fmt::format("{} of {}", networks, fmt::join(scales, ", ")));
        MsiflaOptions options = narrow_msifla(scales);
        options.reid_networks = tests::AnyWord(networks);
        options.margin = 30;
        expect_terms_by_hand(options, {.backbone = settings::Trunk::kResnetSmall}, 0.1, batch);
      }
}

TEST(Msifla, terms_of_the_other_options_are_too) {
  const MsiflaOptions plain = with(narrow_msifla({2, 1}), [](MsiflaOptions& o) { o.margin = 30; });
  const MsiflaOptions variants[] = {
      with(plain, [](MsiflaOptions& o) { o.mining = methods::Mining::kAll; }),
      with(plain, [](MsiflaOptions& o) { o.mining = methods::Mining::kRandom; }),
      with(plain, [](MsiflaOptions& o) { o.classification = false; }),
      with(plain, [](MsiflaOptions& o) { o.triplet = false; }),
      with(plain, [](MsiflaOptions& o) { o.ir_residual = true; }),
      with(plain, [](MsiflaOptions& o) { o.unit_parts = true; }),
      with(plain, [](MsiflaOptions& o) { o.recovery_weight = 2.5; }),
      without_reid_into_ir(plain),
  };
  for (const MsiflaOptions& options : variants)
    for (const methods::LaneBatch& batch : {uneven_msifla_batch(), worker_tests::made_up_batch(4, 2, 32, 16)})
      expect_terms_by_hand(options, {.backbone = settings::Trunk::kResnetSmall, .last_stride = 2, .neck = true}, 0,
                           batch);
}

TEST(Msifla, recovery_reaches_the_networks_up_to_its_scale_and_no_other) {
  for (const MsiflaOptions& options : {narrow_msifla({4, 3, 2, 1}), shared(narrow_msifla()), narrow_msifla({1})}) {
    const auto method = made_up_msifla(options, {.backbone = settings::Trunk::kResnetSmall, .neck = true});
    const methods::LaneBatch batch = uneven_msifla_batch();
    const methods::Activations activations = method->forward(batch);
    for (const auto& [name, term] : terms_of(*method, 0, activations, batch)) {
      const int scale = name.back() - '0';
      const auto gradients = gradients_of(*method, term);
      for (const auto& item : method->module().named_parameters()) {
        const bool reached = item.key().starts_with("ir_") && item.key()[3] - '0' >= scale;
        ASSERT_EQ(gradients.contains(item.key()), reached) << name << ", " << item.key();
        if (reached) {
          EXPECT_GT(gradients.at(item.key()).abs().max().item<double>(), 0) << name << ", " << item.key();
        }
      }
    }
  }
}

TEST(Msifla, reid_losses_reach_their_own_network_and_the_cascade_before_it_exactly_if_asked) {
  for (const char* networks : {"per-scale", "shared"})
    for (const bool into_ir : {true, false}) {
      MsiflaOptions options = narrow_msifla();
      options.reid_networks = tests::AnyWord(networks);
      options.reid_into_ir = into_ir;
      options.margin = 30;
      const auto method = made_up_msifla(options, {.backbone = settings::Trunk::kResnetSmall, .neck = true});
      const methods::LaneBatch batch = uneven_msifla_batch();
      const methods::Activations activations = method->forward(batch);
      for (const auto& [name, term] : terms_of(*method, 1, activations, batch)) {
        const bool one_network = options.reid_networks == methods::ReidNetworks::kShared;
        const int scale = name.back() - '0';
        const auto gradients = gradients_of(*method, term);
        for (const auto& item : method->module().named_parameters()) {
          const std::string& key = item.key();
          bool reached = false;
          if (key.starts_with("reid_"))
            reached = (one_network || key[5] - '0' == scale) &&
                      (name.starts_with("classification") || key.substr(7).starts_with("trunk"));
          else  // the shared network's batch norms mix the scales
            reached = into_ir && (one_network || key[3] - '0' >= scale);
          ASSERT_EQ(gradients.contains(key), reached) << name << ", " << key;
          // What a batch norm behind a bias takes away again is 0 to rounding at most.
          if (reached && !key.ends_with("bias")) {
            EXPECT_GT(gradients.at(key).abs().max().item<double>(), 0) << name << ", " << key;
          }
        }
      }
    }
}

TEST(Msifla, phases_name_the_groups_that_their_losses_reach) {
  for (const bool into_ir : {true, false}) {
    MsiflaOptions options = narrow_msifla();
    options.reid_into_ir = into_ir;
    options.ir_warmup_steps = 7;
    options.ir_learning_rate = 0.02;
    const auto method = made_up_msifla(options);
    const std::vector<methods::Phase> phases = method->phases();
    ASSERT_EQ(phases.size(), 2U);
    EXPECT_EQ(phases[0].name, "recovery");
    EXPECT_EQ(phases[0].groups, std::vector<std::string>{"ir"});
    EXPECT_TRUE(phases[0].steps_with_next);
    EXPECT_EQ(phases[0].first_step, 0U);
    EXPECT_EQ(phases[1].name, "reid");
    EXPECT_EQ(phases[1].groups, (into_ir ? std::vector<std::string>{"reid", "ir"} : std::vector<std::string>{"reid"}));
    EXPECT_FALSE(phases[1].steps_with_next);
    EXPECT_EQ(phases[1].first_step, 7U);
    const experiments::Recipe recipe;
    for (const methods::ParameterGroup& group : method->parameter_groups()) {
      methods::OptimiserOptions optimiser = methods::optimiser_options(recipe);
      if (group.name == "ir") optimiser.learning_rate = 0.02;
      EXPECT_EQ(group.optimiser, optimiser) << group.name;
      for (const auto& [name, parameter] : group.parameters) EXPECT_TRUE(name.starts_with(group.name + "_")) << name;
    }
    EXPECT_TRUE(method->row().needs.copies);
  }
}

//! Convolutions, transposed ones too, that a value's gradient goes back through.
std::size_t convolutions_behind(const at::Tensor& value) {
  std::set<torch::autograd::Node*> seen;
  std::vector<torch::autograd::Node*> waiting{value.grad_fn().get()};
  std::size_t count = 0;
  while (!waiting.empty()) {
    torch::autograd::Node* node = waiting.back();
    waiting.pop_back();
    if (node == nullptr || !seen.insert(node).second) continue;
    if (node->name().starts_with("ConvolutionBackward")) ++count;
    for (const torch::autograd::Edge& edge : node->next_edges()) waiting.push_back(edge.function.get());
  }
  return count;
}

TEST(Msifla, each_loss_goes_back_through_the_rows_that_it_is_made_of_alone) {
  constexpr std::size_t kRecovery = 12;  // 10 convolutions and 2 deconvolutions
  constexpr std::size_t kTrunk = 13;     // a stem and four blocks of two, each with a downsampling
  const methods::LaneBatch batch = half_lr_batch();
  for (const bool into_ir : {true, false}) {
    MsiflaOptions options = narrow_msifla();
    options.reid_into_ir = into_ir;
    const auto method = made_up_msifla(options);
    const methods::Activations activations = method->forward(batch);
    // HR rows and their copies; HR rows and LR rows.
    EXPECT_EQ(convolutions_behind(sum_of(terms_of(*method, 0, activations, batch))), 2 * 3 * kRecovery);
    EXPECT_EQ(convolutions_behind(sum_of(terms_of(*method, 1, activations, batch))),
              3 * kTrunk + (into_ir ? 2 * 3 * kRecovery : 0));
  }
  const auto one = made_up_msifla(shared(narrow_msifla()));
  EXPECT_EQ(convolutions_behind(sum_of(terms_of(*one, 1, one->forward(batch), batch))), kTrunk + 2 * 3 * kRecovery);
}

//! Which terms change where `change` makes another batch of it.
std::set<std::string> changed_terms(const MsiflaOptions& options, const methods::LaneBatch& batch,
                                    const std::function<void(methods::LaneBatch&)>& change) {
  methods::LaneBatch other = batch;
  other.hr = batch.hr.clone();
  other.lr = batch.lr.clone();
  for (at::Tensor& copies : other.copies) copies = copies.clone();
  other.labels = batch.labels.clone();
  change(other);
  const auto method = made_up_msifla(options), again = made_up_msifla(options);
  const auto before = all_terms(*method, batch), after = all_terms(*again, other);
  std::set<std::string> changed;
  for (const auto& [name, value] : before)
    if (!value.equal(after.at(name))) changed.insert(name);
  return changed;
}

TEST(Msifla, each_row_enters_the_losses_that_its_images_and_label_allow) {
  using Names = std::set<std::string>;
  const MsiflaOptions options = with(narrow_msifla({2, 1}), [](MsiflaOptions& o) { o.margin = 30; });
  const methods::LaneBatch batch = uneven_msifla_batch();
  const Names recovery{"recovery_scale_2", "recovery_scale_1"};
  const Names reid{"classification_scale_2", "classification_scale_1", "triplet_scale_2", "triplet_scale_1"};
  Names all = recovery;
  all.insert(reid.begin(), reid.end());
  const auto changed = [&](const std::function<void(methods::LaneBatch&)>& change) {
    return changed_terms(options, batch, change);
  };
  const auto none = Names{};
  EXPECT_EQ(changed([](methods::LaneBatch& b) { b.hr[0].mul_(0.5); }), all);
  EXPECT_EQ(changed([](methods::LaneBatch& b) { b.hr[1].mul_(0.5); }), recovery);  // without a label
  EXPECT_EQ(changed([](methods::LaneBatch& b) { b.lr[0].mul_(0.5); }), none);      // an HR row's drawn copy
  EXPECT_EQ(changed([](methods::LaneBatch& b) { b.lr[7].mul_(0.5); }), reid);      // an LR row
  EXPECT_EQ(changed([](methods::LaneBatch& b) { b.lr[6].mul_(0.5); }), none);      // without a label
  EXPECT_EQ(changed([](methods::LaneBatch& b) { b.copies[0][0].mul_(0.5); }),
            recovery);  // rate 2: an input and a target
  // Rates 3 and 4: inputs, no targets, of both scales even so.
  EXPECT_EQ(changed([](methods::LaneBatch& b) { b.copies[2][9].mul_(0.5); }), recovery);
  EXPECT_EQ(changed([](methods::LaneBatch& b) { b.copies[2][7].fill_(0.5); }), none);  // an LR row has no copies
  EXPECT_EQ(changed([](methods::LaneBatch& b) { b.hr[7].fill_(0.5); }), none);
  EXPECT_EQ(changed([](methods::LaneBatch& b) { b.labels[0] = 3; }), reid);
  EXPECT_EQ(changed([](methods::LaneBatch& b) { b.labels[1] = 3; }), none);
  EXPECT_EQ(changed([](methods::LaneBatch& b) { b.labels[6] = 3; }), none);
}

void expect_nothing_to_learn(methods::Method& method, const methods::LaneBatch& batch, std::size_t phase) {
  const methods::Activations activations = method.forward(batch);
  const auto terms = terms_of(method, phase, activations, batch);
  for (const auto& [name, term] : terms) {
    EXPECT_EQ(term.item<double>(), 0.0) << name;
    EXPECT_TRUE(term.requires_grad()) << name;
    EXPECT_EQ(term.scalar_type(), at::kFloat) << name;
  }
  for (const auto& [name, gradient] : gradients_of(method, sum_of(terms)))
    EXPECT_EQ(gradient.count_nonzero().item<std::int64_t>(), 0) << name;
}

void expect_finite(methods::Method& method, const methods::LaneBatch& batch) {
  const at::Tensor sum = sum_of(all_terms(method, batch));
  EXPECT_TRUE(std::isfinite(sum.item<double>()));
  for (const auto& [name, gradient] : gradients_of(method, sum))
    EXPECT_TRUE(at::isfinite(gradient).all().item<bool>()) << name;
}

TEST(Msifla, a_lane_without_hr_rows_or_without_labels_gives_exact_zeros_with_a_graph) {
  for (const MsiflaOptions& options : {narrow_msifla(), shared(narrow_msifla()), without_reid_into_ir(narrow_msifla())})
    for (const bool neck : {false, true}) {
      if (neck && !options.reid_into_ir) continue;
      const auto method = made_up_msifla(options, {.backbone = settings::Trunk::kResnetSmall, .neck = neck});
      methods::LaneBatch batch = worker_tests::made_up_batch(4, 2, 32, 16);
      worker_tests::drop_hr_images(batch, at::zeros({8}, at::kBool));
      expect_nothing_to_learn(*method, batch, 0);
      expect_finite(*method, batch);
      for (methods::LaneBatch unlabelled : {batch, half_lr_batch(2), worker_tests::made_up_batch(4, 2, 32, 16)}) {
        unlabelled.has_label = at::zeros({8}, at::kBool);
        unlabelled.labels.fill_(-1);
        expect_nothing_to_learn(*method, unlabelled, 1);
        expect_finite(*method, unlabelled);
        unlabelled.has_label[5] = true;  // one row alone has no positive
        unlabelled.labels[5] = 2;
        expect_finite(*method, unlabelled);
      }
    }
}

TEST(Msifla, one_scale_is_the_same_to_the_bit_with_a_shared_network) {
  const methods::LaneBatch batch = half_lr_batch();
  const auto made = [](const MsiflaOptions& options) {
    return make_method(worker_tests::small_specification(options), 4);
  };
  for (const char* mining : {"batch-hard", "random"}) {
    MsiflaOptions options = narrow_msifla({1});
    options.mining = tests::AnyWord(mining);
    const auto several = made(options), one = made(shared(options));
    EXPECT_EQ(worker_tests::state_hash(several->module()), worker_tests::state_hash(one->module()));
    const auto terms = all_terms(*several, batch), others = all_terms(*one, batch);
    for (const auto& [name, term] : terms) EXPECT_TRUE(term.equal(others.at(name))) << name;
    const auto gradients = gradients_of(*several, sum_of(terms)), other_gradients = gradients_of(*one, sum_of(others));
    EXPECT_EQ(gradients.size(), several->module().named_parameters().size());
    for (const auto& [name, gradient] : gradients) EXPECT_TRUE(gradient.equal(other_gradients.at(name))) << name;
    EXPECT_EQ(worker_tests::state_hash(several->module()), worker_tests::state_hash(one->module()));
  }
}

// Each of them has the losses and the features of one that stands alone.
TEST(Msifla, networks_of_an_ensemble_with_the_same_weights_are_one_network_several_times) {
  MsiflaOptions options = narrow_msifla({1});
  const auto one = made_up_msifla(options);
  options.reid_ensemble = 3;
  const auto three = made_up_msifla(options);
  const auto several = three->module().named_parameters();
  EXPECT_FALSE(several["reid_1_2.trunk.conv1.weight"].equal(several["reid_1_3.trunk.conv1.weight"]));
  const auto copy = [](const auto& from, auto to) {
    const at::NoGradGuard no_grad;
    for (auto& item : to) {
      std::string name = item.key();
      for (const std::string network : {"reid_1_2.", "reid_1_3."})
        if (name.starts_with(network)) name.replace(0, network.size(), "reid_1.");
      item.value().copy_(from[name]);
    }
  };
  copy(one->module().named_parameters(), several);
  copy(one->module().named_buffers(), three->module().named_buffers());
  const methods::LaneBatch batch = half_lr_batch();
  const auto alone = all_terms(*one, batch), together = all_terms(*three, batch);
  EXPECT_EQ(together.size(), 1 + 3 * (alone.size() - 1));
  for (const char* kind : {"classification_scale_1", "triplet_scale_1"})
    for (const char* network : {"", "_network_2", "_network_3"})
      EXPECT_TRUE(alone.at(kind).equal(together.at(std::string(kind) + network))) << kind << network;
  EXPECT_TRUE(alone.at("recovery_scale_1").equal(together.at("recovery_scale_1")));
  const at::Tensor descriptor = one->embed(batch.hr);
  EXPECT_EQ(three->embedding_size(), 3 * one->embedding_size());
  EXPECT_TRUE(three->embed(batch.hr).equal(at::cat({descriptor, descriptor, descriptor}, 1)));
}

TEST(Msifla, before_the_warm_up_ends_the_reid_networks_stand_still) {
  MsiflaOptions options = narrow_msifla();
  options.ir_warmup_steps = 3;
  const auto method = made_up_msifla(options), from_the_start = made_up_msifla(narrow_msifla());
  const std::string before = worker_tests::state_hash(method->module());
  methods::LaneBatch batch = half_lr_batch();
  for (batch.step = 0; batch.step < 3; ++batch.step) {
    const methods::Activations activations = method->forward(batch);
    EXPECT_EQ(worker_tests::state_hash(method->module()), before) << batch.step;
    for (const auto& [name, term] : terms_of(*method, 0, activations, batch)) EXPECT_GT(term.item<double>(), 0) << name;
    expect_nothing_to_learn(*method, batch, 1);
  }
  const auto terms = all_terms(*method, batch), expected = all_terms(*from_the_start, batch);
  for (const auto& [name, term] : expected) EXPECT_TRUE(term.equal(terms.at(name))) << name;
  EXPECT_EQ(worker_tests::state_hash(method->module()), worker_tests::state_hash(from_the_start->module()));
  EXPECT_NE(worker_tests::state_hash(method->module()), before);
}

// Weights that autocast has narrowed for one lane may serve the next: not those of a pass without a graph.
TEST(Msifla, under_autocast_a_lane_without_hr_rows_takes_nothing_from_the_next) {
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const auto method = made_up_msifla(without_reid_into_ir(narrow_msifla()));
  methods::LaneBatch without = half_lr_batch();
  worker_tests::drop_hr_images(without, at::zeros({16}, at::kBool));
  const methods::Activations first = method->forward(without);
  const methods::LaneBatch batch = half_lr_batch();
  const methods::Activations second = method->forward(batch);
  const auto terms = terms_of(*method, 0, second, batch);
  for (const auto& [name, term] : terms) EXPECT_EQ(term.scalar_type(), at::kFloat) << name;
  const auto gradients = gradients_of(*method, sum_of(terms));
  for (const auto& item : method->module().named_parameters())
    EXPECT_EQ(gradients.contains(item.key()), item.key().starts_with("ir_")) << item.key();
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
}

}  // namespace
}  // namespace resolute::workers::msifla_test
