#include "experiments/price.h"

#include <algorithm>
#include <map>
#include <set>

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

//! Numbers of images: counted where they are here, else estimated.
class SplitNumbers {
 public:
  SplitNumbers(const Plan& plan, const PriceOf& of) : counted_(of.counted) {
    for (const DatasetPlan& dataset : plan.datasets) datasets_[dataset.id] = &dataset;
  }
  std::optional<EstimatedSplit> numbers(const PackSettings& pack, const SplitSettings& split) const {
    if (const auto dataset = datasets_.find(pack.name); counted_ && dataset != datasets_.end())
      if (auto counted = counted_(*dataset->second, split)) return counted;
    return estimated_split(pack, split);
  }

 private:
  const std::function<std::optional<EstimatedSplit>(const DatasetPlan&, const SplitSettings&)>& counted_;
  std::map<std::string, const DatasetPlan*> datasets_;
};

//! \param images of the data set
double pack_bytes(const DatasetPlan& dataset, double images, const PriceOf& of) {
  const PackSettings& pack = dataset.pack;
  const settings::RawData* raw = settings::raw_data_of(pack.source);
  const auto here = of.raw_pixels && !pack.synthetic ? of.raw_pixels(dataset) : std::nullopt;
  const double native = pack.synthetic   ? static_cast<double>(pack.synthetic->height) * pack.synthetic->width
                        : here           ? *here
                        : raw != nullptr ? static_cast<double>(raw->height) * raw->width
                                         : 0;
  double shrunk = 0;
  for (const int rate : pack.rates)
    if (rate > 1) shrunk += 1.0 / (static_cast<double>(rate) * rate);
  const double network = static_cast<double>(pack.height) * pack.width;
  return images * 3 * (network * (1 + shrunk) + native * shrunk);
}

double feature_bytes(const EstimatedSplit& split, const methods::Work& work) {
  const double floats = work.feature;
  return kFloatBytes * (floats > 0 ? (split.queries + split.gallery) * floats : split.queries * split.gallery);
}

double training_work(const TrainingSpecification& training, const methods::Work& work,
                     const std::optional<EstimatedSplit>& split) {
  const double low = low_rows(training, split);
  return training.recipe.steps * rows_of(training.recipe) * ((1 - low) * work.hr_row + low * work.lr_row);
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

double evaluation_work(const EvaluationSpecification& evaluation, const TrainingSpecification& training,
                       const methods::Work& work, const EstimatedSplit& split) {
  const GalleryPasses passes = gallery_passes(evaluation, training);
  const double once = split.queries * work.query +
                      split.gallery * (passes.originals * work.gallery + passes.copies * work.gallery_copy);
  return evaluation.protocol.flip ? 2 * once : once;
}

//! A job that takes time, with the training whose networks it runs.
struct TimedJob {
  const PlannedJob* job;
  const TrainingSpecification* training;
  std::optional<EstimatedSplit> split;
  std::optional<methods::Work> work;
  std::optional<double> multiply_adds;
  Device device;
  bool trains = false;
  std::vector<std::optional<EstimatedSplit>> joined{};  //!< of a training's further data sets
};

std::vector<TimedJob> timed_jobs(const Plan& plan, const SplitNumbers& splits) {
  std::map<JobId, const TrainingSpecification*> trainings;
  std::vector<TimedJob> timed;
  for (const PlannedJob& job : plan.jobs) {
    if (const auto* training = std::get_if<TrainingSpecification>(&job.specification)) {
      trainings[job.id] = training;
      TimedJob one{
          &job, training, splits.numbers(training->pack, training->split), work_of(*training), {}, training->device,
          true};
      if (one.work) one.multiply_adds = training_work(*training, *one.work, one.split);
      if (job.goes_on && one.multiply_adds)
        *one.multiply_adds *= 1 - static_cast<double>(job.goes_on->steps) / training->recipe.steps;
      for (const JoinedSet& set : training->joined) one.joined.push_back(splits.numbers(set.pack, set.split));
      timed.push_back(std::move(one));
    } else if (const auto* evaluation = std::get_if<EvaluationSpecification>(&job.specification)) {
      const TrainingSpecification* trained = trainings.at(evaluation->training);
      TimedJob one{&job,
                   trained,
                   splits.numbers(evaluation->pack, evaluation->split),
                   work_of(*trained),
                   {},
                   device_of(*evaluation, *trained)};
      if (one.work && one.split) one.multiply_adds = evaluation_work(*evaluation, *trained, *one.work, *one.split);
      timed.push_back(std::move(one));
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

std::optional<settings::Precision> precision_of(const Machine& machine, const std::vector<TimedJob>& jobs,
                                                const PriceOf& of) {
  std::set<settings::Precision> all;
  for (const TimedJob& one : jobs)
    if (one.device == machine.device && !of.is_done(one.job->id)) all.insert(one.training->recipe.precision);
  return all.size() == 1 ? std::optional(*all.begin()) : std::nullopt;
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
  price.precision = precision_of(machine, jobs, of);
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
  std::set<JobId> in_cells;
  for (const TablePlan& table : plan.tables)
    for (const RowPlan& row : table.rows)
      for (const CellPlan& cell : row.cells) {
        price.evaluations.asked += cell.evaluations.size();
        in_cells.insert(cell.evaluations.begin(), cell.evaluations.end());
      }
  // A search asked for those of its earlier rungs.
  for (const PlannedJob& job : plan.jobs)
    if (std::holds_alternative<EvaluationSpecification>(job.specification) && !in_cells.contains(job.id))
      ++price.evaluations.asked;
  price.trainings.asked = price.evaluations.asked;  // each cell and trial asks for both
  for (const PlannedJob& job : plan.jobs)
    if (const auto* training = std::get_if<TrainingSpecification>(&job.specification))
      price.trainings.asked += training->start_from ? 1 : 0;
}

// How many numbers of each parameter a training keeps from step to step: itself, its moments and its average.
int kept_copies(const Recipe& recipe) { return 1 + settings::moments(recipe) + (recipe.ema > 0 ? 1 : 0); }

double state_bytes(const TimedJob& one) {
  return kept_copies(one.training->recipe) * kFloatBytes * one.work->parameters;
}

//! Images of each data set of which they are known.
std::map<std::string, double> images_of_sets(const Plan& plan, const std::vector<TimedJob>& jobs) {
  std::map<std::string, double> images;
  for (const DatasetPlan& dataset : plan.datasets)
    if (const auto split = estimated_split(dataset.pack, SplitSettings())) images[dataset.id] = split->images;
  for (const TimedJob& one : jobs) {
    if (one.split)
      images[std::visit([](const auto& job) { return job.pack.name; }, one.job->specification)] = one.split->images;
    for (std::size_t i = 0; i < one.joined.size(); ++i)
      if (one.joined[i]) images[one.training->joined[i].pack.name] = one.joined[i]->images;
  }
  return images;
}

// Two checkpoints of each training that is at work at once: those that take most, on as many machines as are asked for.
void add_checkpoints(const std::vector<TimedJob>& jobs, const PriceOf& of, DiskPrice& disk) {
  for (const auto& [device, machines] : {std::pair(Device::kCuda, of.gpus), std::pair(Device::kCpu, of.cores)}) {
    std::vector<std::pair<double, int>> trainings;  // bytes, process ranks
    for (const TimedJob& one : jobs)
      if (one.trains && one.work && one.device == device && !of.is_done(one.job->id))
        trainings.emplace_back(2 * state_bytes(one), one.job->slots);
    std::ranges::sort(trainings, std::greater<>());
    int taken = 0;
    for (const auto& [bytes, ranks] : trainings) {
      if (taken > 0 && taken + ranks > machines) break;  // one runs, however few there are
      disk.checkpoints += bytes;
      ++disk.at_once;
      taken += ranks;
    }
  }
}

DiskPrice disk_of(const Plan& plan, const std::vector<TimedJob>& jobs, const PriceOf& of) {
  DiskPrice disk;
  const auto images = images_of_sets(plan, jobs);
  for (const DatasetPlan& dataset : plan.datasets) {
    const auto here = of.pack_bytes ? of.pack_bytes(dataset) : std::nullopt;
    const auto known = images.find(dataset.id);
    if (!here && known == images.end()) disk.unknown.push_back(dataset.id);
    if (here)
      disk.packs += *here;
    else if (known != images.end())
      disk.packs += pack_bytes(dataset, known->second, of);
  }
  for (const TimedJob& one : jobs) {
    if (!one.work) continue;
    if (one.job->keeps_state) disk.states += state_bytes(one);
    if (one.trains)
      disk.weights += kFloatBytes * one.work->parameters;
    else if (one.split)
      disk.features += feature_bytes(*one.split, *one.work);
  }
  add_checkpoints(jobs, of, disk);
  return disk;
}

void find_repeated(const std::vector<TimedJob>& jobs, Price& price) {
  for (const TimedJob& one : jobs) {
    double people = one.split ? one.split->people : 0, all = one.split ? one.split->train : 0;
    for (const auto& split : one.joined) {
      people += split ? split->people : 0;
      all += split ? split->train : 0;
    }
    if (!one.trains || people < 1) continue;
    const double images = all / people;
    const int taken = one.training->recipe.images;
    if (images >= taken) continue;
    std::pair<int, double>& most = price.repeated[one.training->pack.name];
    if (taken > most.first) most = {taken, images};
  }
}

}  // namespace

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
  return evaluation_work(evaluation, training, *work, *split);
}

Price price_of(const Plan& plan, const PriceOf& of) {
  Price price;
  count_jobs(price, plan, of);
  const std::vector<TimedJob> jobs = timed_jobs(plan, SplitNumbers(plan, of));
  price.disk = disk_of(plan, jobs, of);
  price.of_programs =
      static_cast<std::size_t>(std::ranges::count_if(jobs, [](const TimedJob& one) { return !one.work.has_value(); }));
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

}  // namespace resolute::experiments
