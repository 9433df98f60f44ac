#include "slurm/submission.h"

#include <algorithm>
#include <tuple>

#include "core/files/ownership.h"
#include "core/hash/sha256.h"
#include "core/numbers.h"
#include "slurm/launcher.h"
#include "slurm/stored_members.h"

namespace resolute::slurm {

namespace {

using core::Json;
using core::ObjectReader;

constexpr std::size_t kLongestReason = 4096;
constexpr std::string_view kIntent = "intent";
constexpr std::string_view kAccepted = "accepted";
constexpr std::string_view kRefused = "refused";

std::string generation_file(std::string_view kind, int number) { return fmt::format("{}-{:03}.json", kind, number); }

// The file of a generation that has such a record.
template <class T>
fs::path file_of(const fs::path& batch_folder, int number) {
  const auto kind = std::same_as<T, Intended> ? kIntent : std::same_as<T, KnownJob> ? kAccepted : kRefused;
  return batch_folder / generation_file(kind, number);
}

// The number in "intent-007.json"; nothing for any other name.
std::optional<int> generation_in(const std::string& name) {
  for (std::string_view kind : {kIntent, kAccepted, kRefused}) {
    if (!name.starts_with(fmt::format("{}-", kind))) continue;
    const std::size_t begin = kind.size() + 1;
    const auto number = core::number_of<int>(name.substr(begin, name.find('.') - begin));
    if (number >= 0 && name == generation_file(kind, *number)) return number;
  }
  return std::nullopt;
}

// Others' text as one line of UTF-8 that is not too long.
std::string one_line(std::string text) {
  if (text.size() > kLongestReason) text.resize(kLongestReason);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  const std::string quoted = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  return Json::parse(quoted).get<std::string>();
}

std::string text_of(const Json& json) { return core::canonical_json(json) + "\n"; }

Json parse_file(core::FileSystem& files, const fs::path& path) {
  const std::string text = core::read_text(files, path);
  try {
    return core::parse_json(text, path.string());
  } catch (const core::RuntimeError& error) {
    throw core::RuntimeError(core::ErrorKind::kCorrupt, error.what());
  }
}

// The record of a generation of a batch; nothing if it is not there.
template <class T>
std::optional<T> read_record(core::FileSystem& files, const fs::path& batch_folder, const Batch& batch, int number) {
  const fs::path path = file_of<T>(batch_folder, number);
  if (!files.exists(path)) return std::nullopt;
  return read_document<T>(parse_file(files, path), path.string(), [&](const T&, auto& reader) {
    const auto name = reader.template required<std::string>("job_name");
    const auto generation = reader.template required<int>("generation");
    if (name != batch.job_name || generation != number)
      throw core::corrupt_error(fmt::format("{}: it is of generation {} of '{}'", path.string(), generation, name),
                                fmt::format("generation {} of '{}' should stand here", number, batch.job_name));
  });
}

// publish_exclusive() of the record of a generation.
template <class T>
bool publish_record(core::FileSystem& files, const fs::path& batch_folder, const Batch& batch, int number,
                    const T& record) {
  Json json = document(record);
  json.update({{"job_name", batch.job_name}, {"generation", number}});
  return core::publish_exclusive(files, file_of<T>(batch_folder, number), text_of(json));
}

// publish_exclusive() where the same text may stand already; another one is refused.
void publish_same(core::FileSystem& files, const fs::path& path, const std::string& text) {
  if (core::publish_exclusive(files, path, text) || core::read_text(files, path) == text) return;
  const fs::path folder = path.parent_path();
  // The last file of a submission is its request: without it somebody submits just now, or was killed doing so.
  if (!files.exists(folder / "request.json"))
    throw core::input_error(fmt::format("'{}' is there already", path.string()),
                            "of another text of the suite, whose submission was not finished",
                            fmt::format("remove '{}' unless somebody submits this suite now", folder.string()));
  throw core::input_error(fmt::format("'{}' is there already", path.string()), "with other content",
                          "submit under another token");
}

fs::path submissions_folder(const fs::path& suite_folder) { return suite_folder / "submissions"; }

// \param count of batches before it
void check(const Batch& batch, const ObjectReader& reader, const SubmissionRequest& request, int count) {
  if (batch.number != count + 1)
    throw wrong(reader, "number", std::to_string(batch.number), "batches stand in order, from 1 on");
  // The names tell submissions and batches apart in SLURM: two alike would be taken for one.
  if (!is_job_name(batch.job_name) || !batch.job_name.ends_with(fmt::format("-{}-{}", request.token, batch.number)))
    throw wrong(reader, "job_name", batch.job_name, "a job's name ends in '-TOKEN-NUMBER'");
}

void check(const SubmissionRequest& request, const ObjectReader& reader) {
  if (!is_token(request.token))
    throw wrong(reader, "token", request.token, fmt::format("{} hexadecimal digits are needed", kTokenDigits));
  if (!is_job_name(request.suite)) throw wrong(reader, "suite", request.suite, "a suite's name is needed");
  if (request.launcher != "auto") parse_launcher(request.launcher);
  if (!is_mpi_kind(request.launch.mpi))
    throw wrong(reader, "launch", request.launch.mpi, "a kind of srun's --mpi is needed");
  if (!request.dependency.empty()) validate_dependency(request.dependency);
  validate_cluster(request.cluster);
  for (const auto& [name, value] : request.variables)
    if (!is_variable_name(name)) throw wrong(reader, "variables", name, "no shell variable can have that name");
  if (request.batches.empty()) throw wrong(reader, "batches", "[]", "a submission has at least one");
  for (int count = 0; const Batch& batch : request.batches) check(batch, reader, request, count++);
}

}  // namespace

bool is_token(std::string_view text) { return text.size() == kTokenDigits && core::is_hexadecimal(text); }

Json to_json(const SubmissionRequest& request) { return document(request); }

SubmissionRequest request_from_json(const Json& json, const std::string& where) {
  return read_document<SubmissionRequest>(json, where,
                                          [](const auto& request, const auto& reader) { check(request, reader); });
}

const Resources& resources_of(const SubmissionRequest& request, const Batch& batch) {
  return batch.resources ? *batch.resources : request.resources;
}

ScriptRequest script_of(const SubmissionRequest& request, const Batch& batch, const fs::path& folder, int generation) {
  const Resources& resources = resources_of(request, batch);
  ScriptRequest script;
  script.job_name = batch.job_name;
  script.comment = fmt::format("resolute suite {}, submission {}, batch {}, generation {}", request.suite,
                               request.token, batch.number, generation);
  script.resources = resources;
  std::string& exclude = script.resources.exclude;
  for (const std::string& node : request.left_out)
    if (exclude.size() + node.size() < kLongestWord) exclude += (exclude.empty() ? "" : ",") + node;
  script.site = request.site;
  script.working_folder = request.working_folder;
  script.output = folder / fmt::format("batch-{:03}", batch.number) / "log";
  // A job that follows another has waited already.
  if (generation == 0) script.dependency = request.dependency;
  script.notice = request.notice;
  // Agents that srun started outlive the first node and requeue the job; mpirun takes its own with it.
  script.no_kill = resources.nodes > 1 && request.launcher != name_of(Launcher::kMpirun);
  script.command = {request.resolute.string(),
                    "suite",
                    "allocation",
                    "--submission",
                    folder.string(),
                    "--batch",
                    std::to_string(batch.number),
                    "--generation",
                    std::to_string(generation)};
  script.variables = request.variables;
  return script;
}

SubmissionFolder::SubmissionFolder(core::FileSystem& files, fs::path folder)
    : files_(files), folder_(std::move(folder)) {}

SubmissionRequest SubmissionFolder::request() const {
  const fs::path path = folder_ / "request.json";
  SubmissionRequest request = request_from_json(parse_file(files_, path), path.string());
  if (request.token != folder_.filename().string())
    throw core::corrupt_error(fmt::format("{}: it is of submission '{}'", path.string(), request.token),
                              "the folder's name is its token");
  return request;
}

fs::path SubmissionFolder::batch_folder(const Batch& batch) const {
  return folder_ / fmt::format("batch-{:03}", batch.number);
}

GenerationState SubmissionFolder::generation(const Batch& batch, int number) const {
  const fs::path folder = batch_folder(batch);
  if (auto job = read_record<KnownJob>(files_, folder, batch, number)) return *job;
  if (auto refusal = read_record<Refused>(files_, folder, batch, number)) return *refusal;
  if (auto intent = read_record<Intended>(files_, folder, batch, number)) return *intent;
  return NeverTried{};
}

int SubmissionFolder::last_generation(const Batch& batch) const {
  int last = -1;
  for (const std::string& name : files_.list(batch_folder(batch)))
    last = std::max(last, generation_in(name).value_or(-1));
  return last;
}

std::string SubmissionFolder::why_wanted(const Batch& batch, int number) const {
  return read_record<Intended>(files_, batch_folder(batch), batch, number).value_or(Intended{}).why;
}

std::vector<KnownJob> SubmissionFolder::known_jobs(const Batch& batch) const {
  const fs::path folder = batch_folder(batch);
  std::vector<int> numbers;
  for (const std::string& name : files_.list(folder))
    if (const auto number = generation_in(name); number && name.starts_with(kAccepted)) numbers.push_back(*number);
  std::ranges::sort(numbers);
  std::vector<KnownJob> jobs;
  for (int number : numbers)
    if (auto job = read_record<KnownJob>(files_, folder, batch, number)) jobs.push_back(*job);
  return jobs;
}

bool SubmissionFolder::ended() const { return files_.exists(folder_ / "ended.json"); }

void SubmissionFolder::require_own() const {
  const std::string refusal = fmt::format("submission {} is not run", folder_.filename().string());
  for (const fs::path& path : {folder_, folder_ / "request.json", suite_file()}) core::require_own(path, refusal);
  for (const std::string& name : files_.list(folder_))
    if (name.starts_with("batch-")) core::require_own(folder_ / name, refusal);
}

void SubmissionFolder::end(const std::string& why) {
  core::publish_exclusive(files_, folder_ / "ended.json",
                          text_of({{"version", kStoredVersion}, {"why", one_line(why)}}));
}

bool SubmissionFolder::intend(const Batch& batch, int number, const Intended& intent) {
  return publish_record(files_, batch_folder(batch), batch, number, intent);
}

KnownJob SubmissionFolder::accept(const Batch& batch, int number, const KnownJob& job) {
  const fs::path folder = batch_folder(batch);
  if (!files_.exists(file_of<KnownJob>(folder, number)) && publish_record(files_, folder, batch, number, job))
    return job;
  return read_record<KnownJob>(files_, folder, batch, number).value_or(job);
}

Refused SubmissionFolder::refuse(const Batch& batch, int number, const Refused& refusal) {
  Refused clean{one_line(refusal.why)};
  if (publish_record(files_, batch_folder(batch), batch, number, clean)) return clean;
  return read_record<Refused>(files_, batch_folder(batch), batch, number).value_or(clean);
}

SubmissionFolder create_submission(core::FileSystem& files, const fs::path& suite_folder,
                                   const SubmissionRequest& request, const std::string& suite_text) {
  std::string text;
  try {
    text = text_of(to_json(request));
    request_from_json(core::parse_json(text, "submission"), "submission");
  } catch (const Json::exception&) {
    throw core::input_error("the submission cannot be written down", "a word or variable of it is not UTF-8");
  } catch (const core::RuntimeError& error) {
    throw core::RuntimeError(core::ErrorKind::kInput, error.what());
  }
  SubmissionFolder folder(files, submissions_folder(suite_folder) / request.token);
  core::make_own_folder(folder.path());
  for (const Batch& batch : request.batches) core::make_own_folder(folder.batch_folder(batch));
  publish_same(files, folder.suite_file(), suite_text);
  publish_same(files, folder.path() / "request.json", text);
  return folder;
}

std::vector<SubmissionFolder> submissions(core::FileSystem& files, const fs::path& suite_folder) {
  std::vector<std::tuple<Time, std::string, fs::path>> found;
  for (const std::string& name : files.list(submissions_folder(suite_folder))) {
    const SubmissionFolder folder(files, submissions_folder(suite_folder) / name);
    if (!files.exists(folder.path() / "request.json")) continue;
    found.emplace_back(folder.request().created, name, folder.path());
  }
  std::ranges::sort(found);
  std::vector<SubmissionFolder> result;
  for (auto& entry : found) result.emplace_back(files, std::move(std::get<fs::path>(entry)));
  return result;
}

}  // namespace resolute::slurm
