#pragma once
//! \file
//! The papers' own numbers: experiments/reference/papers.toml and a user's files (docs/inside/formats/reference.md),
//! found again by a row's `reference`.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/language/table_reader.h"
#include "experiments/language/toml_document.h"
#include "experiments/specification/plan.h"

namespace resolute::experiments {

//! The entry that a row's `reference` asks for.
struct ReferenceRequest : PaperEntry {
  std::string place{};
  std::vector<std::string> on{};  //!< our data sets beside which it stands; empty: all
  bool stands_beside(const std::string& our_dataset) const;
};

//! An order of a paper's rows.
struct PublishedClaim {
  ClaimKind kind = ClaimKind::kStated;
  std::string by;  //!< "method" or "variant": what its entries are
  std::string paper;
  std::string dataset;  //!< as the paper says
  std::string metric;
  std::vector<std::string> worse_to_better{};  //!< in the order of `form`
  ClaimForm form = ClaimForm::kOrder;
};

//! Metric → per cent.
using ReferenceMetrics = std::map<std::string, double>;

class ReferenceNumbers {
 public:
  //! \param more files of the same grammar, in this order. They add what the others lack, and may give the numbers of a
  //! result that is missing there. \throws RuntimeError (kInput) naming file and line of what is not a reference file,
  //! and both places of what two say
  static ReferenceNumbers read(core::FileSystem& files, const std::filesystem::path& path,
                               const std::vector<std::filesystem::path>& more = {});

  //! Empty where the paper is known to have the row but its numbers were not found (`missing = true`).
  //! \throws RuntimeError (kInput) with the request's place if there is no such entry
  ReferenceMetrics find(const ReferenceRequest& request) const;

  //! The same, and empty too where there is no such entry.
  ReferenceMetrics find_if_there(const ReferenceRequest& request) const;

  //! The points by which an entry's numbers may be off that were read off a plot; nothing for printed ones.
  std::optional<double> error_of(const PaperEntry& entry) const;

  //! Tells whether the file has that entry, with numbers or without.
  bool has(const ReferenceRequest& request) const { return entries_.contains(request); }

  //! Tells whether one expects that metric of an entry of that table: some entry has it, or none has any number at all
  //! and the file gives that metric elsewhere.
  bool expects(const std::string& paper, const std::string& table, const std::string& metric) const;

  //! The file's notes on an entry's number, or on its lack where the entry is missing, a sentence each: the
  //! [[conflict]]s that touch it in the order of the file, then by how much one off a plot may be off, then whether it
  //! was printed or where to look for it, then the entry's note. None where the entry is not there, or has other
  //! metrics alone.
  std::vector<std::string> footnotes(const ReferenceRequest& request, const std::string& metric) const;

  //! The methods of a paper's table that have an entry of that variant, in the order of the file.
  //! \throws RuntimeError (kInput) with `place` if the paper or the table has none
  std::vector<std::string> methods_of(const std::string& paper, const std::string& table, const std::string& variant,
                                      const std::string& place) const;

  //! The name that papers print, or the id where the file has no [[method]] of it.
  std::string method_name(const std::string& method) const;

  //! The name of a paper in tables: its title, or its id where the file has none.
  //! \throws RuntimeError (kInput) with `place` if the file knows nothing of that paper
  std::string paper_name(const std::string& paper, const std::string& place) const;

  //! The address of a paper's table, for people; empty where the file does not say.
  std::string address_of(const std::string& paper, const std::string& table) const;

  //! In the order of the file.
  const std::vector<PublishedClaim>& claims() const { return claims_; }

 private:
  struct Entry {
    ReferenceMetrics metrics;     // none: missing
    std::optional<double> error;  // of numbers off a plot, in points
    std::string place;
    std::size_t file = 0;  // which of those that were read
    std::string remark{};  // of the entry as a whole
  };
  std::string file_;
  void refuse_again(const std::string& what, const std::string& place);
  void read_entries(TableReader& reader, std::size_t file);
  void read_result(const Node& node, std::size_t file);
  void read_claim(const Node& node);
  void read_conflict(const Node& node);

  [[noreturn]] void refuse(const ReferenceRequest& request, std::size_t parts) const;

  std::map<std::string, std::string> papers_;                             // id → title
  std::map<std::string, std::string> methods_;                            // id → label
  std::map<std::string, std::string> places_;                             // of what may stand once
  std::map<std::pair<std::string, std::string>, std::string> addresses_;  // of a paper's table
  std::map<PaperEntry, Entry> entries_;
  std::map<PaperEntry, std::map<std::string, std::vector<std::string>>> conflicts_;  // metric → sentences
  std::vector<PaperEntry> in_order_;  // keys of entries_ as the file has them
  std::vector<PublishedClaim> claims_;
};

}  // namespace resolute::experiments
