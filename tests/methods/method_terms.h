#pragma once
//! \file
//! A method's terms, their gradients and the parts of its module by name.

#include <map>
#include <string>
#include <vector>

#include "methods/networks/method.h"

namespace resolute::workers::worker_tests {

//! A descendant of a method's module by its full name.
template <class Module>
Module& descendant(methods::Method& method, const std::string& name) {
  return dynamic_cast<Module&>(*method.module().named_modules()[name]);
}

//! Terms of a phase by name, each with its graph.
inline std::map<std::string, at::Tensor> terms_of(methods::Method& method, std::size_t phase,
                                                  const methods::Activations& activations,
                                                  const methods::LaneBatch& batch) {
  std::map<std::string, at::Tensor> terms;
  for (const methods::LossTerm& term : method.losses(phase, activations, batch)) terms[term.name] = term.value;
  return terms;
}

inline at::Tensor sum_of(const std::map<std::string, at::Tensor>& terms) {
  at::Tensor sum = at::zeros({});
  for (const auto& [name, value] : terms) sum = sum + value;
  return sum;
}

//! Of every parameter that `value` reaches.
inline std::map<std::string, at::Tensor> gradients_of(methods::Method& method, const at::Tensor& value) {
  std::vector<std::string> names;
  std::vector<at::Tensor> parameters;
  for (const auto& item : method.module().named_parameters()) {
    names.push_back(item.key());
    parameters.push_back(item.value());
  }
  const auto gradients = torch::autograd::grad({value}, parameters, {}, /*retain_graph=*/true, false, true);
  std::map<std::string, at::Tensor> found;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (gradients[i].defined()) found[names[i]] = gradients[i];
  return found;
}

}  // namespace resolute::workers::worker_tests
