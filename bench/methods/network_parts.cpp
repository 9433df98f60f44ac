// Of each method the parts that are networks.

#include <utility>

#include "bench/methods/timed_parts.h"
#include "core/error.h"
#include "methods/ftwa/networks.h"
#include "methods/levels.h"
#include "methods/msifla/networks.h"
#include "methods/resolution_adaptive/networks.h"
#include "workers/methods/identity_terms.h"

namespace resolute::workers {

void TimedParts::add_ftwa(Method& method, const LaneBatch& batch) {
  const auto trunk = child<Backbone>(method, "trunk");
  const auto lr_encoder = child<ShallowTrunk>(method, "lr_encoder");
  const auto transformation = child<FeatureTransformation>(method, "transformation");
  const auto classifier_hr = child<IdentityClassifier>(method, "classifier_hr");
  const auto classifier_lr = child<IdentityClassifier>(method, "classifier_lr");
  const auto weight_hr = child<QualityEvaluator>(method, "weight_hr"),
             weight_lr = child<QualityEvaluator>(method, "weight_lr");
  RESOLUTE_EXPECT(trunk && lr_encoder && transformation && classifier_hr && classifier_lr && weight_hr && weight_lr,
                  "the whole of FTWA is measured");
  const Rows hr_rows = rows_where(batch.has_hr), lr_rows = rows_where(batch.has_hr.logical_not());
  const at::Tensor hr = select_rows(batch.hr, hr_rows);
  const at::Tensor low = at::cat({select_rows(batch.lr, hr_rows), select_rows(batch.lr, lr_rows)});
  const std::int64_t copies = hr.size(0), lr = low.size(0) - copies;

  std::vector<std::shared_ptr<torch::nn::Module>> shallow{trunk->stem().convolution, trunk->stem().norm}, deep;
  for (std::size_t block = 0; block < trunk->blocks().size(); ++block)
    (block < lr_encoder->blocks().size() ? shallow : deep).push_back(trunk->blocks()[block]);
  if (trunk->head()) deep.insert(deep.end(), {trunk->head()->convolution, trunk->head()->norm});
  const at::Tensor high_f2 = add("E_H", {hr}, false, shallow,
                                 [=](const TensorList& x) { return TensorList{trunk->forward_shallow(x[0])[1]}; })[0];
  const at::Tensor low_f2 = add("E_L", {low}, false, {lr_encoder}, [=](const TensorList& x) {
    return TensorList{lr_encoder->forward_shallow(x[0])[1]};
  })[0];
  const at::Tensor both_f2 = at::cat({high_f2, low_f2}).detach();
  const at::Tensor all = add("E_ID", {both_f2}, true, deep,
                             [=](const TensorList& x) { return TensorList{trunk->forward_deep(x[0]).back()}; })[0];
  const at::Tensor low_f5 = all.detach().narrow(0, copies, copies + lr).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor transformed = add("T", {low_f5}, true, {transformation},
                                     [=](const TensorList& x) { return TensorList{transformation->forward(x[0])}; })[0];
  const at::Tensor of_lr = transformed.detach().narrow(0, copies, lr).contiguous(at::MemoryFormat::ChannelsLast);
  const TensorList v = add("GAP", {all, of_lr}, true, {}, [](const TensorList& x) {
    return TensorList{pooled(x[0]), pooled(x[1])};
  });
  const TensorList vectors{at::cat({v[0].narrow(0, 0, copies), v[1]}).detach(),
                           v[0].narrow(0, copies, copies + lr).detach()};
  add("C, W", vectors, true, {classifier_hr, classifier_lr, weight_hr, weight_lr}, [=](const TensorList& x) {
    return TensorList{classifier_hr->forward(x[0]), classifier_lr->forward(x[1]), weight_hr->forward(x[0]),
                      weight_lr->forward(x[1])};
  });
}

// Of scales each with its own re-ID network, whose gradient reaches the cascade: an IR network's two backward passes
// are from the HR images and the copies (L_IR), and from the HR and the LR images (L_ReID).
void TimedParts::add_msifla(Method& method, const LaneBatch& batch) {
  const Rows hr_rows = rows_where(batch.has_hr), lr_rows = rows_where(batch.has_hr.logical_not());
  TensorList copies;
  for (const at::Tensor& images : batch.copies) copies.push_back(select_rows(images, hr_rows));
  TensorList images{select_rows(batch.hr, hr_rows), at::cat(copies), select_rows(batch.lr, lr_rows)};
  bool first = true;
  std::vector<std::pair<std::string, TensorList>> recovered;  // scale, images of the re-ID network
  for (const auto& item : method.module().named_children()) {
    const auto network = std::dynamic_pointer_cast<ImageRecoveryNetwork>(item.value());
    if (!network) continue;
    images = add(item.key(), images, !first, {network},
                 [=](const TensorList& x) {
                   return TensorList{network->forward(x[0]), network->forward(x[1]), network->forward(x[2])};
                 },
                 {{0, 1}, {0, 2}});
    first = false;
    recovered.emplace_back("reid" + item.key().substr(2), TensorList{at::cat({images[0], images[2]}).detach()});
  }
  for (const auto& [name, shown] : recovered) {
    const auto network = child<PartNetwork>(method, name);
    RESOLUTE_EXPECT(network, "every scale has a re-ID network");
    add(name, shown, true, {network}, [=](const TensorList& x) {
      TensorList outputs = network->parts(x[0]);
      for (const at::Tensor& logits : network->logits(outputs)) outputs.push_back(logits);
      return outputs;
    });
  }
}

// Masks apart from the trunk, whose maps they only scale: each on the map that it is given in a step. The MLP of the
// verification is a part of its loss.
void TimedParts::add_resolution_adaptive(Method& method, const LaneBatch& batch) {
  const auto trunk = child<Backbone>(method, "trunk");
  const auto masks = child<ResolutionMasks>(method, "masks");
  const auto embedding = child<Linear>(method, "embedding"), classifier = child<Linear>(method, "classifier");
  RESOLUTE_EXPECT(trunk && masks && embedding && classifier, "the whole of the method is measured");
  const std::vector<int> rates = method.tells().level_rates;
  const auto highest = static_cast<std::int64_t>(rates.size());
  at::Tensor levels = at::full({batch.hr.size(0) + batch.lr.size(0)}, highest, at::kLong);
  for (std::int64_t i = 0; i < batch.lr.size(0); ++i)
    levels[batch.hr.size(0) + i] = methods::level_of_rate(rates, batch.lr_rates[i].item<int>());
  at::Tensor lengths = at::empty_like(levels);
  for (int level = 1; level <= highest; ++level)
    lengths.masked_fill_(levels.eq(level), method.compared_dimensions(level));

  const at::Tensor images = at::cat({batch.hr, batch.lr});
  const at::Tensor f5 = add("trunk", {images}, false, {trunk},
                            [=](const TensorList& x) { return TensorList{trunk->forward(x[0]).back()}; })[0];
  TensorList maps;
  in_precision(precision_, [&] {
    const at::NoGradGuard no_grad;
    trunk->forward(images, [&](std::size_t, const at::Tensor& map) { return maps.emplace_back(map); });
    return TensorList{};
  });
  // In the last stage all masks act, and that of the first block learns.
  const bool progressive = method.module().named_buffers(/*recurse=*/false).contains("stage");
  const ActingMasks acting{0, progressive ? 1 : masks->size()};
  const at::Tensor one_hot = one_hot_levels(levels, highest, embedding->weight);
  add("masks", maps, true, {masks}, [=](const TensorList& x) {
    const AfterBlock after = masks->after_block(one_hot, acting);
    TensorList scaled;
    for (std::size_t block = 0; block < x.size(); ++block) scaled.push_back(after(block, x[block]));
    return scaled;
  });
  const at::Tensor z = add("embedding", {f5}, true, {embedding}, [=](const TensorList& x) {
    return TensorList{zero_padded(embedding->forward(pooled(x[0])).to(at::kFloat), lengths)};
  })[0];

  std::vector<std::shared_ptr<torch::nn::Module>> heads{classifier};
  std::vector<std::shared_ptr<BatchNorm>> necks;
  std::vector<Rows> having;  // of each sub-vector
  std::vector<std::int64_t> widths;
  for (int level = 1; level <= highest; ++level) {
    const auto neck = child<BatchNorm>(method, "neck_" + std::to_string(level));
    if (!neck) break;
    heads.push_back(neck);
    necks.push_back(neck);
    having.push_back(rows_where(levels.ge(level)));
    widths.push_back(method.compared_dimensions(level) - (level > 1 ? method.compared_dimensions(level - 1) : 0));
  }
  add("classifier", {z}, true, heads, [=](const TensorList& x) {
    if (necks.empty()) return TensorList{classifier->forward(x[0])};
    TensorList parts = x[0].split_with_sizes(widths, 1);
    for (std::size_t k = 0; k < parts.size(); ++k) {
      const at::Tensor normalised = necks[k]->forward(select_rows(parts[k], having[k]));
      parts[k] = having[k] ? at::zeros_like(parts[k]).index_copy(0, *having[k], normalised) : normalised;
    }
    return TensorList{classifier->forward(at::cat(parts, 1))};
  });
}

}  // namespace resolute::workers
