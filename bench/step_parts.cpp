#include "bench/step_parts.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "bench/multiplications.h"
#include "core/error.h"
#include "workers/ddp/gradient_exchange.h"
#include "workers/methods/ftwa_networks.h"
#include "workers/methods/identity_terms.h"
#include "workers/methods/msifla_networks.h"
#include "workers/optimiser.h"

namespace resolute::workers {
namespace {

using core::Json;
using TensorList = std::vector<at::Tensor>;
using Passes = std::vector<std::vector<std::size_t>>;  // outputs by index

template <class Module>
std::shared_ptr<Module> child(Method& method, const std::string& name) {
  const auto children = method.module().named_children();
  return children.contains(name) ? std::dynamic_pointer_cast<Module>(children[name]) : nullptr;
}

// As the Trainer's forward passes: bfloat16 in matrix products and convolutions, weights cast anew in every step.
template <class Run>
TensorList in_precision(const std::string& precision, const Run& run) {
  const bool narrow = precision == "bf16";
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, narrow);
  TensorList outputs = run();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  return outputs;
}

TensorList leaves_of(const TensorList& tensors) {
  TensorList leaves;
  for (const at::Tensor& tensor : tensors) leaves.push_back(tensor.detach().requires_grad_());
  return leaves;
}

// Gradients as a backward pass gives them: from the last parameter to the first.
void arrive(const ParameterGroup& group, const TensorList& gradients) {
  for (std::size_t i = group.parameters.size(); i-- > 0;) {
    const at::Tensor& parameter = group.parameters[i].second;
    parameter.mutable_grad() = gradients[i];
    (*torch::autograd::impl::post_acc_grad_hooks(parameter))(parameter);
  }
}

void gather(SummedGradients phase, std::optional<SummedGradients>& sum) {
  if (!sum) {
    sum = std::move(phase);
    return;
  }
  for (std::size_t i = 0; i < phase.gradients.size(); ++i) sum->gradients[i] = sum->gradients[i] + phase.gradients[i];
  sum->norm = gradient_norm(sum->gradients);
}

// A part of a step by itself.
struct Part {
  std::string name;
  std::function<void()> run;
  Shortest time;
};

class StepParts {
 public:
  StepParts(Method& method, const LaneBatch& batch, const experiments::Recipe& recipe);
  // Every part once.
  void run();
  Json times() const;
  double processor_seconds() const;

 private:
  TensorList add(const std::string& name, const TensorList& inputs, bool differentiate_inputs,
                 const std::vector<std::shared_ptr<torch::nn::Module>>& modules,
                 std::function<TensorList(const TensorList&)> forward, Passes passes = {});
  void add_ftwa(Method& method, const LaneBatch& batch);
  void add_msifla(Method& method, const LaneBatch& batch);
  void add_losses(Method& method, const LaneBatch& batch);
  void add_optimiser(Method& method);

  std::string precision_;
  std::vector<Part> parts_;
};

// Forward on `inputs`, then a backward pass for each of `passes`, from the outputs that it names (none given: one, from
// all) to the modules' parameters and, if wanted, to the inputs. Returns the outputs for the next part to begin with.
TensorList StepParts::add(const std::string& name, const TensorList& inputs, bool differentiate_inputs,
                          const std::vector<std::shared_ptr<torch::nn::Module>>& modules,
                          std::function<TensorList(const TensorList&)> forward, Passes passes) {
  const TensorList from = differentiate_inputs ? leaves_of(inputs) : inputs;
  TensorList leaves = differentiate_inputs ? from : TensorList{};
  for (const auto& module : modules)
    for (const at::Tensor& parameter : module->parameters()) leaves.push_back(parameter);
  const auto run = [this, forward = std::move(forward), from] {
    return in_precision(precision_, [&] { return forward(from); });
  };
  const TensorList outputs = leaves_of(run());
  TensorList gradients;
  for (const at::Tensor& output : outputs) gradients.push_back(at::full_like(output.detach(), 1e-3));
  if (passes.empty()) {
    passes.emplace_back(outputs.size());
    std::iota(passes.front().begin(), passes.front().end(), std::size_t{0});
  }
  parts_.push_back({name,
                    [run, leaves, gradients, passes = std::move(passes)] {
                      const TensorList made = run();
                      for (const std::vector<std::size_t>& pass : passes) {
                        TensorList ends, of_ends;
                        for (std::size_t i : pass) {
                          ends.push_back(made[i]);
                          of_ends.push_back(gradients[i]);
                        }
                        torch::autograd::grad(ends, leaves, of_ends, /*retain_graph=*/&pass != &passes.back(),
                                              /*create_graph=*/false, /*allow_unused=*/true);
                      }
                      at::autocast::clear_cache();
                    },
                    {}});
  return outputs;
}

StepParts::StepParts(Method& method, const LaneBatch& batch, const experiments::Recipe& recipe)
    : precision_(recipe.precision) {
  if (child<Backbone>(method, "trunk"))
    add_ftwa(method, batch);
  else
    add_msifla(method, batch);
  add_losses(method, batch);
  add_optimiser(method);
}

void StepParts::add_ftwa(Method& method, const LaneBatch& batch) {
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

  // Children of a trunk by what they are of.
  std::vector<std::shared_ptr<torch::nn::Module>> shallow, deep;
  for (const auto& item : trunk->named_children())
    (item.key() == "conv1" || item.key() == "bn1" || item.key() == "layer1" ? shallow : deep).push_back(item.value());
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
void StepParts::add_msifla(Method& method, const LaneBatch& batch) {
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

// Of what forward() keeps for them.
void StepParts::add_losses(Method& method, const LaneBatch& batch) {
  TensorList kept;
  in_precision(precision_, [&] { return kept = method.forward(batch).tensors; });
  TensorList leaves;
  for (at::Tensor& tensor : kept) {
    if (!tensor.defined()) continue;
    tensor = tensor.detach().clone(at::MemoryFormat::Preserve).requires_grad_();
    leaves.push_back(tensor);
  }
  parts_.push_back({"losses",
                    [this, &method, batch, kept, leaves] {
                      for (std::size_t phase = 0; phase < method.phases().size(); ++phase) {
                        at::Tensor loss;
                        in_precision(precision_, [&] {
                          for (const LossTerm& term : method.losses(phase, {kept}, batch))
                            loss = loss.defined() ? loss + term.value : term.value;
                          return TensorList{};
                        });
                        torch::autograd::grad({loss}, leaves, {}, std::nullopt, false, /*allow_unused=*/true);
                      }
                    },
                    {}});
}

// As the Trainer: each phase's sums, then every group's step with what its phases gave it.
void StepParts::add_optimiser(Method& method) {
  const std::vector<ParameterGroup> groups = method.parameter_groups();
  std::vector<std::vector<std::size_t>> reached;  // of each phase, by group
  for (const Phase& phase : method.phases()) {
    std::vector<std::size_t>& of_phase = reached.emplace_back();
    for (const std::string& name : phase.groups)
      for (std::size_t i = 0; i < groups.size(); ++i)
        if (groups[i].name == name) of_phase.push_back(i);
  }
  auto exchange = std::make_shared<GradientExchange>(groups, 1, LaneRange{0, 1}, nullptr);
  auto optimisers = std::make_shared<std::vector<Adam>>();
  std::vector<TensorList> gradients(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    optimisers->emplace_back(groups[i]);
    for (const auto& [name, parameter] : groups[i].parameters)
      gradients[i].push_back(at::full_like(parameter.detach(), 1e-3));
  }
  parts_.push_back({"sums, Adam",
                    [exchange, optimisers, groups, gradients, reached] {
                      const at::NoGradGuard no_grad;
                      std::vector<std::optional<SummedGradients>> sums(groups.size());
                      for (const std::vector<std::size_t>& of_phase : reached) {
                        exchange->begin(of_phase);
                        for (std::size_t group : of_phase) arrive(groups[group], gradients[group]);
                        exchange->end_lane();
                        std::vector<SummedGradients> summed = exchange->finish();
                        for (std::size_t i = 0; i < of_phase.size(); ++i)
                          gather(std::move(summed[i]), sums[of_phase[i]]);
                      }
                      for (std::size_t i = 0; i < groups.size(); ++i)
                        (*optimisers)[i].step(sums[i]->gradients, sums[i]->norm, 1);
                    },
                    {}});
}

void StepParts::run() {
  for (Part& part : parts_) {
    const Moment begun;
    part.run();
    part.time.add(begun, Moment());
  }
}

Json StepParts::times() const {
  Json times = Json::array();
  for (const Part& part : parts_)
    times.push_back(
        {{"part", part.name}, {"seconds", part.time.seconds}, {"processor_seconds", part.time.processor_seconds}});
  return times;
}

double StepParts::processor_seconds() const {
  double sum = 0;
  for (const Part& part : parts_) sum += part.time.processor_seconds;
  return sum;
}

// Runs the parts when a step asks for its batch; what is left of the step after that is the step.
class PartsBeforeSteps final : public BatchSource {
 public:
  PartsBeforeSteps(RepeatedBatch& batches, StepParts& parts) : batches_(batches), parts_(parts) {}
  std::vector<std::int64_t> lane_rows(std::uint64_t step) override {
    end_step();
    if (step > 0) parts_.run();
    return batches_.lane_rows(step);
  }
  LaneBatch batch(std::uint64_t step, int lane) override { return batches_.batch(step, lane); }
  void end_step() {
    // The first step makes what the others find.
    if (batches_.begun.size() > 1) time.add(batches_.begun.back(), Moment());
  }

  Shortest time;

 private:
  RepeatedBatch& batches_;
  StepParts& parts_;
};

}  // namespace

Json step_parts(const Case& measured, const Scale& scale, const std::string& precision, int turns) {
  experiments::Recipe recipe;
  recipe.steps = 1 + turns;
  recipe.precision = precision;
  // Parts have networks of their own: those of the step carry the Trainer's hooks.
  const std::unique_ptr<Method> whole = make(measured, scale, recipe), apart = make(measured, scale, recipe);
  RepeatedBatch batches(scale, scale.identities, images(measured, scale), measured.lr_images,
                        whole->copy_rates().size());
  StepParts parts(*apart, batches.batch(0, 0), recipe);
  batches.begun.clear();
  PartsBeforeSteps source(batches, parts);
  train(*whole, source, recipe);
  source.end_step();
  return {{"parts", parts.times()},
          {"step", {{"seconds", source.time.seconds}, {"processor_seconds", source.time.processor_seconds}}},
          {"ratio", source.time.processor_seconds / parts.processor_seconds()}};
}

std::int64_t multiply_adds_of_transformation(Method& method, const at::Tensor& image) {
  const auto transformation = child<FeatureTransformation>(method, "transformation");
  if (!transformation) return 0;
  const at::NoGradGuard no_grad;
  const at::Tensor map = child<Backbone>(method, "trunk")->forward(image).back();
  const MultiplicationCount count;
  transformation->forward(map);
  return count.value();
}

}  // namespace resolute::workers
