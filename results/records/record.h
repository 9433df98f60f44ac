#pragma once
//! \file
//! result.json: what a job leaves behind (docs/inside/formats/result.md). Written by workers, read by everyone else.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/specification/specification.h"
#include "experiments/store/seen_record.h"
#include "experiments/store/store_layout.h"

namespace resolute::results {

using experiments::JobId;

struct ShardRecord {
  JobId job;
  std::string shard_sha256;
  std::uint64_t rows = 0;
  std::string listing_sha256;  //!< of the listing of all samples that the shard is a part of
};

struct SealRecord {
  JobId job;
  std::string pack_sha256;  //!< of pack.json
  std::uint64_t rows = 0;
};

//! The weights that a training started from.
struct StartedFrom {
  JobId training;
  std::string weights_sha256;
};

//! The bytes that stand behind one of TrainingSpecification::joined.
struct JoinedProvenance {
  std::string pack_sha256;
  std::string split_sha256;  //!< of the set's own split
};

struct TrainingProvenance {
  std::string pack_sha256;
  std::string split_sha256;
  std::string numeric_class;  //!< everything beside the specification that decides bits; compared whole
  int lanes = 1;
  bool from_scratch = true;  //!< no pre-trained weights, also of the training that it started from
  std::optional<StartedFrom> started_from = {};
  std::vector<JoinedProvenance> joined = {};  //!< as in the specification; pack and split above are the first set's
};

struct TrainingRecord {
  JobId job;
  std::string weights_file;  //!< a name beside result.json
  std::string weights_sha256;
  std::map<std::string, double> metrics;
  TrainingProvenance provenance;
};

struct EvaluationProvenance {
  std::string pack_sha256;
  std::string split_sha256;
  std::string numeric_class;
  JobId training;
};

struct EvaluationRecord {
  JobId job;
  std::string weights_sha256;
  std::string features_sha256;
  //! Fractions: rank1, rank5, rank10, rank20, mAP (always there), map_single, map_full, chance_rank1, chance_mAP,
  //! resolution_probe (where asked for), hr_share; correlations: weight_hr_rho, weight_lr_rho, each with _low and
  //! _high; of recovered images, of each rate R: recovered_psnr_R, enlarged_psnr_R and psnr_gain_R in dB,
  //! recovered_ssim_R and enlarged_ssim_R, -1 to 1; counts: queries, gallery_identities; and what else an evaluation
  //! measures (docs/inside/formats/result.md).
  std::map<std::string, double> metrics;
  EvaluationProvenance provenance;
  //! Other files that it left: a file's name relative to the job's folder ("queries.csv", "weights.csv",
  //! "panels/panels.json") → its SHA-256.
  std::map<std::string, std::string> outputs{};
};

using Record = std::variant<ShardRecord, SealRecord, TrainingRecord, EvaluationRecord>;

const JobId& job_of(const Record& record);

//! The numeric class that a record names; empty for a shard and a seal, whose bytes depend on none.
std::string numeric_class_of(const Record& record);

//! Strict: unknown or missing keys, wrong types, hashes that are none, a mAP or rank-k outside 0 to 1, a rank-k below
//! one before it, a count that is none and a weights or output file outside the folder are refused with a kInput
//! RuntimeError that opens with `where`. A number that is none (NaN, Infinity: Python writes them) is refused by its
//! name.
Record parse_record(std::string_view text, const std::string& where);

//! The file's text: canonical JSON and a line end. parse_record() reads it back equal.
std::string record_text(const Record& record);

//! The job's record, or nothing while it has none. \throws core::RuntimeError as parse_record(), and where the file
//! names another job; the message says what to do
std::optional<Record> read_record(core::FileSystem& files, const experiments::StoreLayout& store, const JobId& job);

//! A file in the place of a record that is none, or that this user may not read; why: one line, without the file's
//! path.
struct DamagedRecord {
  std::string why;
  const char* advice = "run the suite again: it makes the record anew";
};
//! First: there is none.
using FoundRecord = std::variant<std::monostate, Record, DamagedRecord>;
//! Reads as read_record() does, but a damaged record is an outcome: for readers of many jobs' records.
//! \param kind experiments::kind_name() of the job: a record of another kind is damaged; empty: any
//! \throws core::RuntimeError of the store
FoundRecord find_record(core::FileSystem& files, const experiments::StoreLayout& store, const JobId& job,
                        std::string_view kind = {});

//! True if the training ended with a loss that was not finite, and has no result of another attempt since.
bool has_diverged(core::FileSystem& files, const experiments::StoreLayout& store, const JobId& training);

//! find_record() as runs are given it (orchestrator::RecordCheck): nothing where there is none. An evaluation of other
//! weights than its training's record names is damaged too: the training was made anew. It refers to `files`.
//! \param weights of a training: those that its record names have to be there with its hash, which takes as long as
//! reading them
std::function<std::optional<experiments::SeenRecord>(const JobId& job, std::string_view kind)> record_check(
    core::FileSystem& files, const experiments::StoreLayout& store, bool weights = false);

}  // namespace resolute::results
