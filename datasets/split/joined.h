#pragma once
//! \file
//! The images of a training on several data sets (docs/inside/decisions.md, "A joined training reads several packs"):
//! one pool of people, of which nobody is of two sets.

#include <span>

#include "datasets/pack/pack.h"
#include "datasets/split/split.h"

namespace resolute::datasets {

//! The training items of each part's split, behind one another, as rows, people, cameras and paths of the joined pack;
//! labels of each part go on behind those before. Query and gallery, name, hash and options are the first part's: a
//! training evaluates itself on that set. \param joined PackReader::joined() of the packs \param splits one a part, of
//! that part's own rows, with one train_pool
//! \throws RuntimeError (kInput) for two train_pools, and where an image trains in two parts, by its raw file's bytes,
//! which no stand-in's does
Split joined_split(const PackReader& joined, std::span<const Split> splits);

}  // namespace resolute::datasets
