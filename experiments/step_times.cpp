#include "experiments/step_times.h"

#include <algorithm>

#include "experiments/language/table_reader.h"
#include "methods/work.h"
#include "settings/names.h"
#include "settings/trunk_shape.h"

namespace resolute::experiments {
namespace {

double above_zero(TableReader& reader, const std::string& key) {
  const auto value = reader.value<double>(key);
  if (!(value > 0))
    throw core::input_error(fmt::format("{}: key '{}' has the value {}", reader.place(key), key, value),
                            "above 0 is needed");
  return value;
}

const MethodOptions& method_of(TableReader& reader) {
  const auto name = reader.value<std::string>("method");
  for (const MethodOptions& method : methods::all_methods())
    if (method_name(method) == name) return method;
  throw core::input_error(fmt::format("{}: key 'method' has the value '{}'", reader.place("method"), name), {},
                          settings::nearest_or_all(name, method_names()));
}

//! A step that was taken: its multiply-adds by its seconds.
Rate measured_rate(TableReader& reader, const MethodOptions& method, settings::Trunk backbone) {
  methods::WorkCase taken;
  taken.network.backbone = backbone;
  taken.height = reader.value<int>("height");
  taken.width = reader.value<int>("width");
  const methods::Work work = methods::work(method, taken);
  const double step = reader.value<int>("hr_rows") * work.hr_row + reader.value<int>("lr_rows") * work.lr_row;
  const auto from = reader.title("from");
  return {step / above_zero(reader, "seconds"), true, "measured: " + from};
}

//! The trunk of the same convolutions, which take nearly all of a step; without another one the network's own.
std::string_view word_of_stand_in(const settings::NetworkSettings& network) {
  return settings::word(settings::trunk_shape(network).same_convolutions.value_or(network.backbone));
}

Rate modelled_rate(TableReader& reader) {
  constexpr double kTera = 1e12, kOperations = 2;  // of a multiply-add
  const double peak = above_zero(reader, "peak_tflops"), share = above_zero(reader, "share");
  return {peak * kTera * share / kOperations, false,
          fmt::format("modelled: {} TFLOP/s x {} ({})", peak, share, reader.title("from"))};
}

}  // namespace

StepTimes StepTimes::read(core::FileSystem& files, const std::filesystem::path& path) {
  const Node document = parse_toml(core::read_named_text(files, path), path.string());
  TableReader reader(document, "the step times");
  StepTimes times;
  std::vector<std::string> known;
  for (const Node* node : reader.tables("machine")) {
    TableReader one(*node, "[[machine]]");
    times.machines_.push_back({plain_name(one, "id"), one.title("title"), one.value<Device>("device")});
    known.push_back(times.machines_.back().id);
    one.finish();
  }
  for (const Node* node : reader.tables("step_time")) {
    TableReader one(*node, "[[step_time]]");
    Entry entry;
    entry.machine = one.value<std::string>("machine");
    if (std::find(known.begin(), known.end(), entry.machine) == known.end())
      throw core::input_error(fmt::format("{}: key 'machine' names '{}'", one.place("machine"), entry.machine), {},
                              settings::nearest_or_all(entry.machine, known));
    entry.precision = settings::word(one.value<settings::Precision>("precision"));
    if (one.find("seconds") != nullptr) {
      const MethodOptions& method = method_of(one);
      const auto backbone = one.value<settings::Trunk>("backbone");
      entry.method = method_name(method);
      entry.backbone = settings::word(backbone);
      entry.rate = measured_rate(one, method, backbone);
    } else {
      entry.rate = modelled_rate(one);
    }
    one.finish();
    times.entries_.push_back(std::move(entry));
  }
  for (const Node* node : reader.tables("step_memory")) {
    TableReader one(*node, "[[step_memory]]");
    times.memories_.push_back(
        {method_name(method_of(one)), std::string(settings::word(one.value<settings::Trunk>("backbone"))),
         std::string(settings::word(one.value<settings::Precision>("precision"))), above_zero(one, "bytes_a_pixel")});
    one.finish();
  }
  reader.finish();
  return times;
}

std::optional<Rate> StepTimes::rate(const Machine& machine, const TrainingSpecification& training) const {
  const std::string method = method_name(training.method);
  const std::string_view backbone = settings::word(training.network.backbone);
  const std::string_view precision = settings::word(training.recipe.precision);
  const std::string_view alike = word_of_stand_in(training.network);
  const Entry *same = nullptr, *same_trunk = nullptr, *same_on_alike = nullptr, *on_alike = nullptr,
              *modelled = nullptr, *any = nullptr;
  for (const Entry& entry : entries_) {
    if (entry.machine != machine.id || entry.precision != precision) continue;
    const auto slower = [&](const Entry*& one) {
      if (one == nullptr || entry.rate.multiply_adds_a_second < one->rate.multiply_adds_a_second) one = &entry;
    };
    if (!entry.rate.measured) slower(modelled);
    if (entry.backbone == backbone && entry.method == method) slower(same);
    if (entry.backbone == backbone) slower(same_trunk);
    if (entry.backbone == alike && entry.method == method) slower(same_on_alike);
    if (entry.backbone == alike) slower(on_alike);
    slower(any);
  }
  if (same != nullptr) return same->rate;
  const Entry* other = nullptr;
  for (const Entry* one : {any, modelled, on_alike, same_on_alike, same_trunk}) other = one != nullptr ? one : other;
  if (other == nullptr) return std::nullopt;
  if (other == modelled) return modelled->rate;
  return Rate{other->rate.multiply_adds_a_second, false,
              fmt::format("modelled: as many operations per second as {} on {} ({})", other->method, other->backbone,
                          other->rate.origin)};
}

std::optional<double> StepTimes::bytes_a_pixel(const TrainingSpecification& training) const {
  const auto precision =
      training.recipe.precision == settings::Precision::kTf32 ? settings::Precision::kF32 : training.recipe.precision;
  std::optional<double> of_alike;
  for (const CountedMemory& counted : memories_) {
    if (counted.method != method_name(training.method) || counted.precision != settings::word(precision)) continue;
    if (counted.backbone == settings::word(training.network.backbone)) return counted.bytes_a_pixel;
    if (counted.backbone == word_of_stand_in(training.network)) of_alike = counted.bytes_a_pixel;
  }
  return of_alike;
}

}  // namespace resolute::experiments
