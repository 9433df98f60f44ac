#pragma once
//! \file
//! queries.csv: what an evaluation measured of each query (docs/formats/queries.md), from which differences between
//! methods get their intervals (comparison.h). Written by workers, read by everyone else.

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "results/single_shot.h"

namespace resolute::results {

//! The file's name in an evaluation's folder, and its key in EvaluationRecord::outputs.
inline constexpr const char* kQueryScoresFile = "queries.csv";

//! One query. Fractions, 0 to 1; all 0 without a match.
struct QueryScore {
  std::string path;                              //!< of the image, as its pack names it; any bytes but NUL, not empty
  std::int64_t identity = 0;                     //!< -1 or more
  std::int64_t camera = 0;                       //!< -1 or more
  int rate = 1;                                  //!< at which it was made low-resolution, at least 1
  bool has_match = false;                        //!< a true match is in the gallery; the others count in no mean
  std::array<double, kQueryRanks.size()> cmc{};  //!< share of the gallery draws with its match within kQueryRanks
  double average_precision = 0;                  //!< over all gallery images at once, no draws
  bool operator==(const QueryScore&) const = default;
};

//! The file's text: a header line, then a line a query in the order given, each ended by a line feed; numbers in the
//! shortest decimals that read back to the same double, paths quoted as RFC 4180 asks where they hold a comma, a quote
//! or a line's end.
std::string query_scores_text(const std::vector<QueryScore>& scores);

//! Strict: only a text that query_scores_text() writes is read. \throws core::RuntimeError (kInput) opening with
//! `where` and the line, for anything else, values out of range, ranks whose shares fall, or a path and rate twice
std::vector<QueryScore> parse_query_scores(std::string_view text, const std::string& where);

//! Reads the file and holds its bytes against the hash that a record names. \param sha256 64 hexadecimal digits
//! \throws core::RuntimeError: kCorrupt where the file is missing or its hash is another; kInput as
//! parse_query_scores()
std::vector<QueryScore> read_query_scores(core::FileSystem& files, const std::filesystem::path& path,
                                          const std::string& sha256);

}  // namespace resolute::results
