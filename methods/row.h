#pragma once
//! \file
//! The row of a method: all that is told of it elsewhere. Suites, checks, metrics, the trainer, the evaluator and the
//! benchmarks read it; none of them knows a method by its type. Each method's row stands in its folder.

#include <string>
#include <vector>

#include "methods/options.h"
#include "methods/tells.h"
#include "settings/training.h"

namespace resolute::methods {

//! What it asks of a training's batches.
struct Needs {
  bool lr = true;       //!< looks at the LR images of rows; otherwise they need not be loaded
  bool copies = false;  //!< looks at a copy of every HR image at each of train.train_rates
  bool streams = true;  //!< HR and LR rows pass apart, so network.bn_streams makes a difference
  bool operator==(const Needs&) const = default;
};

struct Work;
struct WorkCase;

//! How its operations are counted: while they run (bench/methods/method_cases.h), or without a run (work.h).
struct Cost {
  bool copies_pass_trunk = true;  //!< of a pair, the HR row's copy passes the trunk beside its rows
  int identities = 1;             //!< that a step needs for each of its losses to be there
  //! Counted from the layers' sizes; null: the trunk and a classifier on each image.
  Work (*work)(const MethodOptions& options, const WorkCase& of) = nullptr;
  bool operator==(const Cost&) const = default;
};

struct Row {
  Needs needs{};
  Tells tells{};
  Cost cost{};
  bool operator==(const Row&) const = default;
};

Row row(const MethodOptions& options);

//! As suites name it: "resolution_adaptive".
std::string method_name(const MethodOptions& options);
//! Every method with its default options, in alphabetical order of names.
const std::vector<MethodOptions>& all_methods();
//! Their names.
const std::vector<std::string>& method_names();
//! "baseline, ftwa, …"
const std::string& method_list();

//! The rates at which a batch has copies of every HR image.
std::vector<int> copy_rates(const Needs& needs, const settings::Recipe& recipe);

}  // namespace resolute::methods
