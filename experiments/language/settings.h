#pragma once
//! \file
//! The settings a row is made of: every key that [defaults], a profile, --set, a data set or a row may give, in layers.

#include <map>
#include <string>
#include <vector>

#include "experiments/language/toml_document.h"
#include "experiments/specification/python_method.h"
#include "experiments/specification/specification.h"
#include "settings/epochs.h"

namespace resolute::experiments {

//! The most trials that a row may have.
inline constexpr int kMostTrials = 1000;

//! The structs that keys fill in, from the defaults of each.
struct Draft {
  std::string method;
  int trials = 1;
  int lanes = 1;
  int ranks = 1;
  bool keep_state = false;
  Device device = Device::kCpu;
  std::string weights = "none";
  NetworkSettings network;
  Recipe recipe;
  settings::EpochSettings epochs;  //!< of what `recipe` leaves open
  SplitSettings split;
  EvaluationProtocol protocol;
  methods::Sections sections;  //!< of all methods
  PackSettings pack;           //!< rates, kernel, height, width and shards only

  //! The section of one method.
  template <class Options>
  methods::Section<Options>& section() {
    return std::get<methods::Section<Options>>(sections);
  }
  template <class Options>
  const methods::Section<Options>& section() const {
    return std::get<methods::Section<Options>>(sections);
  }

  //! The keys without a section.
  static void members(auto&& visit) {
    using settings::member;
    visit(member("method", &Draft::method, methods::method_list()));
    visit(member("trials", &Draft::trials, settings::between(1, kMostTrials),
                 "trials of each row on each data set; trial t, from 0, has seed t"));
    visit(member("lanes", &Draft::lanes, settings::between(1, kMostLanes),
                 "L: parts that a batch is cut into by identity; part of the experiment"));
    visit(member("ranks", &Draft::ranks, settings::between(1, kMostLanes),
                 "W: processes that train one job; must divide lanes; changes no result"));
    visit(member("keep_state", &Draft::keep_state,
                 "a finished training keeps its last state: the same training with more steps goes on from it. Changes "
                 "no result"));
    visit(member("device", &Draft::device, "what trainings run on"));
    visit(member("weights", &Draft::weights,
                 "a name that `resolute weights import` gave, such as imagenet: the trunk starts from them. A name "
                 "that the store does not have is refused, or dropped by --from-scratch, which marks every table"));
  }
};

using Setting = Located<core::Json>;

//! Dotted key → value. A layer, or several laid over one another.
using Settings = std::map<std::string, Setting>;

//! The key that says the same in epochs, or in steps: "train.epochs" of "train.steps" and the other way round. Empty
//! for a key that has none. Whichever of the two the upper layer gives counts.
std::string in_other_words(const std::string& key);

//! Tells whether keys of the pack (rates, kernel, height, width, shards) may stand in a layer.
enum class PackKeys { kAllowed, kRefused };

//! Adds the members of a table under their dotted keys. Unknown keys, wrong types and keys given twice (`backbone` is
//! `network.backbone`), or beside the one that says the same in other words, are refused with place, key and the
//! nearest known key. \param methods the suite's in Python, whose options are keys too \param prefix dotted path of the
//! table, empty at the top \param own_keys further keys that are known where this layer stands; only for suggestions
void add_settings(Settings& layer, const std::vector<Member>& members, PackKeys pack_keys, const PythonMethods& methods,
                  const std::vector<std::string>& own_keys = {}, const std::string& prefix = {});

//! `over` wins.
Settings laid_over(const Settings& under, const Settings& over);

//! Options of methods in Python stay out of it.
Draft make_draft(const Settings& settings);

//! Every key, canonical spelling, sorted.
std::vector<std::string> setting_keys();

//! A key's description for people.
struct SettingText {
  std::string key;
  bool of_pack = false;  //!< decides what is in a pack: a row cannot give it
  settings::MemberText text;
};

//! Descriptions of all keys, in the order of setting_keys().
const std::vector<SettingText>& setting_texts();

//! A table of docs/suite_keys.md, in Markdown: the keys that decide what is in a pack, or the others.
std::string settings_table(bool of_pack);

}  // namespace resolute::experiments
