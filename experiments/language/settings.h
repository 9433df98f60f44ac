#pragma once
//! \file
//! The settings a row is made of: every key that [defaults], a profile, --set, a data set or a row may give, in layers.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "experiments/language/toml_document.h"
#include "experiments/specification.h"

namespace resolute::experiments {

//! What the keys fill in, starting from the defaults of experiments/specification.h.
struct Draft {
  std::string method;
  int trials = 1;
  int lanes = 1;
  int ranks = 1;
  std::string device = "cpu";
  std::string weights = "none";
  NetworkSettings network;
  Recipe recipe;
  SplitSettings split;
  EvaluationProtocol protocol;
  BaselineOptions baseline;
  RainOptions rain;
  FtwaOptions ftwa;
  MsiflaOptions msifla;
  ResolutionAdaptiveOptions resolution_adaptive;
  PackSettings pack;  //!< rates, kernel, height, width and shards only
};

struct Setting {
  core::Json value;
  std::string place;
};

//! Dotted key → value. A layer, or several laid over one another.
using Settings = std::map<std::string, Setting>;

//! Whether keys of the pack (rates, kernel, height, width, shards) may stand in a layer.
enum class PackKeys { kAllowed, kRefused };

//! Adds the members of a table under their dotted keys. Unknown keys, wrong types and keys given twice (`backbone` is
//! `network.backbone`) are refused with place, key and the nearest known key.
//! \param prefix dotted path of the table, empty at the top
//! \param own_keys further keys that are known where this layer stands; only for suggestions
void add_settings(Settings& layer, const std::vector<Member>& members, PackKeys pack_keys,
                  const std::vector<std::string>& own_keys = {}, const std::string& prefix = {});

//! `over` wins.
Settings laid_over(const Settings& under, const Settings& over);

Draft make_draft(const Settings& settings);

//! Every key, canonical spelling, sorted; for the documentation's test.
std::vector<std::string> setting_keys();

}  // namespace resolute::experiments
