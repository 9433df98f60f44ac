//! The resolution-adaptive method: sub-vectors and their padding, what a step sees of each row, verification, and where
//! gradients go. Its masks: resolution_adaptive_masks_test.cpp; their stages: resolution_adaptive_stages_test.cpp.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "core/error.h"
#include "tests/methods/resolution_adaptive/resolution_adaptive_examples.h"
#include "tests/support/any_word.h"

namespace resolute::workers::resolution_adaptive_test {
namespace {

using experiments::ResolutionAdaptiveOptions;
using namespace worker_tests;

ResolutionAdaptiveOptions with(ResolutionAdaptiveOptions options,
                               const std::function<void(ResolutionAdaptiveOptions&)>& change) {
  change(options);
  return options;
}

//! Of one row after the other, HR images first: how many columns of z are not padding.
std::vector<int> lengths_of(const at::Tensor& z) {
  std::vector<int> lengths;
  for (const at::Tensor& row : z.unbind()) {
    int length = static_cast<int>(row.size(0));
    while (length > 0 && row[length - 1].item<double>() == 0) --length;
    lengths.push_back(length);
  }
  return lengths;
}

TEST(ResolutionAdaptive, an_image_has_the_sub_vectors_of_its_level_and_exact_zeros_behind_them) {
  const methods::LaneBatch batch = mixed_levels_batch();
  for (const char* masks : {"off", "joint"}) {
    const auto method = made_up(narrow_adaptive(masks));
    const at::Tensor z = representation_of(*method, batch);
    EXPECT_EQ(z.scalar_type(), at::kFloat);
    const std::vector<int> of_level{0, 3, 7, 9, 14};
    for (int level = 1; level <= 4; ++level)
      EXPECT_EQ(method->compared_dimensions(level), of_level[static_cast<std::size_t>(level)]);
    EXPECT_EQ(method->embedding_size(), 14);
    EXPECT_EQ(method->tells().level_rates, (std::vector<int>{4, 3, 2, 1}));
    std::vector<int> expected(12, 14);  // HR images
    for (std::size_t row = 0; row < 12; ++row) expected.push_back(of_level[4 - (row + 1) % 4]);
    EXPECT_EQ(lengths_of(z), expected);
  }
}

TEST(ResolutionAdaptive, without_varying_length_every_image_has_all_of_v) {
  const methods::LaneBatch batch = mixed_levels_batch();
  const auto method = made_up(narrow_adaptive("off"));
  const auto whole = made_up(with(narrow_adaptive("off"), [](auto& o) { o.varying_length = false; }));
  for (int level = 1; level <= 4; ++level) EXPECT_EQ(whole->compared_dimensions(level), 14);
  // Masks tell levels apart as well; with neither, every image is treated alike.
  EXPECT_TRUE(whole->tells().level_rates.empty());
  EXPECT_EQ(whole->embedding_size(), 14);
  const auto masked = made_up(with(narrow_adaptive("joint"), [](auto& o) { o.varying_length = false; }));
  EXPECT_EQ(masked->tells().level_rates, (std::vector<int>{4, 3, 2, 1}));
  const at::Tensor z = representation_of(*method, batch), v = representation_of(*whole, batch);
  EXPECT_EQ(lengths_of(v), std::vector<int>(24, 14));
  // What is kept is the same to the bit.
  EXPECT_TRUE(at::where(z.ne(0), v, at::zeros({})).equal(z));
}

TEST(ResolutionAdaptive, a_rate_that_is_no_levels_own_takes_the_nearest) {
  const auto method = made_up(ResolutionAdaptiveOptions{
      .level_rates = {3, 1}, .widths = {4, 3}, .masks = methods::Masks::kOff, .verification_width = 6});
  methods::LaneBatch batch = mixed_levels_batch();  // √3 lies between the rates 1 and 2
  worker_tests::drop_hr_images(batch, at::zeros({12}, at::kBool));
  const std::vector<int> lengths = lengths_of(representation_of(*method, batch));
  for (std::size_t row = 0; row < lengths.size(); ++row) EXPECT_EQ(lengths[row], (row + 1) % 4 == 0 ? 7 : 4) << row;
}

TEST(ResolutionAdaptive, the_classifier_on_the_padded_vector_is_the_sum_of_the_levels_sub_classifiers) {
  const methods::LaneBatch batch = mixed_levels_batch();
  const auto method = made_up(narrow_adaptive());
  const methods::Activations activations = method->forward(batch);
  const at::Tensor z = activations.tensors[0], logits = activations.tensors[1];
  const networks::Linear& classifier = descendant<networks::Linear>(*method, "classifier");
  const std::vector<int> lengths = lengths_of(z);
  for (std::int64_t row = 0; row < z.size(0); ++row) {
    at::Tensor sum = classifier.bias.to(at::kDouble);
    std::int64_t first = 0;
    for (const std::int64_t width : narrow_adaptive().widths) {
      if (first >= lengths[static_cast<std::size_t>(row)]) break;  // levels above the image's have no part in it
      sum = sum + at::mv(classifier.weight.narrow(1, first, width).to(at::kDouble),
                         z[row].narrow(0, first, width).to(at::kDouble));
      first += width;
    }
    EXPECT_TRUE(at::allclose(logits[row].to(at::kDouble), sum, 1e-6, 1e-6)) << row;
  }
}

TEST(ResolutionAdaptive, padding_contributes_no_gradient) {
  for (const bool neck : {false, true})
    for (int level = 1; level <= 4; ++level) {
      SCOPED_TRACE(fmt::format("level {}{}", level, neck ? ", neck" : ""));
      const auto method = made_up(narrow_adaptive(), {.backbone = settings::Trunk::kResnetSmall, .neck = neck});
      const methods::LaneBatch batch = one_level_batch(5 - level);
      const int length = method->compared_dimensions(level);
      const auto terms = terms_of(*method, 0, method->forward(batch), batch);
      for (const auto& [name, term] : terms) {
        const auto gradients = gradients_of(*method, term);
        const at::Tensor weight = gradients.at("embedding.weight"), bias = gradients.at("embedding.bias");
        EXPECT_EQ(weight.slice(0, length).count_nonzero().item<std::int64_t>(), 0) << name;
        EXPECT_EQ(bias.slice(0, length).count_nonzero().item<std::int64_t>(), 0) << name;
        for (std::int64_t row = 0; row < length; ++row)
          EXPECT_GT(weight[row].abs().max().item<double>(), 0) << name << " " << row;
        const char* reader = name == "classification" ? "classifier.weight" : "verification_1.weight";
        EXPECT_EQ(gradients.at(reader).slice(1, length).count_nonzero().item<std::int64_t>(), 0) << name;
        EXPECT_GT(gradients.at(reader).slice(1, 0, length).abs().min().item<double>(), 0) << name;
      }
    }
}

TEST(ResolutionAdaptive, not_even_a_padding_that_is_no_number_reaches_a_loss) {
  for (const bool neck : {false, true}) {
    const auto method = made_up(narrow_adaptive(), {.backbone = settings::Trunk::kResnetSmall, .neck = neck});
    const auto spoilt = made_up(narrow_adaptive(), {.backbone = settings::Trunk::kResnetSmall, .neck = neck});
    {
      const at::NoGradGuard no_grad;
      descendant<networks::Linear>(*spoilt, "embedding")
          .bias.slice(0, 7)
          .fill_(std::numeric_limits<float>::quiet_NaN());
    }
    const methods::LaneBatch batch = one_level_batch(3);  // level 2: 7 columns
    const auto terms = terms_of(*method, 0, method->forward(batch), batch),
               same = terms_of(*spoilt, 0, spoilt->forward(batch), batch);
    for (const auto& [name, term] : terms) EXPECT_TRUE(term.equal(same.at(name))) << name;
    const auto gradients = gradients_of(*method, sum_of(terms)), others = gradients_of(*spoilt, sum_of(same));
    for (const auto& [name, gradient] : gradients) EXPECT_TRUE(gradient.equal(others.at(name))) << name;
  }
}

TEST(ResolutionAdaptive, a_necks_batch_is_of_the_images_that_have_the_sub_vector) {
  const auto method = made_up(narrow_adaptive("off"), {.backbone = settings::Trunk::kResnetSmall, .neck = true});
  const methods::LaneBatch batch = mixed_levels_batch();
  const at::Tensor logits = logits_of(*method, batch), z = representation_of(*method, batch);
  const std::vector<int> lengths = lengths_of(z);
  at::Tensor seen = at::zeros_like(z);
  std::int64_t first = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    const std::int64_t width = narrow_adaptive().widths[k];
    std::vector<std::int64_t> rows;
    for (std::size_t row = 0; row < lengths.size(); ++row)
      if (lengths[row] > first) rows.push_back(static_cast<std::int64_t>(row));
    EXPECT_EQ(rows.size(), 12 + 3 * (4 - k));
    const at::Tensor index = at::tensor(rows, at::kLong), part = z.narrow(1, first, width).index_select(0, index);
    const networks::BatchNorm& neck = descendant<networks::BatchNorm>(*method, fmt::format("neck_{}", k + 1));
    const at::Tensor centred = part - part.mean(0);
    const at::Tensor normalised =
        centred / (centred.square().mean(0) + neck.epsilon()).sqrt() * neck.weight + neck.bias;
    seen.narrow(1, first, width).index_copy_(0, index, normalised);
    first += width;
  }
  EXPECT_TRUE(at::allclose(logits, descendant<networks::Linear>(*method, "classifier").forward(seen), 1e-4, 1e-5));

  // A level without images moves nothing, and what no image has learns nothing.
  const auto fresh = made_up(narrow_adaptive("off"), {.backbone = settings::Trunk::kResnetSmall, .neck = true});
  std::map<std::string, at::Tensor> before;
  for (const auto& item : fresh->module().named_buffers()) before[item.key()] = item.value().clone();
  const methods::LaneBatch low = one_level_batch(3);
  const auto gradients = gradients_of(*fresh, sum_of(terms_of(*fresh, 0, fresh->forward(low), low)));
  for (int k = 1; k <= 4; ++k)
    for (const char* name : {"running_mean", "running_var"}) {
      const std::string key = fmt::format("neck_{}.{}", k, name);
      EXPECT_EQ(fresh->module().named_buffers()[key].equal(before.at(key)), k > 2) << key;
      EXPECT_EQ(gradients.at(fmt::format("neck_{}.weight", k)).count_nonzero().item<std::int64_t>() == 0, k > 2) << k;
    }
}

TEST(ResolutionAdaptive, each_row_stands_in_a_step_with_the_images_that_it_has) {
  methods::LaneBatch batch = mixed_levels_batch(2);
  batch.has_label = at::tensor(std::vector<std::int64_t>{1, 1, 1, 0, 1, 1, 0, 1}, at::kLong).to(at::kBool);
  worker_tests::drop_hr_images(batch,
                               at::tensor(std::vector<std::int64_t>{1, 0, 1, 1, 0, 1, 0, 1}, at::kLong).to(at::kBool));
  const auto method = made_up(narrow_adaptive("off"));
  EXPECT_EQ(lengths_of(representation_of(*method, batch)),
            (std::vector<int>{14, 14, 14, 14, 9, 7, 3, 9, 7, 14}));  // HR 0 2 5 7; LR 0 1 2 4 5 7
  const auto changed = [&](const std::function<void(methods::LaneBatch&)>& change) {
    methods::LaneBatch other = batch;
    other.hr = batch.hr.clone();
    other.lr = batch.lr.clone();
    change(other);
    const auto one = made_up(narrow_adaptive()), two = made_up(narrow_adaptive());
    return !sum_of(terms_of(*one, 0, one->forward(batch), batch))
                .equal(sum_of(terms_of(*two, 0, two->forward(other), other)));
  };
  EXPECT_TRUE(changed([](methods::LaneBatch& b) { b.hr[0].mul_(0.5); }));
  EXPECT_TRUE(changed([](methods::LaneBatch& b) { b.lr[0].mul_(0.5); }));
  EXPECT_FALSE(changed([](methods::LaneBatch& b) { b.hr[1].fill_(0.5); }));  // has none
  EXPECT_TRUE(changed([](methods::LaneBatch& b) { b.lr[1].mul_(0.5); }));
  EXPECT_FALSE(changed([](methods::LaneBatch& b) { b.hr[3].mul_(0.5); }));  // without a label
  EXPECT_FALSE(changed([](methods::LaneBatch& b) { b.lr[3].mul_(0.5); }));
  EXPECT_TRUE(changed(
      [](methods::LaneBatch& b) { b.lr_rates = b.lr_rates.clone().index_fill(0, at::zeros({1}, at::kLong), 4); }));
}

TEST(ResolutionAdaptive, separate_streams_keep_batch_norms_apart_and_joint_ones_do_not) {
  const methods::LaneBatch both = mixed_levels_batch();
  methods::LaneBatch low = mixed_levels_batch();
  worker_tests::drop_hr_images(low, at::zeros({12}, at::kBool));
  for (const char* streams : {"joint", "separate"}) {
    const experiments::NetworkSettings network{
        .backbone = settings::Trunk::kResnetSmall, .neck = true, .bn_streams = tests::AnyWord(streams)};
    const auto method = made_up(narrow_adaptive(), network);
    const methods::Activations of_both = method->forward(both), of_low = method->forward(low);
    for (std::size_t slot = 0; slot < 2; ++slot)
      EXPECT_EQ(of_both.tensors[slot].narrow(0, 12, 12).equal(of_low.tensors[slot]),
                std::string(streams) == "separate");
  }
}

TEST(ResolutionAdaptive, each_loss_reaches_what_it_is_made_of) {
  const auto method = made_up(narrow_adaptive(), {.backbone = settings::Trunk::kResnetSmall, .neck = true});
  const methods::LaneBatch batch = mixed_levels_batch();
  const auto terms = terms_of(*method, 0, method->forward(batch), batch);
  ASSERT_EQ(terms.size(), 2U);
  for (const auto& [name, term] : terms) {
    const auto gradients = gradients_of(*method, term);
    for (const auto& item : method->module().named_parameters()) {
      const std::string& key = item.key();
      const bool of_classifier = key.starts_with("classifier") || key.starts_with("neck");
      const bool reached =
          key.starts_with("verification") ? name == "verification" : !of_classifier || name == "classification";
      EXPECT_EQ(gradients.contains(key), reached) << name << ", " << key;
      // A bias whose place a batch norm or a difference takes has a gradient of 0, to rounding at most.
      if (reached && !key.ends_with("bias")) {
        EXPECT_GT(gradients.at(key).abs().max().item<double>(), 0) << name << ", " << key;
      }
    }
  }
}

}  // namespace
}  // namespace resolute::workers::resolution_adaptive_test
