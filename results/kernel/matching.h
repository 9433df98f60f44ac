#pragma once
//! \file
//! Which gallery images are right, wrong or left out for a query (the Market-1501 rule).
//! Source: Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace resolute::results {

//! Identity and camera of each image. Not owned. Empty `cameras`: unknown, and no image is left out for its camera.
struct Labels {
  std::span<const std::int64_t> identities;
  std::span<const std::int64_t> cameras;
};

//! The rule applied to one set of queries and one gallery. Gallery images of the query's identity from the query's
//! camera are left out, and so are those of identity -1 (junk). Every other identity is an ordinary one, 0 too: a
//! distractor is an image whose identity no query has. Keeps views of the labels; safe to share between threads.
class Matching {
 public:
  //! \throws core::RuntimeError (kInput) where numbers of identities and cameras disagree
  Matching(const Labels& query, const Labels& gallery);
  std::size_t queries() const { return query_.identities.size(); }
  std::size_t gallery() const { return gallery_.identities.size(); }
  //! Gallery indices that are right for the query, ascending. Replaces `matches`.
  void matches_of(std::size_t query, std::vector<std::size_t>& matches) const;
  //! True if the gallery image counts against the query.
  bool is_wrong(std::size_t query, std::size_t gallery) const {
    std::int64_t identity = gallery_.identities[gallery];
    return identity != kJunk && identity != query_.identities[query];
  }
  //! Gallery images for which is_wrong() holds.
  std::size_t wrong_for(std::size_t query) const;
  //! Distinct identities in the gallery, junk and 0, which stands for a pack's distractors, left out.
  std::size_t gallery_identities() const;

 private:
  static constexpr std::int64_t kJunk = -1;
  std::span<const std::pair<std::int64_t, std::size_t>> of_identity(std::int64_t identity) const;

  Labels query_;
  Labels gallery_;
  std::vector<std::pair<std::int64_t, std::size_t>> by_identity_;  // sorted
  std::size_t junk_ = 0;
};

}  // namespace resolute::results
