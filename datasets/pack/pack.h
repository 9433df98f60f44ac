#pragma once
//! \file
//! Packs: a data set as training reads it (docs/inside/formats/pack.md). A pack folder holds `shard-NNNNN.h5`,
//! `manifest.json` and, written last, `pack.json`: only with that one is it sealed. Building is cut into shards that
//! any worker may make in any order; the bytes depend on the raw images and the options alone.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/image/image.h"
#include "datasets/image/odd_images.h"
#include "datasets/manifest/manifest.h"
#include "datasets/pack/options.h"
#include "datasets/samples/sample.h"
#include "datasets/sources/raw_reader.h"
#include "settings/training.h"

namespace resolute::datasets {

class Shard;
template <class T>
class Lazy;

struct ShardResult {
  std::uint64_t rows = 0;
  std::string listing_sha256;  //!< of all samples, whatever the shard
  OddImages odd = {};          //!< of the shard's
};

//! Makes shard number `shard` from its part of `samples`. Every image's header is read before anything is written; one
//! that turns out to be damaged further on ends the making, and what was written is removed. A shard that stands there
//! already, is intact, says the same of itself and was made from the same bytes (each raw file's SHA-256 is taken and
//! compared) is left alone; another one is replaced. Of a sealed pack only a damaged or lost shard is made again, and
//! only from the images in its manifest: the bytes come out the same. Every raw file is read once and its
//! header before that. Memory: some 200 bytes per image of the shard, 120 per degraded view, and two images.
//! \param raw what the samples' paths lead to
//! \param samples all of the data set, as its source lists them
//! \throws RuntimeError: kInput for bad images (RefusedFiles: all of the shard's are named), for options out of range,
//!         for fewer images than shards or none,
//!         for a pack that is sealed and was made from other images, settings or decoders; kCorrupt for a sealed pack
//!         whose pack.json or manifest is damaged where a shard must be made again; kEnvironment for a full disk.
//!         Nothing half written stays.
ShardResult write_shard(core::FileSystem& files, const RawReader& raw, const std::vector<Sample>& samples,
                        const PackSettings& options, int shard, const fs::path& pack_folder);

//! SHA-256 of a shard's file as pack.json will hold it, 64 hexadecimal digits. Reads the file.
std::string shard_sha256(const fs::path& pack_folder, int shard);

struct SealResult {
  std::string pack_sha256;  //!< of pack.json, which names the SHA-256 of everything else
  std::uint64_t rows = 0;
  std::string warning{};  //!< a line where one file's bytes are images of two identities; else empty
};

//! The rows of every shard, in order, of a pack whose shards are all made: to compare with a published manifest before
//! seal_pack(). Checks what seal_pack() does, but reads and checks no image. Writes nothing; pack.json need not be
//! there. \throws RuntimeError: kInput for a missing or foreign shard; kCorrupt for one whose rows are damaged
std::vector<PackRow> read_unsealed_rows(core::FileSystem& files, const fs::path& pack_folder,
                                        const PackSettings& options);

//! Checks that every shard is there and intact, was made with these options and from one listing by one decoder, then
//! writes manifest.json and, last, pack.json. Sealing again gives the same bytes. \param threads that read shards, 1 or
//! more
//! \throws RuntimeError: kInput for a missing or foreign shard; kCorrupt for a damaged one
SealResult seal_pack(core::FileSystem& files, const fs::path& pack_folder, const PackSettings& options,
                     int threads = 1);

//! The rows of a sealed pack as its manifest.json tells them, held against pack.json; the shards are not looked at and
//! need not be there. \throws RuntimeError: kInput for a folder that is no sealed pack; kCorrupt where the manifest is
//! missing or another
std::vector<PackRow> read_sealed_rows(core::FileSystem& files, const fs::path& pack_folder);

//! Reads everything once: row checksums (names shard, row and data set), SHA-256 of each shard and of the manifest.
//! \param threads that read shards, 1 or more
//! \throws RuntimeError: kCorrupt (of several damaged shards, the first); kInput for a folder that is no sealed pack
void verify_pack(core::FileSystem& files, const fs::path& pack_folder, int threads = 1);

//! A sealed pack, open for reading. Thread-safe; row numbers run over all shards, 0 to size() - 1. Opening reads
//! pack.json and each shard's header; rows and checksums are read, and may turn out to be kCorrupt, when first asked
//! for.
class PackReader {
 public:
  //! \throws RuntimeError: kInput for a missing or unsealed pack; kCorrupt for one that contradicts itself
  static PackReader open(core::FileSystem& files, const fs::path& pack_folder);
  static PackReader open(const fs::path& pack_folder);
  //! Several packs as one (a training on joined data sets): the rows of the first, then those of the next. Identities
  //! and cameras of each go on behind the last ones before it (0, a distractor, stays), and its paths stand behind
  //! "NAME/", also those of the first. Options and hashes are the first one's; it has the rates that all have. The
  //! parts may go before it. \param parts one or more, of one size and kernel \throws RuntimeError (kInput) for parts
  //! of two sizes or kernels; as rows()
  static PackReader joined(std::span<const PackReader* const> parts);
  ~PackReader();
  PackReader(const PackReader&) = delete;
  PackReader& operator=(const PackReader&) = delete;
  PackReader(PackReader&&) noexcept;
  PackReader& operator=(PackReader&&) noexcept;

  const PackSettings& options() const { return options_; }
  const std::string& manifest_sha256() const { return manifest_sha256_; }
  //! SHA-256 of pack.json: the seal.
  const std::string& pack_sha256() const { return pack_sha256_; }
  std::size_t size() const { return size_; }
  //! A joined() part, and the numbers that are added to those of its own pack. A pack that was opened is one part, from
  //! 0.
  struct Part {
    std::string name;
    std::size_t first_row = 0;
    std::int64_t identities = 0;
    std::int64_t cameras = 0;
    bool stand_in = false;  //!< its images are drawn, and nobody's
  };
  const std::vector<Part>& parts() const { return parts_; }
  //! \throws RuntimeError: kCorrupt for a row that fails its checksum or holds what no pack has; so does row()
  const std::vector<PackRow>& rows() const;
  const PackRow& row(std::size_t row) const { return rows().at(row); }
  bool has_rate(int rate) const;

  //! The image at network size. \param to height×width×3 bytes
  //! \throws RuntimeError (kCorrupt) naming shard, row and data set where the checksum fails; so do the other two
  void read_hr(std::size_t row, std::span<std::uint8_t> to) const;
  //! The network-size image shrunk by `rate`; rate 1 is read_hr(). \param to resized as needed
  //! \throws RuntimeError (kInput) if the pack lacks the rate
  void read_lr(std::size_t row, int rate, Image& to) const;
  //! The LR image as a camera would have stored it: floor(native/rate); rate 1 is read_hr(). An image that came in low
  //! resolution (Sample::rate other than 1) is that already: at every rate it is read_hr(). \param to resized as needed
  void read_view(std::size_t row, int rate, Image& to) const;
  //! The LR copy that a training makes: read_view() or read_lr(), by what it is made from.
  void read_copy(std::size_t row, int rate, settings::CopiesFrom from, Image& to) const;

  //! Reads every byte of every shard and compares every row with its checksum. \return the shards' SHA-256s
  //! \param threads that do so, 1 or more
  std::vector<std::string> verify_shards(int threads) const;

 private:
  PackReader();
  struct Stored {
    std::shared_ptr<const Shard> shard;
    std::vector<int> rates;  // of its LR images
  };
  struct Place {
    const Shard* shard;
    std::size_t row;
    const std::vector<int>& rates;
  };
  Place place(std::size_t row) const;
  std::size_t rate_index(const Place& place, int rate) const;

  PackSettings options_;
  std::string manifest_sha256_;
  std::string pack_sha256_;
  std::vector<Stored> shards_;
  std::vector<std::size_t> first_rows_;
  std::size_t size_ = 0;
  std::unique_ptr<Lazy<std::vector<PackRow>>> rows_;
  std::vector<int> rates_;  // that all shards have
  std::vector<Part> parts_;
};

}  // namespace resolute::datasets
