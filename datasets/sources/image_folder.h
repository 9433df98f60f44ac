#pragma once
//! \file
//! Images of which nobody says who is on them: those of a folder, by their names alone.

#include <vector>

#include "core/files/file_system.h"
#include "datasets/samples/remarks.h"
#include "datasets/samples/sample.h"

namespace resolute::datasets::sources {

//! Every image in a folder and in those below it, sorted by path (bytes): files ending in .jpg, .jpeg, .png or .bmp in
//! any case, hidden files and folders left alone. Each is a distractor of the gallery: identity 0, camera 1, rate 1.
//! Images behind symbolic links are for links.h to refuse. \param follow_links folders that are links are gone through,
//! but for one that is a folder around it; otherwise they are refused \param remarks is told of names that no sample
//! can have, and of what is left out \throws RuntimeError (kInput): no such folder, no image in it; as the file system
//! does
std::vector<Sample> list_image_folder(core::FileSystem& files, const fs::path& root, bool follow_links,
                                      Remarks& remarks);

}  // namespace resolute::datasets::sources
