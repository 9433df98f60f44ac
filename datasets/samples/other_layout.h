#pragma once
//! \file
//! Data sets that are given to another source than their own: told by their layout.

#include "core/files/file_system.h"

namespace resolute::datasets::sources {

//! Looks for MSMT17, VeRi-776, VehicleID and prepared sets by a file or folder of each, and for CUHK03-NP by names as
//! 0001_c1_1.png in Market-1501's folders. \throws RuntimeError (kInput) naming the layout and the source that reads
//! it, where `root` has one of them
void refuse_other_layout(core::FileSystem& files, const fs::path& root);

}  // namespace resolute::datasets::sources
