#pragma once
//! \file
//! The needs of the suites of a store. A suite announces its plan before it relies on anything in the store:
//! `suites/NAME/plan-HASH.json` (docs/inside/formats/plan.md). Suites of earlier versions are known by their journals.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"

namespace resolute::operations {

//! Names, by which one thing in a store needs another: ids of jobs, and names of packs' folders
//! (`easy-0123456789abcdef`, which raw images have too). No name is both.
using Names = std::set<std::string>;

//! The needs of one suite.
struct SuiteNeeds {
  std::string suite;
  std::map<std::string, std::string> jobs{};  //!< of its plans and journals: id → kind_name()
  Names planned{};                            //!< jobs and packs of its plans, and so all that these stand on
};

//! The file's text: canonical JSON and a line feed. Its name has the first 16 digits of its SHA-256.
std::string plan_file_text(const experiments::Plan& plan);
std::string plan_file_name(const std::string& text);
//! \param path of the file \throws RuntimeError: kCorrupt where its name is not that of its text; kInput for a newer
//! version or what plan_file_text() does not write
SuiteNeeds parse_plan_file(const std::string& text, const std::filesystem::path& path);
//! True if a file of a suite's folder is one, by its name.
bool is_plan_file(const std::string& name);
//! \throws RuntimeError as parse_plan_file(), and of the store
SuiteNeeds read_plan_file(core::FileSystem& files, const std::filesystem::path& path);

//! To be called before a suite relies on anything in the store: writes its plan, durably, then waits for a collection
//! at work (collect.h) and puts back what a dead one has taken. From then on everything that the plan names stays.
//! \return the name of the plan's file \throws RuntimeError of the store
std::string announce_plan(core::FileSystem& files, const experiments::StoreLayout& store,
                          const experiments::Plan& plan);

using ListFolder = std::function<std::vector<std::string>(const std::filesystem::path&)>;

//! The needs of every suite, by name. \param list the names in a folder: fresh_list(), or FileSystem::list() for
//! whoever writes nothing \throws RuntimeError: kCorrupt or kInput where a suite's needs cannot be known: a damaged
//! plan or journal, a suite that has tables or submissions and neither, or a folder that cannot be looked at
std::vector<SuiteNeeds> read_needs(core::FileSystem& files, const experiments::StoreLayout& store,
                                   const ListFolder& list);
//! All names in it.
Names names_of(const std::vector<SuiteNeeds>& suites);
//! All SuiteNeeds::planned.
Names planned_of(const std::vector<SuiteNeeds>& suites);

}  // namespace resolute::operations
