#pragma once
//! \file
//! Data sets that have no source of their own and are given to another one: told by their layout.

#include "core/files/file_system.h"

namespace resolute::datasets::sources {

//! Looks for CUHK03-NP (names as 0001_c1_1.png in Market-1501's folders) and MSMT17 (list_train.txt). \throws
//! RuntimeError (kInput) naming the layout and what to do, where `root` has one of the two
void refuse_other_layout(core::FileSystem& files, const fs::path& root);

}  // namespace resolute::datasets::sources
