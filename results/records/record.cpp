#include "results/records/record.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "experiments/specification/metrics.h"
#include "results/records/members_json.h"

namespace resolute::results {
namespace {

using core::Json;
using core::ObjectReader;

constexpr const char* kMakeReadable = "see to it that it can be read";
constexpr std::string_view kRecordFile = "result.json";

//! The first number of a text that is none, as "metrics.mAP is NaN"; nothing where nothing else is wrong with it.
std::optional<std::string> not_a_number(std::string_view text) {
  // They become texts that no record has, so that the parser finds their names.
  std::string marked;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 1;
    if (!in_string)
      for (const std::string_view word : {"NaN", "Infinity", "-Infinity"})
        if (text.substr(i).starts_with(word)) length = word.size();
    if (length > 1) {
      marked += fmt::format("\"\\u0000{}\"", text.substr(i, length));
    } else {
      if (text[i] == '"') in_string = !in_string;
      if (text[i] == '\\' && i + 1 < text.size()) length = 2;
      marked += text.substr(i, length);
    }
    i += length;
  }
  Json flat;
  try {
    flat = core::parse_json(marked, "").flatten();
  } catch (const core::RuntimeError&) {
    return std::nullopt;
  }
  for (const auto& [name, value] : flat.items())
    if (value.is_string() && value.get_ref<const std::string&>().starts_with('\0')) {
      std::string path = name.substr(1);
      std::ranges::replace(path, '/', '.');
      return fmt::format("{} is {}", path, value.get_ref<const std::string&>().substr(1));
    }
  return std::nullopt;
}

std::string take_hash(ObjectReader& reader, const std::string& key) {
  auto text = reader.required<std::string>(key);
  if (!core::is_sha256_hex(text))
    throw core::input_error(fmt::format("{}: key '{}' has the value '{}'", reader.where(), key, text.substr(0, 80)),
                            "64 lower-case hexadecimal digits are needed");
  return text;
}

std::map<std::string, double> take_metrics(ObjectReader& reader) {
  auto object = reader.required<Json>("metrics");
  ObjectReader metrics(object, reader.where() + ": metrics");
  std::map<std::string, double> taken;
  for (const auto& [name, _] : object.items()) taken[name] = metrics.required<double>(name);
  return taken;
}

void check_evaluation_metrics(const std::map<std::string, double>& metrics, const std::string& where) {
  for (const experiments::Metric& metric : experiments::kMetrics)
    if (metric.is_per_query() && !metrics.contains(metric.name))
      throw core::input_error(fmt::format("{}: metrics: key '{}' is missing", where, metric.name));
  for (const auto& [name, value] : metrics) {
    const auto metric = experiments::find_metric(name);
    if (!metric || (*metric)->unit->range == nullptr) continue;
    const experiments::Unit& unit = *(*metric)->unit;
    if (!(value >= unit.least && value <= unit.most))
      throw core::input_error(fmt::format("{}: metrics: key '{}' has the value {}", where, name, value),
                              fmt::format("{} is needed", unit.range));
  }
}

// No ranking can give such metrics: a program has mixed up its numbers.
void check_counts_and_curve(const std::map<std::string, double>& metrics, const std::string& where) {
  const auto refuse = [&](const char* name, double value, const std::string& why) {
    throw core::input_error(fmt::format("{}: metrics: key '{}' has the value {}", where, name, value), why);
  };
  for (const char* name : {"queries", "gallery_identities"})
    if (const auto count = metrics.find(name); count != metrics.end())
      if (!(count->second >= 1) || count->second != std::floor(count->second))
        refuse(name, count->second, "a whole number of 1 or more is needed");
  constexpr double kRounding = 1e-6;  // a curve of float32
  constexpr std::array kCurve{"rank1", "rank5", "rank10", "rank20"};
  for (std::size_t i = 1; i < kCurve.size(); ++i)
    if (const double before = metrics.at(kCurve[i - 1]), here = metrics.at(kCurve[i]); here < before - kRounding)
      refuse(kCurve[i], here, fmt::format("{} is {}, and a CMC curve never falls", kCurve[i - 1], before));
}

std::string take_weights_file(ObjectReader& reader) {
  auto name = reader.required<std::string>("weights_file");
  // One with a line's end or an escape would be shown in messages.
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      std::ranges::any_of(name, is_control))
    throw core::input_error(fmt::format("{}: key 'weights_file' has the value {}", reader.where(), Json(name).dump()),
                            "the name of a file in the job's folder is needed");
  return name;
}

// True for components of letters, digits, '.', '_' and '-' that '/' parts, none of them empty or opening with '.'.
bool stays_inside(const std::string& name) {
  bool opens = true;
  for (char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool sign = c == '_' || c == '-' || c == '.';
    if (opens ? c == '.' || !(letter || sign) : !(letter || sign || c == '/')) return false;
    opens = c == '/';
  }
  return !opens;
}

std::map<std::string, std::string> take_outputs(ObjectReader& outer) {
  auto object = outer.required<Json>("outputs");
  ObjectReader reader(object, outer.where() + ": outputs");
  std::map<std::string, std::string> outputs;
  for (const auto& [name, _] : object.items()) {
    if (!stays_inside(name))
      throw core::input_error(fmt::format("{}: key '{}' is no output", reader.where(), name),
                              "the name of a file in the job's folder is needed");
    outputs[name] = take_hash(reader, name);
  }
  return outputs;
}

StartedFrom take_started_from(const Json& object, const std::string& where) {
  ObjectReader reader(object, where + ": started_from");
  StartedFrom started{{take_hash(reader, "training")}, take_hash(reader, "weights_sha256")};
  reader.finish();
  return started;
}

std::vector<JoinedProvenance> take_joined(const Json& list, const std::string& where) {
  if (!list.is_array()) throw core::input_error(fmt::format("{}: key 'joined' is no list", where));
  std::vector<JoinedProvenance> joined;
  for (const Json& one : list) {
    ObjectReader reader(one, where + ": joined");
    std::string pack = take_hash(reader, "pack_sha256");
    joined.push_back({std::move(pack), take_hash(reader, "split_sha256")});
    reader.finish();
  }
  return joined;
}

TrainingProvenance take_training_provenance(ObjectReader& outer) {
  auto object = outer.required<Json>("provenance");
  ObjectReader reader(object, outer.where() + ": provenance");
  TrainingProvenance provenance{take_hash(reader, "pack_sha256"), take_hash(reader, "split_sha256"),
                                reader.required<std::string>("numeric_class"), reader.required<int>("lanes"),
                                reader.required<bool>("from_scratch")};
  if (const Json* started = reader.find("started_from"))
    provenance.started_from = take_started_from(*started, reader.where());
  if (const Json* joined = reader.find("joined")) provenance.joined = take_joined(*joined, reader.where());
  reader.finish();
  if (provenance.lanes < 1)
    throw core::input_error(fmt::format("{}: key 'lanes' has the value {}", reader.where(), provenance.lanes),
                            "at least 1 is needed");
  return provenance;
}

EvaluationProvenance take_evaluation_provenance(ObjectReader& outer) {
  auto object = outer.required<Json>("provenance");
  ObjectReader reader(object, outer.where() + ": provenance");
  EvaluationProvenance provenance{take_hash(reader, "pack_sha256"),
                                  take_hash(reader, "split_sha256"),
                                  reader.required<std::string>("numeric_class"),
                                  {take_hash(reader, "training")}};
  reader.finish();
  return provenance;
}

Record take_record(ObjectReader& reader) {
  JobId job{take_hash(reader, "job")};
  if (reader.find("shard_sha256") != nullptr)
    return ShardRecord{job, take_hash(reader, "shard_sha256"), reader.required<std::uint64_t>("rows"),
                       take_hash(reader, "listing_sha256")};
  if (reader.find("pack_sha256") != nullptr)
    return SealRecord{job, take_hash(reader, "pack_sha256"), reader.required<std::uint64_t>("rows")};
  if (reader.find("weights_file") != nullptr)
    return TrainingRecord{job, take_weights_file(reader), take_hash(reader, "weights_sha256"), take_metrics(reader),
                          take_training_provenance(reader)};
  if (reader.find("features_sha256") != nullptr) {
    EvaluationRecord record{job,
                            take_hash(reader, "weights_sha256"),
                            take_hash(reader, "features_sha256"),
                            take_metrics(reader),
                            take_evaluation_provenance(reader),
                            take_outputs(reader)};
    check_evaluation_metrics(record.metrics, reader.where());
    check_counts_and_curve(record.metrics, reader.where());
    return record;
  }
  throw core::input_error(fmt::format("{}: no kind of job leaves such a record", reader.where()),
                          "one of the keys shard_sha256, pack_sha256, weights_file, features_sha256 is needed");
}

constexpr std::tuple kRows{
    core::row<ShardRecord>("", {"job", "shard_sha256", "rows", "listing_sha256"}),
    core::row<SealRecord>("", {"job", "pack_sha256", "rows"}),
    core::row<StartedFrom>("", {"training", "weights_sha256"}),
    core::row<JoinedProvenance>("", {"pack_sha256", "split_sha256"}),
    core::row<TrainingProvenance>(
        "", {"pack_sha256", "split_sha256", "numeric_class", "lanes", "from_scratch", "started_from", "joined"}),
    core::row<TrainingRecord>("", {"job", "weights_file", "weights_sha256", "metrics", "provenance"}),
    core::row<EvaluationProvenance>("", {"pack_sha256", "split_sha256", "numeric_class", "training"}),
    core::row<EvaluationRecord>("", {"job", "weights_sha256", "features_sha256", "metrics", "provenance", "outputs"})};

std::string damage_of_weights(core::FileSystem& files, const experiments::StoreLayout& store,
                              const TrainingRecord& record) {
  const auto path = store.job_folder(record.job) / record.weights_file;
  if (!files.exists(path)) return fmt::format("the weights '{}' are missing", record.weights_file);
  return core::sha256_of(*files.open_for_read(path)) == record.weights_sha256
             ? std::string()
             : fmt::format("the weights '{}' are damaged (their SHA-256 is another)", record.weights_file);
}

// A training may have been made anew since, on another class of machine.
std::string damage_of_training(core::FileSystem& files, const experiments::StoreLayout& store,
                               const EvaluationRecord& record) {
  const FoundRecord found = find_record(files, store, record.provenance.training, "training");
  const auto* whole = std::get_if<Record>(&found);
  if (whole == nullptr || std::get<TrainingRecord>(*whole).weights_sha256 == record.weights_sha256) return {};
  return fmt::format("{}: it is of other weights than training {} has now", kRecordFile,
                     short_id(record.provenance.training));
}

}  // namespace

const JobId& job_of(const Record& record) {
  return std::visit([](const auto& kind) -> const JobId& { return kind.job; }, record);
}

std::string numeric_class_of(const Record& record) {
  const auto class_of = [](const auto& kind) -> std::string {
    if constexpr (requires { kind.provenance; }) return kind.provenance.numeric_class;
    return {};
  };
  return std::visit(class_of, record);
}

Record parse_record(std::string_view text, const std::string& where) {
  Json json;
  try {
    json = core::parse_json(text, where);
  } catch (const core::RuntimeError&) {
    if (const auto number = not_a_number(text))
      throw core::input_error(fmt::format("{}: {}", where, *number), "a number is needed");
    throw;
  }
  ObjectReader reader(json, where);
  Record record = take_record(reader);
  reader.finish();
  return record;
}

std::string record_text(const Record& record) {
  Json json = std::visit([](const auto& kind) { return json_of(kRows, kind); }, record);
  // Most trainings start from none and learn from one set, and their records are as they were.
  if (const auto* training = std::get_if<TrainingRecord>(&record)) {
    if (!training->provenance.started_from) json["provenance"].erase("started_from");
    if (training->provenance.joined.empty()) json["provenance"].erase("joined");
  }
  return core::canonical_json(json) + "\n";
}

std::optional<Record> read_record(core::FileSystem& files, const experiments::StoreLayout& store, const JobId& job) {
  FoundRecord found = find_record(files, store, job);
  if (const auto* damaged = std::get_if<DamagedRecord>(&found)) {
    std::string why = damaged->why;
    if (why.starts_with(kRecordFile))
      why.replace(0, kRecordFile.size(), fmt::format("'{}'", store.result_file(job).string()));
    throw core::corrupt_error(why, "", damaged->advice);
  }
  auto* record = std::get_if<Record>(&found);
  return record == nullptr ? std::nullopt : std::optional(std::move(*record));
}

bool has_diverged(core::FileSystem& files, const experiments::StoreLayout& store, const JobId& training) {
  return files.exists(store.divergence_file(training)) && !files.exists(store.result_file(training));
}

FoundRecord find_record(core::FileSystem& files, const experiments::StoreLayout& store, const JobId& job,
                        std::string_view kind) {
  try {
    const auto text = core::read_text_if_exists(files, store.result_file(job));
    if (!text) return std::monostate();
    Record record = parse_record(*text, std::string(kRecordFile));
    if (job_of(record) != job)
      return DamagedRecord{fmt::format("{}: the record is of job {}", kRecordFile, short_id(job_of(record)))};
    constexpr std::array<std::string_view, std::variant_size_v<Record>> kKinds{"shard", "seal", "training",
                                                                               "evaluation"};
    if (!kind.empty() && kKinds[record.index()] != kind)
      return DamagedRecord{fmt::format("{}: the record is of another kind of job ({}; this is {})", kRecordFile,
                                       kKinds[record.index()], kind)};
    return record;
  } catch (const core::RuntimeError& error) {
    if (error.kind() != core::ErrorKind::kInput && error.kind() != core::ErrorKind::kCorrupt) throw;
    const bool is_closed = error.error_number() == EACCES || error.error_number() == EPERM;  // another user's
    return is_closed ? DamagedRecord{error.what(), kMakeReadable} : DamagedRecord{error.what()};
  }
}

std::function<std::optional<experiments::SeenRecord>(const JobId&, std::string_view)> record_check(
    core::FileSystem& files, const experiments::StoreLayout& store, bool weights) {
  return [&files, store, weights](const JobId& job, std::string_view kind) -> std::optional<experiments::SeenRecord> {
    const FoundRecord found = find_record(files, store, job, kind);
    if (const auto* damaged = std::get_if<DamagedRecord>(&found)) return experiments::SeenRecord{damaged->why, {}};
    const auto* record = std::get_if<Record>(&found);
    if (record == nullptr) return std::nullopt;
    experiments::SeenRecord seen{{}, numeric_class_of(*record)};
    if (const auto* training = std::get_if<TrainingRecord>(record); weights && training != nullptr)
      seen.damage = damage_of_weights(files, store, *training);
    if (const auto* evaluation = std::get_if<EvaluationRecord>(record))
      seen.damage = damage_of_training(files, store, *evaluation);
    if (!seen.damage.empty()) seen.numeric_class.clear();
    return seen;
  };
}

}  // namespace resolute::results
