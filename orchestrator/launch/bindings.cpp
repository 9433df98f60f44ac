#include "orchestrator/launch/bindings.h"

#include <hwloc.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "core/numbers.h"
#include "core/process/process.h"
#include "core/process/processors.h"

namespace resolute::orchestrator {
namespace {

namespace fs = std::filesystem;

// A GPU as the driver shows it.
struct SeenGpu {
  std::string bus;  // PCI address
  std::string name;
  std::string model;
  bool is_there = false, may_be_opened = false;  // the file by which it is opened
};

// In the order of their PCI addresses, which CUDA's is too where all are of one model.
std::vector<SeenGpu> see_gpus(const DriverFolders& driver, int granted) {
  std::vector<SeenGpu> gpus;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(driver.gpus, error)) {
    SeenGpu gpu;
    gpu.bus = entry.path().filename().string();
    std::ifstream text(entry.path() / "information");
    for (std::string line; std::getline(text, line);) {
      const auto colon = line.find(':');
      if (colon == std::string::npos) continue;
      const auto value = line.find_first_not_of(" \t", colon + 1);
      if (value == std::string::npos) continue;
      if (line.starts_with("GPU UUID")) gpu.name = line.substr(value);
      if (line.starts_with("Model")) gpu.model = line.substr(value);
      if (line.starts_with("Device Minor")) {
        const fs::path device = driver.devices / ("nvidia" + line.substr(value));
        gpu.is_there = ::access(device.c_str(), F_OK) == 0;
        gpu.may_be_opened = ::access(device.c_str(), R_OK | W_OK) == 0;
      }
    }
    if (!gpu.name.empty()) gpus.push_back(std::move(gpu));
  }
  std::ranges::sort(gpus, {}, &SeenGpu::bus);
  // The driver makes a device file when somebody first asks for it: some, or all, may not be there yet.
  const auto openable = std::ranges::count_if(gpus, &SeenGpu::may_be_opened);
  const bool any = std::ranges::any_of(gpus, &SeenGpu::is_there);
  if (!any || openable >= std::ssize(gpus) || granted > openable) return gpus;
  core::log_info("{} of {} GPUs have no device file here that may be opened, and are left out",
                 std::ssize(gpus) - openable, gpus.size());
  std::erase_if(gpus, [](const SeenGpu& gpu) { return !gpu.may_be_opened; });
  return gpus;
}

// The GPUs that this process may use: the name for ranks and the driver's entry, where it can be told. If the driver
// shows none, `granted` of them are believed.
std::vector<std::pair<std::string, const SeenGpu*>> visible_gpus(const std::vector<SeenGpu>& seen,
                                                                 const std::map<std::string, std::string>& variables,
                                                                 int granted) {
  std::vector<std::pair<std::string, const SeenGpu*>> visible;
  const bool believed = seen.empty() && granted > 0;
  const auto list = variables.find("CUDA_VISIBLE_DEVICES");
  if (list == variables.end()) {
    for (const SeenGpu& gpu : seen) visible.emplace_back(gpu.name, &gpu);
    for (int number = 0; believed && number < granted; ++number) visible.emplace_back(std::to_string(number), nullptr);
    return visible;
  }
  const bool by_bus = core::variable_in(variables, "CUDA_DEVICE_ORDER") == "PCI_BUS_ID" ||
                      std::ranges::all_of(seen, [&](const SeenGpu& g) { return g.model == seen[0].model; });
  std::istringstream names(list->second);
  for (std::string name; std::getline(names, name, ',');) {
    std::erase(name, ' ');
    const SeenGpu* gpu = nullptr;
    if (const auto number = core::number_of<std::size_t>(name)) {
      // CUDA takes what stands before the first number that it does not know.
      if (*number >= seen.size() && !believed) break;
      if (by_bus && !believed) gpu = &seen[*number];
    } else if (name.starts_with("GPU-") && !believed) {
      const auto match = std::ranges::find_if(seen, [&](const SeenGpu& g) { return g.name.starts_with(name); });
      if (match == seen.end()) break;
      gpu = &*match;
    } else if (!(name.starts_with("MIG-") || name.starts_with("GPU-")) || (seen.empty() && !believed)) {
      break;
    }
    // One named twice would be given to two ranks.
    if (std::ranges::any_of(
            visible, [&](const auto& other) { return other.first == name || (gpu != nullptr && other.second == gpu); }))
      break;
    visible.emplace_back(name, gpu);
  }
  return visible;
}

struct FreeTopology {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, FreeTopology>;

// nullptr if hwloc cannot read this machine.
Topology load_topology(bool with_devices) {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return nullptr;
  Topology topology(raw);
  if (with_devices) hwloc_topology_set_io_types_filter(raw, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
  return hwloc_topology_load(raw) == 0 ? std::move(topology) : nullptr;
}

// The host's GPUs of one model, and how many agents share them.
struct GpuModel {
  std::vector<std::size_t> gpus;
  int agents = 0;
};

// Those with the most GPUs first.
std::vector<GpuModel> gpu_models(const Inventory& whole, int agents) {
  std::map<std::string, std::size_t> numbers;
  std::vector<GpuModel> models;
  for (std::size_t i = 0; i < whole.gpus.size(); ++i) {
    const std::string name = i < whole.models.size() ? whole.models[i] : "";
    const auto [known, is_new] = numbers.emplace(name, models.size());
    if (is_new) models.emplace_back();
    models[known->second].gpus.push_back(i);
  }
  std::ranges::stable_sort(models, std::greater(), [](const GpuModel& model) { return model.gpus.size(); });
  for (int agent = 0; agent < agents && !models.empty(); ++agent)
    // To the model with the most GPUs for each agent that it would have then; one without an agent goes first.
    ++std::ranges::max_element(models, {}, [](const GpuModel& model) {
        return std::pair(model.agents == 0, static_cast<double>(model.gpus.size()) / (model.agents + 1));
      })->agents;
  return models;
}

// The numbers of an agent's GPUs.
std::vector<std::size_t> gpus_of(const Inventory& whole, Portion portion) {
  int first = 0;
  for (const GpuModel& model : gpu_models(whole, portion.agents)) {
    const int index = portion.index - first;
    first += model.agents;
    if (index >= model.agents) continue;
    const auto bound = [&](int agent) {
      return model.gpus.begin() + static_cast<std::ptrdiff_t>(model.gpus.size() * static_cast<std::size_t>(agent) /
                                                              static_cast<std::size_t>(model.agents));
    };
    return {bound(index), bound(index + 1)};
  }
  return {};
}

// The first 64 bits of the text's SHA-256.
std::uint64_t digest_of(const std::string& text) {
  return std::stoull(core::sha256_hex(text).substr(0, 16), nullptr, 16);
}

std::vector<int> processors_of(hwloc_const_bitmap_t places, const std::vector<int>& usable) {
  std::vector<int> processors;
  for (int place = hwloc_bitmap_first(places); place >= 0; place = hwloc_bitmap_next(places, place))
    if (std::binary_search(usable.begin(), usable.end(), place)) processors.push_back(place);
  return processors;
}

// The first usable processor of each core, then the second of each, and so on. \param first how many are the first
std::vector<int> cores_first(hwloc_topology_t topology, const std::vector<int>& usable, std::size_t& first) {
  std::vector<std::vector<int>> of_cores;
  for (hwloc_obj_t core = nullptr; (core = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, core)) != nullptr;)
    of_cores.push_back(processors_of(core->cpuset, usable));
  std::vector<int> processors;
  bool more = true;
  for (std::size_t thread = 0; more; ++thread) {
    more = false;
    for (const auto& core : of_cores) {
      if (thread >= core.size()) continue;
      processors.push_back(core[thread]);
      more = true;
    }
    if (thread == 0) first = processors.size();
  }
  return processors;
}

std::vector<int> near_bus(hwloc_topology_t topology, const std::string& bus, const std::vector<int>& usable) {
  const hwloc_obj_t device = hwloc_get_pcidev_by_busidstring(topology, bus.c_str());
  const hwloc_obj_t place = device == nullptr ? nullptr : hwloc_get_non_io_ancestor_obj(topology, device);
  return place == nullptr ? std::vector<int>() : processors_of(place->cpuset, usable);
}

std::int64_t number_in_file(const fs::path& path, std::int64_t otherwise) {
  std::ifstream file(path);
  std::int64_t value = 0;
  return file >> value ? value : otherwise;
}

// The machine's or that of the process's control groups, whichever is less.
std::int64_t usable_memory_mib() {
  std::int64_t bytes = static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  for (const fs::path& folder : core::control_group_folders("memory"))
    for (const char* limit : {"memory.max", "memory.limit_in_bytes"})
      bytes = std::min(bytes, number_in_file(folder / limit, bytes));
  return bytes >> 20;
}

}  // namespace

Inventory read_inventory(const std::map<std::string, std::string>& environment, const DriverFolders& driver,
                         int granted) {
  Inventory inventory;
  inventory.memory_mib = usable_memory_mib();
  const std::vector<SeenGpu> seen = see_gpus(driver, granted);
  const auto gpus = visible_gpus(seen, environment, granted);
  const std::vector<int> usable = core::usable_processor_numbers();
  inventory.machine_processors = static_cast<int>(usable.size());
  const Topology topology = load_topology(!gpus.empty());
  if (topology) {
    inventory.cores = cores_first(topology.get(), usable, inventory.whole_cores);
    inventory.machine_processors = hwloc_bitmap_weight(hwloc_topology_get_allowed_cpuset(topology.get()));
  }
  if (inventory.cores.empty()) inventory.cores = usable;
  if (inventory.whole_cores == 0) inventory.whole_cores = inventory.cores.size();
  const auto given = static_cast<std::size_t>(core::usable_processors());
  inventory.cores.resize(std::min(inventory.cores.size(), given));
  inventory.whole_cores = std::min(inventory.whole_cores, given);
  for (const auto& [name, gpu] : gpus) {
    inventory.gpus.push_back(name);
    inventory.models.push_back(gpu != nullptr ? gpu->model : "");
    inventory.near.push_back(topology && gpu != nullptr ? near_bus(topology.get(), gpu->bus, usable)
                                                        : std::vector<int>());
  }
  return inventory;
}

GivenSets given_sets(const std::map<std::string, std::string>& environment) {
  std::string processors;
  for (int processor : core::usable_processor_numbers()) processors += fmt::format("{},", processor);
  const auto list = environment.find("CUDA_VISIBLE_DEVICES");
  return {digest_of(processors), digest_of(list == environment.end() ? "" : "=" + list->second)};
}

Portion portion_among_equals(const std::vector<std::uint64_t>& digests, std::size_t self) {
  RESOLUTE_EXPECT(self < digests.size(), "no such agent");
  const auto self_digest = digests.begin() + static_cast<std::ptrdiff_t>(self);
  return {static_cast<int>(std::count(digests.begin(), self_digest, *self_digest)),
          static_cast<int>(std::ranges::count(digests, *self_digest))};
}

int default_slots(const std::map<std::string, std::string>& environment, int cores, Portion portion) {
  int slots = cores;
  if (const auto processors = core::number_of<int>(core::variable_in(environment, "SLURM_CPUS_ON_NODE")))
    slots = std::min(slots, *processors / portion.agents + (portion.index < *processors % portion.agents ? 1 : 0));
  return std::max(1, slots);
}

bool shared_with_other_jobs(const std::map<std::string, std::string>& environment, int usable_processors) {
  return environment.contains("SLURM_CPUS_ON_NODE") &&
         core::number_of<int>(environment.at("SLURM_CPUS_ON_NODE")).value_or(0) < usable_processors;
}

Inventory part_of(const Inventory& whole, Portion cores, Portion gpus, int agents) {
  for (const Portion& portion : {cores, gpus})
    RESOLUTE_EXPECT(portion.index >= 0 && portion.index < portion.agents && portion.agents <= agents, "no such agent");
  Inventory part = whole;
  part.cores.clear();
  part.whole_cores = 0;
  for (auto i = static_cast<std::size_t>(cores.index); i < whole.cores.size();
       i += static_cast<std::size_t>(cores.agents)) {
    part.cores.push_back(whole.cores[i]);
    part.whole_cores += i < whole.whole_cores ? 1 : 0;
  }
  part.gpus.clear();
  part.near.clear();
  part.models.clear();
  for (const std::size_t i : gpus_of(whole, gpus)) {
    part.gpus.push_back(whole.gpus[i]);
    part.near.push_back(i < whole.near.size() ? whole.near[i] : std::vector<int>());
    part.models.push_back(i < whole.models.size() ? whole.models[i] : "");
  }
  part.memory_mib = whole.memory_mib / agents;
  return part;
}

std::vector<std::string> models_left_out(const Inventory& whole, int agents) {
  std::vector<std::string> left_out;
  for (const GpuModel& model : gpu_models(whole, agents))
    if (model.agents == 0) left_out.push_back(whole.models[model.gpus.front()]);
  return left_out;
}

Bindings::Bindings(Inventory inventory, CpuBinding cpu, int jobs_per_gpu)
    : inventory_(std::move(inventory)),
      cpu_(cpu),
      core_taken_(inventory_.cores.size()),
      jobs_per_gpu_(jobs_per_gpu),
      gpu_jobs_(inventory_.gpus.size()) {}

Binding Bindings::take(bool gpu, const std::vector<std::string>& gpus_aside) {
  Binding binding;
  if (gpu) {
    std::size_t place = gpu_jobs_.size();
    int fewest = jobs_per_gpu_;
    for (std::size_t i = 0; i < gpu_jobs_.size(); ++i) {
      const bool aside = std::ranges::find(gpus_aside, inventory_.gpus[i]) != gpus_aside.end();
      if (aside || gpu_jobs_[i] >= fewest) continue;
      place = i;
      fewest = gpu_jobs_[i];
    }
    if (place == gpu_jobs_.size())
      throw core::RuntimeError(
          core::ErrorKind::kTransient, "no GPU of this agent is free",
          fmt::format("it has {}, of which {} are set aside or others'", gpu_jobs_.size(), gpus_aside.size()),
          "the job is run again");
    ++gpu_jobs_[place];
    binding.gpu = inventory_.gpus[place];
    if (cpu_ == CpuBinding::kCores && place < inventory_.near.size()) binding.processors = inventory_.near[place];
    return binding;
  }
  if (cpu_ == CpuBinding::kNone) return binding;
  const auto free = std::ranges::find(core_taken_, false);
  if (free == core_taken_.end()) return binding;
  *free = true;
  binding.processors = {inventory_.cores[static_cast<std::size_t>(free - core_taken_.begin())]};
  return binding;
}

void Bindings::give_back(const Binding& binding) {
  const auto place_in = [](const auto& list, const auto& element) {
    return static_cast<std::size_t>(std::ranges::find(list, element) - list.begin());
  };
  if (binding.gpu) {
    if (const auto place = place_in(inventory_.gpus, *binding.gpu); place < gpu_jobs_.size()) --gpu_jobs_[place];
  } else if (!binding.processors.empty()) {
    const auto place = place_in(inventory_.cores, binding.processors.front());
    if (place < core_taken_.size()) core_taken_[place] = false;
  }
}

}  // namespace resolute::orchestrator
