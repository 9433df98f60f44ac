#include "experiments/price.h"

#include <algorithm>
#include <map>
#include <set>

#include "experiments/specification/estimated_split.h"
#include "methods/work.h"
#include "settings/raw_data.h"

namespace resolute::experiments {
namespace {

constexpr double kSecondsAnHour = 3600, kHoursADay = 24, kFloatBytes = 4;

// Nothing where a program trains: the recipe names a method of ours, and the program's networks are unknown.
std::optional<methods::Work> work_of(const TrainingSpecification& training) {
  if (training.recipe.program != 0) return std::nullopt;
  const bool originals = methods::reads_originals(methods::row(training.method).needs, training.split.train_pool);
  return methods::work(training.method, {.network = training.network,
                                         .height = training.pack.height,
                                         .width = training.pack.width,
                                         .originals = originals,
                                         .copies = static_cast<int>(training.recipe.train_rates.size())});
}

double rows_of(const Recipe& recipe) { return static_cast<double>(recipe.identities) * recipe.images; }

//! The share of a batch's rows that has no HR image.
double low_rows(const TrainingSpecification& training, const std::optional<EstimatedSplit>& split) {
  const Recipe& recipe = training.recipe;
  if (recipe.lr_images > 0) return static_cast<double>(recipe.lr_images) / recipe.images;
  if (!settings::shows_low(training.split.train_pool)) return 0;
  return split ? split->low : 0.5;
}

double pack_bytes(const PackSettings& pack) {
  const auto split = estimated_split(pack, SplitSettings());
  if (!split) return 0;
  const settings::RawData* raw = settings::raw_data_of(pack.source);
  const double native = pack.synthetic   ? static_cast<double>(pack.synthetic->height) * pack.synthetic->width
                        : raw != nullptr ? static_cast<double>(raw->height) * raw->width
                                         : 0;
  double shrunk = 0;
  for (const int rate : pack.rates)
    if (rate > 1) shrunk += 1.0 / (static_cast<double>(rate) * rate);
  const double network = static_cast<double>(pack.height) * pack.width;
  return split->images * 3 * (network * (1 + shrunk) + native * shrunk);
}

double feature_bytes(const EvaluationSpecification& evaluation, const methods::Work& work) {
  const auto split = estimated_split(evaluation.pack, evaluation.split);
  if (!split) return 0;
  const double floats = work.feature;
  return kFloatBytes * (floats > 0 ? (split->queries + split->gallery) * floats : split->queries * split->gallery);
}

//! A job that takes time, with the training whose networks it runs.
struct TimedJob {
  const PlannedJob* job;
  const TrainingSpecification* training;
  std::optional<double> multiply_adds;
  Device device;
  bool trains = false;
};

std::vector<TimedJob> timed_jobs(const Plan& plan) {
  std::map<JobId, const TrainingSpecification*> trainings;
  std::vector<TimedJob> timed;
  for (const PlannedJob& job : plan.jobs) {
    if (const auto* training = std::get_if<TrainingSpecification>(&job.specification)) {
      trainings[job.id] = training;
      timed.push_back({&job, training, multiply_adds(*training), training->device, true});
    } else if (const auto* evaluation = std::get_if<EvaluationSpecification>(&job.specification)) {
      const TrainingSpecification* trained = trainings.at(evaluation->training);
      timed.push_back({&job, trained, multiply_adds(*evaluation, *trained), device_of(*evaluation, *trained), false});
    }
  }
  return timed;
}

double hours_at(const Rate& rate, const TimedJob& job) {
  return *job.multiply_adds / rate.multiply_adds_a_second / kSecondsAnHour;
}

std::map<std::string, double> hours_in_precisions(const Machine& machine, const std::vector<TimedJob>& jobs,
                                                  const PriceOf& of) {
  std::map<std::string, double> hours;
  for (const auto precision : {settings::Precision::kF32, settings::Precision::kTf32, settings::Precision::kBf16}) {
    double sum = 0;
    bool differs = false, known = true;
    for (const TimedJob& one : jobs) {
      if (one.device != machine.device || of.is_done(one.job->id) || !one.multiply_adds) continue;
      TrainingSpecification training = *one.training;
      differs = differs || training.recipe.precision != precision;
      training.recipe.precision = precision;
      const auto rate = of.times->rate(machine, training);
      known = known && rate;
      if (rate) sum += hours_at(*rate, one);
    }
    if (differs && known) hours[std::string(settings::word(precision))] = sum;
  }
  return hours;
}

std::optional<MemoryPrice> memory_of(const StepTimes& times, const std::vector<TimedJob>& jobs) {
  std::optional<MemoryPrice> most;
  for (const TimedJob& one : jobs) {
    if (!one.trains || one.device != Device::kCuda) continue;
    if (!most) most.emplace();
    const auto bytes = gpu_memory(times, *one.training);
    if (!bytes) {
      ++most->unknown;
    } else if (*bytes > most->bytes) {
      most->bytes = *bytes;
      most->training = one.job->label;
    }
  }
  return most;
}

MachinePrice price_on(const Machine& machine, int count, const std::vector<TimedJob>& jobs, const PriceOf& of) {
  MachinePrice price;
  price.machine = machine;
  price.count = count;
  std::set<std::string> origins;
  double longest_wall = 0;
  for (const TimedJob& one : jobs) {
    if (one.device != machine.device) continue;
    const auto rate = of.times->rate(machine, *one.training);
    if (!rate || !one.multiply_adds) {
      ++price.unpriced;
      continue;
    }
    const double hours = hours_at(*rate, one);
    if (of.is_done(one.job->id)) {
      price.done_hours += hours;
      continue;
    }
    origins.insert(rate->origin);
    price.hours += hours;
    if (rate->measured) price.measured_hours += hours;
    if (one.trains) price.longest_hours = std::max(price.longest_hours, hours);
    longest_wall = std::max(longest_wall, hours / std::min(count, one.job->slots));
  }
  price.hours_in = hours_in_precisions(machine, jobs, of);
  price.days = std::max(price.hours / count, longest_wall) / kHoursADay;
  price.rate_origins.assign(origins.begin(), origins.end());
  return price;
}

JobCount& count_of(Price& price, const JobSpecification& specification) {
  if (std::holds_alternative<TrainingSpecification>(specification)) return price.trainings;
  if (std::holds_alternative<EvaluationSpecification>(specification)) return price.evaluations;
  return price.packs;
}

void count_jobs(Price& price, const Plan& plan, const PriceOf& of) {
  for (const PlannedJob& job : plan.jobs) {
    if (job.provisional) ++price.provisional;
    if (std::holds_alternative<ShardSpecification>(job.specification)) continue;  // parts of a seal's pack
    JobCount& count = count_of(price, job.specification);
    ++count.distinct;
    if (of.is_done(job.id)) ++count.done;
  }
  price.packs.asked = price.packs.distinct;
  for (const TablePlan& table : plan.tables)
    for (const RowPlan& row : table.rows)
      for (const CellPlan& cell : row.cells) price.evaluations.asked += cell.evaluations.size();
  price.trainings.asked = price.evaluations.asked;  // each cell and trial asks for both
  for (const PlannedJob& job : plan.jobs)
    if (const auto* training = std::get_if<TrainingSpecification>(&job.specification))
      price.trainings.asked += training->start_from ? 1 : 0;
}

// How many numbers of each parameter a training keeps from step to step: itself, its moments and its average.
int kept_copies(const Recipe& recipe) { return 1 + settings::moments(recipe) + (recipe.ema > 0 ? 1 : 0); }

DiskPrice disk_of(const Plan& plan, const std::vector<TimedJob>& jobs) {
  DiskPrice disk;
  for (const DatasetPlan& dataset : plan.datasets) {
    disk.packs += pack_bytes(dataset.pack);
    if (!estimated_split(dataset.pack, SplitSettings())) disk.unknown.push_back(dataset.id);
  }
  constexpr double kCheckpoints = 2;
  for (const TimedJob& one : jobs) {
    const auto work = work_of(*one.training);
    if (!work) continue;
    if (one.trains)
      disk.checkpoints += kCheckpoints * kept_copies(one.training->recipe) * kFloatBytes * work->parameters;
    else
      disk.features += feature_bytes(std::get<EvaluationSpecification>(one.job->specification), *work);
  }
  return disk;
}

void find_repeated(const std::vector<TimedJob>& jobs, Price& price) {
  for (const TimedJob& one : jobs) {
    const auto split = estimated_split(one.training->pack, one.training->split);
    if (!one.trains || !split || split->people < 1) continue;
    const double images = split->train / split->people;
    const int taken = one.training->recipe.images;
    if (images >= taken) continue;
    std::pair<int, double>& most = price.repeated[one.training->pack.name];
    if (taken > most.first) most = {taken, images};
  }
}

// How often a gallery image is embedded: as it is, and as LR copies.
struct GalleryPasses {
  double originals = 1, copies = 0;
};

GalleryPasses gallery_passes(const EvaluationSpecification& evaluation, const TrainingSpecification& training) {
  const EvaluationProtocol& protocol = evaluation.protocol;
  const methods::Tells tells = methods::tells(training.method);
  const methods::Distance* distance = methods::find_distance(tells, distance_asked(protocol, training.method));
  if (distance == nullptr) return {};
  const methods::GalleryLooks looks = methods::gallery_looks(tells, *distance);
  const std::vector<int>& rates = protocol.query_rates.empty() ? evaluation.split.query_rates : protocol.query_rates;
  const double rates_of_copies = protocol.gallery_copy_rate == 0 ? static_cast<double>(rates.size()) : 1;
  return {looks.originals ? 1.0 : 0.0, looks.copies ? rates_of_copies : 0.0};
}

core::Json to_json(const JobCount& count) {
  return {{"asked", count.asked},
          {"distinct", count.distinct},
          {"shared", count.asked - count.distinct},
          {"done", count.done}};
}

}  // namespace

std::optional<double> multiply_adds(const TrainingSpecification& training) {
  const auto work = work_of(training);
  if (!work) return std::nullopt;
  const double low = low_rows(training, estimated_split(training.pack, training.split));
  return training.recipe.steps * rows_of(training.recipe) * ((1 - low) * work->hr_row + low * work->lr_row);
}

std::optional<double> gpu_memory(const StepTimes& times, const TrainingSpecification& training) {
  const auto bytes_a_pixel = times.bytes_a_pixel(training);
  const auto work = work_of(training);
  if (!bytes_a_pixel || !work) return std::nullopt;
  const double pixels = static_cast<double>(training.pack.height) * training.pack.width;
  const double copies = 1 + kept_copies(training.recipe);  // the gradient is one
  return copies * kFloatBytes * work->parameters + *bytes_a_pixel * rows_of(training.recipe) * pixels;
}

std::optional<double> multiply_adds(const EvaluationSpecification& evaluation, const TrainingSpecification& training) {
  const auto split = estimated_split(evaluation.pack, evaluation.split);
  const auto work = work_of(training);
  if (!split || !work) return std::nullopt;
  const GalleryPasses passes = gallery_passes(evaluation, training);
  const double once = split->queries * work->query +
                      split->gallery * (passes.originals * work->gallery + passes.copies * work->gallery_copy);
  return evaluation.protocol.flip ? 2 * once : once;
}

Price price_of(const Plan& plan, const PriceOf& of) {
  Price price;
  count_jobs(price, plan, of);
  const std::vector<TimedJob> jobs = timed_jobs(plan);
  price.disk = disk_of(plan, jobs);
  price.of_programs = static_cast<std::size_t>(
      std::ranges::count_if(jobs, [](const TimedJob& one) { return !work_of(*one.training).has_value(); }));
  find_repeated(jobs, price);
  if (of.times != nullptr)
    for (const Machine& machine : of.times->machines())
      if (std::any_of(jobs.begin(), jobs.end(), [&](const TimedJob& one) { return one.device == machine.device; }))
        price.machines.push_back(price_on(machine, machine.device == Device::kCuda ? of.gpus : of.cores, jobs, of));
  if (of.times != nullptr) price.memory = memory_of(*of.times, jobs);
  for (const DatasetPlan& dataset : plan.datasets) {
    if (of.has_data(dataset)) continue;
    const settings::RawData* raw = settings::raw_data_of(dataset.pack.source);
    price.missing_data.push_back({dataset.id, std::string(settings::word(dataset.pack.source)), dataset.root_text,
                                  raw != nullptr ? std::string(raw->from) : "whoever has it (docs/datasets.md)",
                                  raw != nullptr ? std::string(raw->licence) : "its owner's"});
  }
  price.missing_weights = plan.missing_weights;
  std::set<std::string> estimated;
  for (const EpochsPlan& one : plan.epochs)
    if (one.estimated) estimated.insert(one.dataset);
  price.estimated.assign(estimated.begin(), estimated.end());
  return price;
}

core::Json to_json(const Price& price) {
  core::Json machines = core::Json::array(), data = core::Json::array(), repeated = core::Json::object();
  for (const auto& [dataset, images] : price.repeated)
    repeated[dataset] = {{"taken", images.first}, {"images", images.second}};
  for (const MachinePrice& one : price.machines)
    machines.push_back({{"id", one.machine.id},
                        {"title", one.machine.title},
                        {"device", settings::word(one.machine.device)},
                        {"count", one.count},
                        {"hours", one.hours},
                        {"measured_hours", one.measured_hours},
                        {"done_hours", one.done_hours},
                        {"longest_hours", one.longest_hours},
                        {"days", one.days},
                        {"unpriced", one.unpriced},
                        {"hours_in", one.hours_in},
                        {"how", one.rate_origins}});
  for (const MissingData& one : price.missing_data)
    data.push_back({{"dataset", one.dataset},
                    {"source", one.source},
                    {"root", one.root},
                    {"from", one.from},
                    {"licence", one.licence}});
  core::Json weights = core::Json::array();
  for (const MissingWeights& one : price.missing_weights) weights.push_back(one.name);
  return {{"missing", {{"raw_data", std::move(data)}, {"weights", std::move(weights)}}},
          {"estimated", price.estimated},
          {"provisional", price.provisional},
          {"repeated", std::move(repeated)},
          {"price",
           {{"packs", to_json(price.packs)},
            {"trainings", to_json(price.trainings)},
            {"evaluations", to_json(price.evaluations)},
            {"of_programs", price.of_programs},
            {"machines", std::move(machines)},
            {"gpu_memory", price.memory ? core::Json{{"bytes", price.memory->bytes},
                                                     {"training", price.memory->training},
                                                     {"unknown", price.memory->unknown}}
                                        : core::Json()},
            {"disk",
             {{"packs", price.disk.packs},
              {"checkpoints", price.disk.checkpoints},
              {"features", price.disk.features},
              {"unknown", price.disk.unknown}}}}}};
}

}  // namespace resolute::experiments
