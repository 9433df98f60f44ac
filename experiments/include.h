#pragma once
//! \file
//! The files of a suite: its own and those that it includes, found and parsed. suite.h reads what stands in them.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/language/toml_document.h"

namespace resolute::experiments {

//! How many files may include one another in a row, the suite's own among them.
inline constexpr std::size_t kDeepestInclude = 8;

struct SuiteFile {
  std::string file;              //!< what places in it open with
  std::string key;               //!< its path from the suite's own folder; absolute where an `include` is
  std::filesystem::path folder;  //!< what its relative roots are meant from
  std::string name;              //!< its `suite`
  std::string prefix;            //!< before the ids of its tables: "" for the suite itself, "rain-" for one it includes
  std::size_t first = 0;         //!< files [first, own place] of the list are what it includes and itself
  bool kept = false;             //!< its text stands in the suite's own file (text_with_includes())
  std::string text;
  Node document;
  //! What it names by `split.file`, whose identities stand in `document` in its place, as `split.tested`: paths as
  //! `key`, and an identity per line.
  std::map<std::string, std::string> lists;
};

//! The suite's own file last, each after those that it includes. \param relative_to what relative roots of the suite's
//! own file are meant from; empty: its folder \throws RuntimeError (kInput) with FILE:LINE:COLUMN of an `include` that
//! names no file, one twice or one that includes it, or is nested deeper than kDeepestInclude; of a `split.file` that
//! names no file, or one that is no list (settings::tested_of())
std::vector<SuiteFile> read_suite_files(core::FileSystem& files, const std::filesystem::path& path,
                                        const std::filesystem::path& relative_to);

//! One text that says what the suite and all that it includes say, to be kept where the others are not: that of the
//! file itself, behind it each included file, and each list of identities, as an [[included]] of `file` and `text`. A
//! suite that names neither, and such a text itself, stay as they are byte for byte. \throws RuntimeError as
//! read_suite_files()
std::string text_with_includes(core::FileSystem& files, const std::filesystem::path& path);

}  // namespace resolute::experiments
