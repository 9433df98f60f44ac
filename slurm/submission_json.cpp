#include <algorithm>
#include <cstddef>

#include "slurm/launcher.h"
#include "slurm/submission.h"

namespace resolute::slurm {
namespace {

namespace fs = std::filesystem;
using core::Json;
using core::ObjectReader;

constexpr int kSubmissionVersion = 1;
constexpr std::size_t kTokenDigits = 12;
constexpr int kMost = 1'000'000'000;  // of anything that is counted here

core::RuntimeError wrong(const ObjectReader& reader, const std::string& key, const std::string& value,
                         std::string_view why) {
  return core::input_error(fmt::format("{}: key '{}' has the value '{}'", reader.where(), key, value), why);
}

bool is_hexadecimal(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

int number(ObjectReader& reader, const std::string& key, int least) {
  const int value = reader.required<int>(key);
  if (value < least || value > kMost)
    throw wrong(reader, key, std::to_string(value), fmt::format("{} to {} are allowed", least, kMost));
  return value;
}

std::chrono::seconds seconds(ObjectReader& reader, const std::string& key) {
  return std::chrono::seconds(number(reader, key, 0));
}

fs::path absolute_path(ObjectReader& reader, const std::string& key) {
  const auto text = reader.required<std::string>(key);
  fs::path path(text);
  if (!path.is_absolute() || text.find('\0') != std::string::npos)
    throw wrong(reader, key, text, "an absolute path is needed");
  return path;
}

std::vector<std::string> words(ObjectReader& reader, const std::string& key) {
  auto list = reader.required<std::vector<std::string>>(key);
  for (const std::string& word : list)
    if (word.find('\0') != std::string::npos) throw wrong(reader, key, word, "it has a zero byte");
  return list;
}

// The list's elements, each read by `read(element, where)`.
template <class Read>
auto each(ObjectReader& reader, const std::string& key, Read read) {
  const auto list = reader.required<std::vector<Json>>(key);
  std::vector<decltype(read(list.front(), std::string()))> result;
  for (std::size_t i = 0; i < list.size(); ++i)
    result.push_back(read(list[i], fmt::format("{}: {}[{}]", reader.where(), key, i)));
  return result;
}

Json to_json(const Resources& resources) {
  return {{"account", resources.account},
          {"array_at_once", resources.array_at_once},
          {"constraint", resources.constraint},
          {"cpus_per_node", resources.cpus_per_node},
          {"exclude", resources.exclude},
          {"exclusive", resources.exclusive},
          {"gpu_type", resources.gpu_type},
          {"gpus_per_node", resources.gpus_per_node},
          {"mail_type", resources.mail_type},
          {"mail_user", resources.mail_user},
          {"memory", resources.memory},
          {"nodes", resources.nodes},
          {"options", resources.options},
          {"partition", resources.partition},
          {"qos", resources.qos},
          {"reservation", resources.reservation},
          {"time_seconds", resources.time.count()}};
}

Resources read_resources(const Json& json, const std::string& where) {
  ObjectReader reader(json, where);
  Resources resources;
  resources.account = reader.required<std::string>("account");
  resources.array_at_once = number(reader, "array_at_once", 0);
  resources.constraint = reader.required<std::string>("constraint");
  resources.cpus_per_node = number(reader, "cpus_per_node", 0);
  resources.exclude = reader.required<std::string>("exclude");
  resources.exclusive = reader.required<bool>("exclusive");
  resources.gpu_type = reader.required<std::string>("gpu_type");
  resources.gpus_per_node = number(reader, "gpus_per_node", 0);
  resources.mail_type = reader.required<std::string>("mail_type");
  resources.mail_user = reader.required<std::string>("mail_user");
  resources.memory = reader.required<std::string>("memory");
  resources.nodes = number(reader, "nodes", 1);
  resources.options = words(reader, "options");
  resources.partition = reader.required<std::string>("partition");
  resources.qos = reader.required<std::string>("qos");
  resources.reservation = reader.required<std::string>("reservation");
  resources.time = seconds(reader, "time_seconds");
  reader.finish();
  return resources;
}

Json to_json(const SiteEnvironment& site) { return {{"commands", site.commands}, {"modules", site.modules}}; }

SiteEnvironment read_site(const Json& json, const std::string& where) {
  ObjectReader reader(json, where);
  SiteEnvironment site{words(reader, "modules"), words(reader, "commands")};
  reader.finish();
  return site;
}

Json to_json(const Batch& batch) {
  return {{"after", batch.after},
          {"first_allocation", batch.first_allocation},
          {"job_name", batch.job_name},
          {"jobs", batch.jobs},
          {"number", batch.number}};
}

// \param count of batches before it
Batch read_batch(const Json& json, const std::string& where, const SubmissionRequest& request, int count) {
  ObjectReader reader(json, where);
  Batch batch;
  batch.number = number(reader, "number", 1);
  if (batch.number != count + 1)
    throw wrong(reader, "number", std::to_string(batch.number), "batches stand in order, from 1 on");
  batch.job_name = reader.required<std::string>("job_name");
  // The names tell submissions and batches apart in SLURM: two alike would be taken for one.
  if (!is_job_name(batch.job_name) || !batch.job_name.ends_with(fmt::format("-{}-{}", request.token, batch.number)))
    throw wrong(reader, "job_name", batch.job_name, "a job's name ends in '-TOKEN-NUMBER'");
  batch.first_allocation = number(reader, "first_allocation", 1);
  batch.after = number(reader, "after", 0);
  if (batch.after > count)
    throw wrong(reader, "after", std::to_string(batch.after), "a batch waits for one that stands before it");
  batch.jobs = reader.required<std::vector<std::string>>("jobs");
  for (const std::string& job : batch.jobs)
    if (job.empty() || job.size() > 64 || !is_hexadecimal(job))
      throw wrong(reader, "jobs", job, "a job's id has up to 64 hexadecimal digits");
  reader.finish();
  return batch;
}

std::pair<std::string, std::string> read_variable(const Json& json, const std::string& where) {
  ObjectReader reader(json, where);
  std::pair<std::string, std::string> variable{reader.required<std::string>("name"),
                                               reader.required<std::string>("value")};
  const std::string& name = variable.first;
  const bool is_name =
      !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::all_of(name.begin(), name.end(), [](char c) {
        return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
      });
  if (!is_name) throw wrong(reader, "name", name, "no shell variable can have it");
  if (variable.second.find('\0') != std::string::npos) throw wrong(reader, "value", "", "it has a zero byte");
  reader.finish();
  return variable;
}

// Who, when, what for.
void read_identity(ObjectReader& reader, SubmissionRequest& request) {
  request.token = reader.required<std::string>("token");
  if (request.token.size() != kTokenDigits || !is_hexadecimal(request.token))
    throw wrong(reader, "token", request.token, "12 hexadecimal digits are needed");
  request.suite = reader.required<std::string>("suite");
  if (!is_job_name(request.suite)) throw wrong(reader, "suite", request.suite, "a suite's name is needed");
  request.title = reader.required<std::string>("title");
  const auto created = reader.required<std::string>("created");
  const auto time = parse_time(created);
  if (!time) throw wrong(reader, "created", created, "a time as '2026-01-31T12:00:00' is needed");
  request.created = *time;
  request.by = reader.required<std::string>("by");
}

void read_command(ObjectReader& reader, SubmissionRequest& request) {
  request.store = absolute_path(reader, "store");
  request.resolute = absolute_path(reader, "resolute");
  request.relative_to = absolute_path(reader, "relative_to");
  request.working_folder = absolute_path(reader, "working_folder");
  request.plan_arguments = words(reader, "plan_arguments");
  request.run_arguments = words(reader, "run_arguments");
  request.container = words(reader, "container");
  request.container_program = reader.required<std::string>("container_program");
  request.launcher = reader.required<std::string>("launcher");
  if (request.launcher != "auto") parse_launcher(request.launcher);
  request.continuation = parse_continuation(reader.required<std::string>("continuation"));
  request.most_restarts = number(reader, "most_restarts", 1);
  request.most_fruitless = number(reader, "most_fruitless", 1);
  request.notice = seconds(reader, "notice_seconds");
}

SubmissionRequest read_request(const Json& json, const std::string& where) {
  ObjectReader reader(json, where);
  const int version = reader.required<int>("version");
  if (version != kSubmissionVersion)
    throw core::input_error(fmt::format("{}: version {} of a submission", where, version),
                            fmt::format("this program reads version {}", kSubmissionVersion),
                            "use the version of resolute that wrote it");
  SubmissionRequest request;
  read_identity(reader, request);
  read_command(reader, request);
  request.resources = read_resources(reader.required<Json>("resources"), where + ": resources");
  request.site = read_site(reader.required<Json>("site"), where + ": site");
  request.variables = each(reader, "variables", read_variable);
  request.batches = each(reader, "batches", [&, count = 0](const Json& element, const std::string& place) mutable {
    return read_batch(element, place, request, count++);
  });
  if (request.batches.empty()) throw wrong(reader, "batches", "[]", "a submission has at least one");
  reader.finish();
  return request;
}

}  // namespace

std::string_view name_of(Continuation continuation) {
  return continuation == Continuation::kRequeue ? "requeue" : "chain";
}

Continuation parse_continuation(const std::string& text) {
  for (Continuation each : {Continuation::kRequeue, Continuation::kChain})
    if (text == name_of(each)) return each;
  throw core::input_error(fmt::format("continuation '{}' is unknown", text), {}, "use 'requeue' or 'chain'");
}

Json to_json(const SubmissionRequest& request) {
  Json variables = Json::array();
  for (const auto& [name, value] : request.variables) variables.push_back({{"name", name}, {"value", value}});
  Json batches = Json::array();
  for (const Batch& batch : request.batches) batches.push_back(to_json(batch));
  return {{"batches", batches},
          {"by", request.by},
          {"container", request.container},
          {"container_program", request.container_program},
          {"continuation", std::string(name_of(request.continuation))},
          {"created", time_text(request.created)},
          {"launcher", request.launcher},
          {"most_fruitless", request.most_fruitless},
          {"most_restarts", request.most_restarts},
          {"notice_seconds", request.notice.count()},
          {"plan_arguments", request.plan_arguments},
          {"relative_to", request.relative_to.string()},
          {"resolute", request.resolute.string()},
          {"resources", to_json(request.resources)},
          {"run_arguments", request.run_arguments},
          {"site", to_json(request.site)},
          {"store", request.store.string()},
          {"suite", request.suite},
          {"title", request.title},
          {"token", request.token},
          {"variables", variables},
          {"version", kSubmissionVersion},
          {"working_folder", request.working_folder.string()}};
}

SubmissionRequest request_from_json(const Json& json, const std::string& where) {
  try {
    return read_request(json, where);
  } catch (const core::RuntimeError& error) {
    const std::string message = error.what();
    throw core::RuntimeError(core::ErrorKind::kCorrupt,
                             message.starts_with(where) ? message : fmt::format("{}: {}", where, message));
  }
}

}  // namespace resolute::slurm
