#pragma once
//! \file
//! The row of a method: all that the rest of the program knows of it. Suites, checks, metrics, the trainer, the
//! evaluator and the benchmarks read the row; none of them knows a method by its type. Each method's row stands in the
//! method's folder.

#include <string>
#include <vector>

#include "methods/options.h"
#include "methods/tells.h"
#include "settings/split.h"
#include "settings/training.h"

namespace resolute::methods {

//! The HR originals that a method aims at of rows which stand in a batch as LR images alone.
enum class Originals {
  kNone,
  kOfPool,  //!< those of the training pool mlr-with-originals
  kAll,     //!< wherever there are any: also of images that have an HR image (train.lr_images)
};

//! A method's needs of a training's batches.
struct Needs {
  bool lr = true;       //!< uses the LR images of rows; if false, they are not loaded
  bool copies = false;  //!< uses an LR copy of every HR image at each of train.train_rates
  bool streams = true;  //!< HR and LR rows pass the network apart, so network.bn_streams matters
  bool labels = true;   //!< some of its parameters learn from labelled rows alone
  Originals originals = Originals::kNone;
  bool operator==(const Needs&) const = default;
};

//! Parameters that are stepped together, as a row's `freeze` names them.
struct Group {
  std::string name;
  bool opponent = false;  //!< it plays against the others, and learns by Adam whatever train.optimiser says
  bool operator==(const Group&) const = default;
};

struct Cost;
struct WorkCase;

struct Row {
  Needs needs{};
  Tells tells{};
  //! The work in passes of the trunk (work.h); null: each image passes the trunk.
  Cost (*cost)(const MethodOptions& options, const WorkCase& asked) = nullptr;
  //! Trunks of their own that its networks have: one can be given to others.
  int trunks = 1;
  //! All parameters that learn, in the order of Method::parameter_groups().
  std::vector<Group> groups{{"networks"}};
  bool operator==(const Row&) const = default;
};

Row row(const MethodOptions& options);

//! The options that are unlike the method's paper (settings::Described::deviation), each as "ftwa.mining = \"random\"
//! (paper: …)". \param options what nothing reads at its default
std::vector<std::string> deviations(const MethodOptions& options);

//! The name in suites: "resolution_adaptive".
std::string method_name(const MethodOptions& options);
//! Every method with its default options, in alphabetical order of names.
const std::vector<MethodOptions>& all_methods();
//! Their names.
const std::vector<std::string>& method_names();
//! "baseline, ftwa, …"
const std::string& method_list();

//! True if batches hold those originals.
bool reads_originals(const Needs& needs, settings::TrainPool pool);

//! The rates at which a batch has copies of every HR image.
std::vector<int> copy_rates(const Needs& needs, const settings::Recipe& recipe);

}  // namespace resolute::methods
