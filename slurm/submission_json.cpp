#include "core/hash/sha256.h"
#include "slurm/launcher.h"
#include "slurm/stored_members.h"
#include "slurm/submission.h"

namespace resolute::slurm {

using core::Json;
using core::ObjectReader;

namespace {

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

}  // namespace resolute::slurm
