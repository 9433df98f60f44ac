#pragma once
//! \file
//! `suites/NAME/source.json`: which file a suite of a store is made from (docs/inside/formats/source.md). Two files may
//! give one name: each would write over the other's tables, and `suite cancel` of one would stop the run of the other.

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/store/store_layout.h"

namespace resolute::experiments {

//! The version of the small files of a suite: source.json, typed.json.
inline constexpr int kSuiteFileVersion = 1;
//! Has the object of such a file read. \return false where there is no file, and, with a warning that opens with
//! `unknown`, where it is damaged or of another version \throws RuntimeError of the store
bool read_suite_file(core::FileSystem& files, const std::filesystem::path& file, std::string_view unknown,
                     const std::function<void(core::ObjectReader&)>& read);

struct SuiteSource {
  std::string path;    //!< absolute, links followed; empty: it has none (a pipe)
  std::string sha256;  //!< of its text
  bool operator==(const SuiteSource&) const = default;
};
//! \throws RuntimeError as read_named_text()
SuiteSource source_of(core::FileSystem& files, const std::filesystem::path& suite_file);

//! \throws RuntimeError (kInput) where the store has a suite of this name from another file: neither the path nor the
//! text is that of `given`. A file of the suite's own folder is a submission's copy, and its own; a damaged source.json
//! is a warning
void require_own_suite(core::FileSystem& files, const StoreLayout& store, const std::string& suite,
                       const SuiteSource& given);
//! True if the file is of the suite's own folder in the store: a submission's copy.
bool is_own_copy(const StoreLayout& store, const std::string& suite, const SuiteSource& given);
//! True if the suite was noted with this text last.
bool is_noted(core::FileSystem& files, const StoreLayout& store, const std::string& suite, const SuiteSource& given);
//! From now on the suite is this file's. \throws RuntimeError as write_atomic()
void note_source(core::FileSystem& files, const StoreLayout& store, const std::string& suite, const SuiteSource& given);

}  // namespace resolute::experiments
