#include "operations/submissions/pending_reason.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "slurm/job_state.h"

namespace resolute::operations {

namespace {

constexpr std::string_view kRelease = "`resolute suite resume` releases it";
constexpr std::string_view kSubmitAgain = "`resolute suite cancel`, then submit with what it allows";

struct Known {
  std::string_view start;  //!< of the reason, in lower case and without underscores
  std::string_view words;
  std::string_view advice;
};

// The first that fits counts: longer ones stand before those that they begin with.
constexpr std::array<Known, 43> kReasons{{
    {"resources", "it is next, the nodes that it needs are busy", ""},
    {"priority", "other jobs come first", ""},
    {"partitiontimelimit", "its time limit is above the partition's: it would wait for ever",
     "`resolute suite cancel`, then submit with a shorter --time"},
    {"partitionnodelimit", "it asks for more nodes than the partition allows: it would wait for ever",
     "`resolute suite cancel`, then submit with fewer --nodes"},
    {"partitionconfig", "the partition is not made for what it asks for, mostly too many nodes: it would wait for ever",
     "`resolute suite cancel`, then submit with fewer --nodes or another --partition"},
    {"partitiondown", "the partition is closed", ""},
    {"partitioninactive", "the partition is closed", ""},
    {"dependencyneversatisfied", "a job that it was to follow failed: it would wait for ever",
     "`resolute suite cancel`, then `resolute suite resume`"},
    {"dependency", "another job of its submission has to end first", ""},
    {"begintime", "the time at which it may begin has not come: asked for, or up to two minutes after a requeue", ""},
    {"jobhelduser", "you hold it", kRelease},
    {"jobheldadmin", "an administrator holds it", "ask the site why"},
    {"jobholdmaxrequeue", "it was requeued too often, and SLURM holds it since", kRelease},
    {"job requeued in held state", "it was requeued and held", kRelease},
    {"launch failed requeued held", "a node could not start it, and SLURM holds it since", kRelease},
    {"requeuedholdlimit", "it was requeued too often, and SLURM holds it since", kRelease},
    {"job held", "it is held", kRelease},
    {"reqnodenotavail", "a node that it needs is down, drained or reserved", "`sinfo -R` tells why"},
    {"nodes required for job are down", "nodes that it needs are down, drained or reserved", "`sinfo -R` tells why"},
    {"nodedown", "a node that it needs is down", "`sinfo -R` tells why"},
    {"qosmaxwall", "its time limit is above the QOS's: it would wait for ever",
     "`resolute suite cancel`, then submit with a shorter --time"},
    {"assocmaxwall", "its time limit is above the account's: it would wait for ever",
     "`resolute suite cancel`, then submit with a shorter --time"},
    {"qostimelimit", "its QOS has not so much time for it: it would wait for ever",
     "`resolute suite cancel`, then submit with a shorter --time"},
    {"associationtimelimit", "its account has not so much time for it: it would wait for ever",
     "`resolute suite cancel`, then submit with a shorter --time"},
    {"qosnotallowed", "this QOS is not allowed here: it would wait for ever", kSubmitAgain},
    {"accountnotallowed", "this account is not allowed here: it would wait for ever", kSubmitAgain},
    {"invalidaccount", "SLURM does not know its account: it would wait for ever", kSubmitAgain},
    {"invalidqos", "SLURM does not know its QOS: it would wait for ever", kSubmitAgain},
    {"badconstraints", "no node has what it asks for: it would wait for ever", kSubmitAgain},
    {"qosmin", "it asks for less than its QOS demands: it would wait for ever", kSubmitAgain},
    {"qosgrp", "all users of its QOS together are at a limit", ""},
    {"qos", "your jobs of its QOS are at a limit", ""},
    {"assocgrp", "its account is at a limit", ""},
    {"assoc", "your jobs of its account are at a limit", ""},
    {"maxmemperlimit", "it asks for more memory per node or processor than is allowed: it would wait for ever",
     "`resolute suite cancel`, then submit with less --memory"},
    {"maxpoweredupnodes", "as many nodes are powered up as the cluster may have", ""},
    {"max", "the jobs of its account, or yours, are at a limit of its QOS", ""},  // MaxCpuPerAccount
    {"reservationinvalid", "its reservation does not take it any more", kSubmitAgain},
    {"reservationdeleted", "its reservation is gone", kSubmitAgain},
    {"reservation", "its reservation has not begun, or is full", ""},
    {"licenses", "licences that it needs are taken", ""},
    {"cleaning", "its last start is being cleaned up", ""},
    {"prolog", "the nodes are being prepared", ""},
}};

}  // namespace

PendingReason explain_reason(std::string_view reason) {
  const std::string text = slurm::plain_reason(reason);
  if (text.empty() || text == "none" || text == "none)") return {};
  // A limit of one job, which no end of another one lifts: QOSMaxGRESPerJob, AssocMaxCpuPerJobLimit, QOSMaxNodePerJob.
  if ((text.starts_with("qosm") || text.starts_with("assocm")) && !text.starts_with("qosmaxwall") &&
      !text.starts_with("assocmaxwall") &&
      (text.find("perjob") != std::string::npos || text.find("pernode") != std::string::npos))
    return {"it asks for more than one job may have: it would wait for ever", std::string(kSubmitAgain)};
  const auto known = std::ranges::find_if(kReasons, [&](const Known& one) { return text.starts_with(one.start); });
  if (known == kReasons.end()) return {std::string(reason), ""};
  return {std::string(known->words), std::string(known->advice)};
}

std::string advice_on_refusal(const std::string& words) {
  const auto has = [&](const char* part) { return words.find(part) != std::string::npos; };
  // In this order: "Invalid account or account/partition combination", "Job violates accounting/QOS policy".
  if (has("qos") || has("QOS")) return "give another --sbatch=--qos=NAME, or submit less";
  if (has("account") || has("Account")) return "give --account one that `sacctmgr show associations` lists for you";
  if (has("partition")) return "give --partition one that `sinfo` lists";
  if (has("GRES option unsupported"))
    return "write gpu_request = \"gres\" into the site file's [slurm], and submit again";
  if (has("node configuration") || has("Node count") || has("gres") || has("generic resource"))
    return "ask for less or otherwise: --nodes, --gpus-per-node, --gpu-type; `sinfo -N -o '%N %c %m %G'` shows "
           "what the nodes have";
  if (has("time limit")) return "give a shorter --time; `sinfo -o '%P %l'` shows the partitions' limits";
  if (has("constraint") || has("feature"))
    return "give another --sbatch=--constraint=NAME; `sinfo -o '%N %f'` lists them";
  return "change the options of `resolute suite submit` or the site file, and submit again";
}

// slurmstepd reports what it could not do as a signal: 53 is ESLURMD_IO of no other meaning.
PendingReason explain_exit(slurm::JobState state, const slurm::ExitCode& exit) {
  constexpr int kNoOutputFile = 53;
  constexpr int kKilled = 9;
  if (state == slurm::JobState::kOutOfMemory)
    return {"it took more memory than it asked for", "submit with more --memory, or fewer --slots"};
  if (exit.signal == kNoOutputFile)
    return {
        "its output file could not be opened on its node: the store is not there",
        "put the store where the nodes see it under the same path, and submit again; `suite resume` alone would end "
        "the same way"};
  if (exit.signal == kKilled)
    return {
        "its script was killed: out of memory?",
        "`resolute suite resume` submits it again; if memory ran out, `suite cancel` and submit with more --memory"};
  if (exit.signal != 0) return {fmt::format("signal {} ended its script", exit.signal), ""};
  return {};
}

}  // namespace resolute::operations
