#include "bench/step_parts.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "bench/multiplications.h"
#include "core/error.h"
#include "workers/ddp/gradient_exchange.h"
#include "workers/methods/ftwa_networks.h"
#include "workers/methods/identity_terms.h"
#include "workers/optimiser.h"

namespace resolute::workers {
namespace {

using core::Json;
using TensorList = std::vector<at::Tensor>;

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

// A part of a step by itself.
struct Part {
  std::string name;
  std::function<void()> run;
  Shortest time;
};

class StepParts {
 public:
  StepParts(Method& method, LaneBatch batch, const experiments::Recipe& recipe);
  // Every part once.
  void run();
  Json times() const;
  double processor_seconds() const;

 private:
  TensorList add(const std::string& name, const TensorList& inputs, bool differentiate_inputs,
                 const std::vector<std::shared_ptr<torch::nn::Module>>& modules,
                 std::function<TensorList(const TensorList&)> forward);
  void add_losses(Method& method, const LaneBatch& batch);
  void add_optimiser(Method& method);

  std::string precision_;
  std::vector<Part> parts_;
};

// Forward on `inputs`, backward from its outputs to the modules' parameters and, if wanted, to the inputs. Returns the
// outputs for the next part to begin with.
TensorList StepParts::add(const std::string& name, const TensorList& inputs, bool differentiate_inputs,
                          const std::vector<std::shared_ptr<torch::nn::Module>>& modules,
                          std::function<TensorList(const TensorList&)> forward) {
  const TensorList from = differentiate_inputs ? leaves_of(inputs) : inputs;
  TensorList leaves = differentiate_inputs ? from : TensorList{};
  for (const auto& module : modules)
    for (const at::Tensor& parameter : module->parameters()) leaves.push_back(parameter);
  const auto pass = [this, forward = std::move(forward), from] {
    return in_precision(precision_, [&] { return forward(from); });
  };
  const TensorList outputs = leaves_of(pass());
  TensorList gradients;
  for (const at::Tensor& output : outputs) gradients.push_back(at::full_like(output.detach(), 1e-3));
  parts_.push_back({name,
                    [pass, leaves, gradients] {
                      torch::autograd::grad(pass(), leaves, gradients);
                      at::autocast::clear_cache();
                    },
                    {}});
  return outputs;
}

StepParts::StepParts(Method& method, LaneBatch batch, const experiments::Recipe& recipe)
    : precision_(recipe.precision) {
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
  add_losses(method, batch);
  add_optimiser(method);
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
                      at::Tensor loss;
                      in_precision(precision_, [&] {
                        for (const LossTerm& term : method.losses(0, {kept}, batch))
                          loss = loss.defined() ? loss + term.value : term.value;
                        return TensorList{};
                      });
                      torch::autograd::grad({loss}, leaves, {}, std::nullopt, false, /*allow_unused=*/true);
                    },
                    {}});
}

void StepParts::add_optimiser(Method& method) {
  const std::vector<ParameterGroup> groups = method.parameter_groups();
  auto exchange = std::make_shared<GradientExchange>(groups, 1, LaneRange{0, 1}, nullptr);
  auto adam = std::make_shared<Adam>(groups.front());
  TensorList gradients;
  for (const auto& [name, parameter] : groups.front().parameters)
    gradients.push_back(at::full_like(parameter.detach(), 1e-3));
  parts_.push_back({"sums, Adam",
                    [exchange, adam, gradients, parameters = groups.front().parameters] {
                      exchange->begin(0);
                      for (std::size_t i = parameters.size(); i-- > 0;) {
                        const at::Tensor& parameter = parameters[i].second;
                        parameter.mutable_grad() = gradients[i];
                        (*torch::autograd::impl::post_acc_grad_hooks(parameter))(parameter);
                      }
                      exchange->end_lane();
                      const SummedGradients summed = exchange->finish();
                      adam->step(summed.gradients, summed.norm, 1);
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
  RepeatedBatch batches(scale, scale.identities, images(measured, scale), measured.lr_images);
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
