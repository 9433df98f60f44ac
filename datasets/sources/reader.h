#pragma once
//! \file
//! Internal: how a source is read, and how a stand-in for it is written: what the file of each source tells source.cpp.

#include <memory>
#include <string_view>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/samples/remarks.h"
#include "datasets/samples/sample.h"
#include "datasets/sources/raw_reader.h"
#include "datasets/stand_ins/stand_in.h"
#include "settings/source.h"

namespace resolute::datasets::sources {

struct SourceReader {
  std::string_view own_folder = {};  //!< where `root` may be its parent; empty: never
  std::string_view landmark = {};    //!< what only the data set's own folder has
  //! Unsorted, not yet checked as a whole: list_data_set() does both. Files that do not fit go to `remarks` and are
  //! left out, so that all of them are told of at once; what is wrong with the folder is thrown.
  std::vector<Sample> (*list)(core::FileSystem& files, const fs::path& root, Remarks& remarks);
  //! \param settings that have passed settings::check_stand_in()
  void (*write_stand_in)(NewFolder& folder, const StandInSettings& settings);
  //! Null: its images are the files that samples' paths name, as they are.
  std::unique_ptr<RawReader> (*open)(core::FileSystem& files, const fs::path& root) = nullptr;
  bool regular = false;                    //!< stand-ins have no irregularities unless they are asked for
  std::string_view other_own_folder = {};  //!< of another version of the set; both in one parent are refused
};

//! kViperReader and so on, each defined in its source's file.
#define RESOLUTE_READER(enumerator, ...) extern const SourceReader enumerator##Reader;
RESOLUTE_SOURCES(RESOLUTE_READER)
#undef RESOLUTE_READER

}  // namespace resolute::datasets::sources
