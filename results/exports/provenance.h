#pragma once
//! \file
//! On which jobs each number of a suite's tables stands, and what of each decided its bits
//! (docs/inside/formats/provenance.md).

#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "results/records/record.h"

namespace resolute::results {

//! A planned job and what it left.
struct JobProvenance {
  JobId job;
  std::string kind;          //!< "shard", "seal", "training", "evaluation"
  std::string label;         //!< for people
  std::vector<JobId> after;  //!< jobs whose result it needs
  core::Json specification;  //!< whose canonical text the id is the hash of
  std::optional<Record> record;
  //! The last attempt of a finished training that logged a step; nothing where none did.
  std::optional<int> attempts;
  std::string
      damage{};  //!< why what stands in the place of its record is none (DamagedRecord); empty: it is not damaged
};

//! A row on a data set: what each of its numbers is a mean over.
struct CellProvenance {
  std::string table, row, dataset;
  std::vector<JobId> evaluations;  //!< one per trial, in trial order
};

struct Provenance {
  std::string suite;
  std::vector<CellProvenance> cells;  //!< in the order of the tables
  std::vector<JobProvenance> jobs;    //!< in the plan's order: a job stands after those that it needs
};

//! Depends on the plan and on the store's files alone. \param files BundledFiles where `resolute suite compact` may
//! have packed logs. A damaged record is named in the log and counts as none. \throws core::RuntimeError of the store
Provenance provenance_of(const experiments::Plan& plan, core::FileSystem& files, const experiments::StoreLayout& store);

//! The document of docs/inside/formats/provenance.md.
core::Json to_json(const Provenance& provenance);

}  // namespace resolute::results
