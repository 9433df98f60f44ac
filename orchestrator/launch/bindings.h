#pragma once
//! \file
//! Which core and which GPU each rank of an agent gets. The inventory is read once (hwloc, the environment, /proc); the
//! giving out is pure.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace resolute::orchestrator {

//! The folders in which NVIDIA's driver shows the GPUs. A container may see all of the machine's in the first folder
//! and have a device file of its own ones alone.
struct DriverFolders {
  std::filesystem::path gpus = "/proc/driver/nvidia/gpus";
  std::filesystem::path devices = "/dev";
};

//! The resources that a machine offers an agent.
struct Inventory {
  std::vector<int> cores;              //!< usable logical processors, one of each physical core first
  std::vector<std::string> gpus;       //!< as CUDA_VISIBLE_DEVICES names them: numbers or UUIDs, in its order
  std::vector<std::vector<int>> near;  //!< per GPU: usable processors near it (by hwloc); empty: unknown
  std::int64_t memory_mib = 0;         //!< of the machine or the control group, whichever is less
  int machine_processors = 0;          //!< that the machine or the control group allows; a launcher may give us fewer
  std::vector<std::string> models{};   //!< per GPU: what the driver calls it, "NVIDIA H200"; "": unknown
  std::size_t whole_cores = 0;         //!< so many of `cores`, the first, are on physical cores of their own
};
//! \param environment of this process: CUDA_VISIBLE_DEVICES limits the GPUs, as CUDA understands it
//! \param granted GPUs that the user says there are. They are believed if the driver shows none: those that
//! CUDA_VISIBLE_DEVICES names, whatever their number, or, without it, 0 … granted - 1. If fewer have a device file,
//! all count that the driver shows
//! \throws RuntimeError if the system does not say which processors may be used
Inventory read_inventory(const std::map<std::string, std::string>& environment, const DriverFolders& driver = {},
                         int granted = 0);

//! Digests of the processors and of the GPUs that the launcher gave a process. Those that two processes of a host have
//! in common are told by equal digests; one with digests of its own has its set to itself.
struct GivenSets {
  std::uint64_t processors = 0;
  std::uint64_t gpus = 0;
};
//! \throws RuntimeError if the system does not say which processors may be used
GivenSets given_sets(const std::map<std::string, std::string>& environment);

//! One of several agents that share a set.
struct Portion {
  int index = 0;  //!< from 0
  int agents = 1;
};
//! Agent `self`'s among those of its host whose digest is its own; pure.
Portion portion_among_equals(const std::vector<std::uint64_t>& digests, std::size_t self);

//! The part of a host that an agent may give out. Agents that share the cores take turns in their order; each of the
//! host's `agents` has an equal part of the memory. An agent's GPUs are of one model, as a gang's are: each model has
//! an agent, that with the most GPUs first, and as many of the agents as its GPUs are of all; they share them in
//! contiguous parts. Models beyond the number of agents are left out. Pure.
Inventory part_of(const Inventory& whole, Portion cores, Portion gpus, int agents);

//! Models of GPUs that no agent has, each once, in the order of the GPUs. Pure. \param agents that share them
std::vector<std::string> models_left_out(const Inventory& whole, int agents);

//! True if other jobs may be on the processors that this process may use: SLURM gave its job fewer of the node than
//! that, so the cluster does not confine jobs (TaskPlugin=task/none). Two jobs that each bind their ranks to the first
//! processors would share those and leave the others idle. Pure. \param environment of this process
bool shared_with_other_jobs(const std::map<std::string, std::string>& environment, int usable_processors);

//! Slots of an agent whose user says no number: one a core (Inventory::whole_cores), and no more than its part of the
//! processors that SLURM gave the job on this node (SLURM_CPUS_ON_NODE), whether or not the cluster confines it to
//! them. At least 1. Pure. \param cores that the agent may give out \param portion its among those that share them
int default_slots(const std::map<std::string, std::string>& environment, int cores, Portion portion);

enum class CpuBinding {
  kNone,   //!< the system moves ranks as it likes
  kCores,  //!< a rank without a GPU has a processor of its own, one with a GPU those near it
};

//! The resources of one rank.
struct Binding {
  std::vector<int> processors;     //!< to run on; empty: all
  std::optional<std::string> gpu;  //!< CUDA_VISIBLE_DEVICES of the rank; none: it sees no GPU
};

//! Gives out cores and GPUs, each core to one rank at a time and each GPU to so many jobs; the processors near a GPU
//! are shared with others. Pure but for its own memory.
class Bindings {
 public:
  Bindings(Inventory inventory, CpuBinding cpu, int jobs_per_gpu = 1);
  //! A GPU is the first of those with the fewest jobs. \param gpus_aside not to be given out, by their names \throws
  //! RuntimeError (kTransient) if every other GPU is taken. Cores run out only where slots outnumber them: then a rank
  //! is not bound
  Binding take(bool gpu, const std::vector<std::string>& gpus_aside = {});
  void give_back(const Binding& binding);

 private:
  Inventory inventory_;
  CpuBinding cpu_;
  std::vector<bool> core_taken_;
  int jobs_per_gpu_;
  std::vector<int> gpu_jobs_;
};

}  // namespace resolute::orchestrator
