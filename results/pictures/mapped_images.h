#pragma once
//! \file
//! The images of an evaluation, or of its sample, that a map of features shows.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace resolute::results {

//! Features of some test images, row-major, and what each image is.
struct MappedImages {
  std::vector<float> features;  //!< images × dimensions
  std::size_t dimensions = 0;
  std::vector<std::int64_t> identities;
  std::vector<int> rates;  //!< of the LR query; 0: a gallery image
  bool sampled = false;    //!< of a sample: each image at each of these rates, 1 being HR
};

//! Reads all images of the gallery's first people from an evaluation's features.h5. A method that compares by
//! branches leaves a file with distances alone: no images. \param query_rates of the file's queries, in their order;
//! empty: not known, 1 each \throws core::RuntimeError (kInput) for a file that is none
MappedImages read_mapped_images(const std::filesystem::path& file, const std::vector<int>& query_rates);

//! Reads an evaluation's samples.h5 (docs/inside/formats/samples.md): as many images of each of its people as there is
//! room for, at least one, at every rate. \throws core::RuntimeError (kInput) for a file that is none
MappedImages read_sampled_images(const std::filesystem::path& file);

}  // namespace resolute::results
