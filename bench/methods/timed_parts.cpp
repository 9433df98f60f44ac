#include "bench/methods/timed_parts.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <numeric>
#include <optional>
#include <utility>

#include "workers/ddp/gradient_exchange.h"
#include "workers/nn/backbone.h"
#include "workers/nn/layers.h"
#include "workers/training/optimiser.h"

namespace resolute::workers {
namespace {

using core::Json;

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

}  // namespace

// Forward on `inputs`, then a backward pass for each of `passes`, from the outputs that it names (none given: one, from
// all) to the modules' parameters and, if wanted, to the inputs. Returns the outputs for the next part to begin with.
TensorList TimedParts::add(const std::string& name, const TensorList& inputs, bool differentiate_inputs,
                           const std::vector<std::shared_ptr<torch::nn::Module>>& modules,
                           std::function<TensorList(const TensorList&)> forward, Passes passes) {
  const TensorList from = differentiate_inputs ? leaves_of(inputs) : inputs;
  TensorList leaves = differentiate_inputs ? from : TensorList{};
  for (const auto& module : modules)
    for (const at::Tensor& parameter : module->parameters()) leaves.push_back(parameter);
  const auto run = [this, forward = std::move(forward), from] {
    return in_precision(precision_, [&] { return forward(from); });
  };
  TensorList outputs = leaves_of(run());
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

TimedParts::TimedParts(Method& method, const LaneBatch& batch, const experiments::Recipe& recipe)
    : precision_(settings::word(recipe.precision)) {
  if (child<ShallowTrunk>(method, "lr_encoder"))
    add_ftwa(method, batch);
  else if (child<Backbone>(method, "trunk"))
    add_resolution_adaptive(method, batch);
  else
    add_msifla(method, batch);
  add_losses(method, batch);
  add_optimiser(method, batch.step);
}

// Of what forward() keeps for them; some have layers of their own.
void TimedParts::add_losses(Method& method, const LaneBatch& batch) {
  TensorList kept;
  in_precision(precision_, [&] { return kept = method.forward(batch).tensors; });
  TensorList leaves;
  for (at::Tensor& tensor : kept) {
    if (!tensor.defined()) continue;
    tensor = tensor.detach().clone(at::MemoryFormat::Preserve).requires_grad_();
    leaves.push_back(tensor);
  }
  for (const char* name : {"verification_1", "verification_2"})
    if (const auto layer = child<Linear>(method, name))
      for (const at::Tensor& parameter : layer->parameters()) leaves.push_back(parameter);
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

// As the Trainer: each phase's sums, then the step of every group that moves with what its phases gave it.
void TimedParts::add_optimiser(Method& method, std::uint64_t step) {
  const std::vector<ParameterGroup> groups = method.parameter_groups();
  std::vector<std::vector<std::size_t>> reached;  // of each phase, by group
  for (const Phase& phase : method.phases()) {
    std::vector<std::size_t>& of_phase = reached.emplace_back();
    for (const std::string& name : phase.groups)
      for (std::size_t i = 0; i < groups.size(); ++i)
        if (groups[i].name == name && groups[i].moves_in(step)) of_phase.push_back(i);
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
                        if (sums[i]) (*optimisers)[i].step(sums[i]->gradients, sums[i]->norm, 1);
                    },
                    {}});
}

void TimedParts::run() {
  for (Part& part : parts_) {
    const Moment begun;
    part.run();
    part.time.add(begun, Moment());
  }
}

Json TimedParts::times() const {
  Json times = Json::array();
  for (const Part& part : parts_)
    times.push_back(
        {{"part", part.name}, {"seconds", part.time.seconds}, {"processor_seconds", part.time.processor_seconds}});
  return times;
}

double TimedParts::processor_seconds() const {
  double sum = 0;
  for (const Part& part : parts_) sum += part.time.processor_seconds;
  return sum;
}

}  // namespace resolute::workers
