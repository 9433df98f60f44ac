#pragma once
//! \file
//! A suite whose jobs do next to nothing, for tests of what happens around them.

#include <fmt/format.h>

#include "tests/system/program.h"

namespace resolute::system_test {

//! A worker whose jobs take half a second and leave records that tables can be made of. While there is a file `wait` in
//! the store they wait, each with a file `at-work-JOB` beside it.
inline constexpr const char* kQuickWorker = R"(#!/bin/bash
shift
while [ $# -gt 0 ]; do
  case $1 in --store) store=$2 ;; --job) job=$2 ;; esac
  shift 2
done
folder=$store/jobs/${job:0:2}/$job
read -r specification <"$folder/spec.json" || true
hash=$(printf 'a%.0s' {1..64})
provenance="\"numeric_class\":\"none\",\"pack_sha256\":\"$hash\",\"split_sha256\":\"$hash\""
sleep 0.5
until [ ! -e "$store/wait" ]; do
  : >"$store/at-work-$job"
  sleep 0.1
done
case $specification in
  *'"kind":"shard"'*) text="{\"job\":\"$job\",\"listing_sha256\":\"$hash\",\"rows\":1,\"shard_sha256\":\"$hash\"}" ;;
  *'"kind":"seal"'*) text="{\"job\":\"$job\",\"pack_sha256\":\"$hash\",\"rows\":1}" ;;
  *'"kind":"training"'*)
    text="{\"job\":\"$job\",\"metrics\":{},\"provenance\":{\"from_scratch\":true,\"lanes\":1,$provenance},"
    text+="\"weights_file\":\"weights\",\"weights_sha256\":\"$hash\"}" ;;
  *)
    training=${specification##*'"training":"'}
    text="{\"features_sha256\":\"$hash\",\"job\":\"$job\",\"metrics\":{\"mAP\":0.5,\"rank1\":0.5,\"rank10\":1.0,"
    text+="\"rank20\":1.0,\"rank5\":1.0},\"outputs\":{},\"provenance\":{$provenance,\"training\":\"${training:0:64}\"},"
    text+="\"weights_sha256\":\"$hash\"}" ;;
esac
echo "$text" >"$folder/.result.$$"
ln "$folder/.result.$$" "$folder/result.json"
rm "$folder/.result.$$"
)";

//! Writes FOLDER/NAME.toml: for each of the data sets a shard, a seal, and `trials` trainings and evaluations.
inline fs::path write_quick_suite(const fs::path& folder, const std::string& name, int trials, int datasets) {
  std::ofstream(folder / "worker") << kQuickWorker;
  std::string sets, names;
  for (int i = 1; i <= datasets; ++i) {
    sets += fmt::format("[[dataset]]\nid = \"people{0}\"\nsource = \"synthetic\"\nidentities = {1}\n", i, 11 + i);
    names += fmt::format("{}\"people{}\"", i == 1 ? "" : ", ", i);
  }
  const fs::path file = folder / (name + ".toml");
  std::ofstream(file) << fmt::format(R"(suite = "{}"
title = "Jobs that do next to nothing"
worker = ["bash", "{}"]
[defaults]
method = "baseline"
backbone = "resnet-small"
trials = {}
train.steps = 1
train.identities = 4
{}[[table]]
id = "main"
title = "Main"
metrics = ["mAP"]
datasets = [{}]
  [[table.row]]
  id = "baseline"
  label = "Baseline"
)",
                                     name, (folder / "worker").string(), trials, sets, names);
  return file;
}

}  // namespace resolute::system_test
