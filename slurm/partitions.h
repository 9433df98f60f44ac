#pragma once
//! \file
//! Reads from `sinfo` what SLURM's partitions offer, and finds requests that none of them can ever start: SLURM takes
//! such a job and lets it wait for ever. Pure.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "slurm/sbatch_script.h"

namespace resolute::slurm {

//! Nodes of a partition that are alike.
struct NodeKind {
  std::int64_t nodes = 0;
  std::int64_t processors = 0;  //!< of each
  std::int64_t memory_mib = 0;  //!< of each
  std::string gres;             //!< of each, in SLURM's words: "gpu:a100:4(S:0-1)"; "(null)": none
};
struct Partition {
  std::string name;
  bool is_default = false;
  std::optional<std::chrono::seconds> longest{};  //!< time limit of a job; nothing: none
  std::optional<std::int64_t> most_nodes{};       //!< of a job; nothing: no limit
  std::vector<NodeKind> kinds;
};
//! The sinfo whose output parse_partitions() reads: one call for all partitions, a line for each kind of node in each.
std::vector<std::string> sinfo_command();
//! \throws RuntimeError (kTransient) for what sinfo does not write
std::vector<Partition> parse_partitions(std::string_view text);

//! GPUs among a node's generic resources, of one type unless `type` is empty. Nothing: it cannot be told.
std::optional<std::int64_t> gpus_of(std::string_view gres, std::string_view type);

struct Never {
  std::string why;     //!< with both numbers
  std::string advice;  //!< what to ask for instead
};
//! Why a partition can never start a job with these resources; nothing: it may. A QOS or a reservation may have other
//! limits: with one, time and number of nodes are not judged.
std::optional<Never> why_never(const Partition& partition, const Resources& resources);
//! The same for all partitions that are named; if none is named, for all of the site, which may choose by the request.
//! Nothing: one of them may start it, or a named one is not known.
std::optional<Never> why_never(const std::vector<Partition>& partitions, const Resources& resources);
//! The same for the default partition; nothing if another one is named.
std::optional<Never> why_never_by_default(const std::vector<Partition>& partitions, const Resources& resources);

//! The text "partition 'gpu' has nodes with a100 and with h100", if a job with these resources may run on nodes of
//! several kinds. Kinds differ in their GPUs if GPUs are asked for, else in their number of processors. Nothing if a
//! GPU type or a constraint chooses one kind, or there is only one.
std::optional<std::string> several_kinds(const std::vector<Partition>& partitions, const Resources& resources);
//! Their effect, and the remedy.
inline constexpr const char* kOneKindAdvice =
    "trials may run in several numeric classes, which tables say in footnotes; give --gpu-type or "
    "--sbatch=--constraint=NAME for one kind, or gpu_type or constraint in the site file";

}  // namespace resolute::slurm
