#pragma once
//! \file
//! Strict reading of one table of a suite or reference file: what was not asked for is an error.

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "experiments/language/toml_document.h"
#include "settings/member.h"

namespace resolute::experiments {

//! \throws RuntimeError (kInput) if `text`, given under `key`, is empty or holds control characters: titles become part
//! of tables and of one-line messages
void check_title(const std::string& text, const std::string& key, const std::string& place);

class TableReader;

//! A name under a key: 1 to 64 of a-z, 0-9 and '-'. \throws RuntimeError (kInput) with place and key
std::string plain_name(TableReader& reader, const std::string& key);
//! The same of a name that is put together. \throws RuntimeError (kInput) with the place
void check_plain_name(const std::string& name, const std::string& key, const std::string& place);

//! Ids of a list seen so far.
using Ids = std::unordered_set<std::string>;
//! Takes one more. \throws RuntimeError (kInput) with its place for one that is there already
void refuse_second(Ids& seen, const std::string& id, const std::string& place);

class TableReader {
 public:
  //! \throws RuntimeError (kInput) if `node` is not a table. `node` must outlive this.
  TableReader(const Node& node, std::string name);

  //! The member or nullptr; counts as asked for.
  const Node* find(const std::string& key);

  //! \throws RuntimeError (kInput) with place and key if the member has another type
  template <class T>
  T value(const std::string& key, T otherwise) {
    const Node* found = find(key);
    return found == nullptr ? std::move(otherwise) : convert<T>(*found, key);
  }
  //! \throws RuntimeError (kInput) if the member is missing too
  template <class T>
  T value(const std::string& key) {
    const Node* found = find(key);
    if (found == nullptr) throw missing(key);
    return convert<T>(*found, key);
  }
  //! The same with its place, or the table's where it is missing.
  template <class T>
  Located<T> located(const std::string& key, T otherwise) {
    return {value(key, std::move(otherwise)), place(key)};
  }
  //! A list of distinct names that `is_known` accepts, one at least. \param known those that a message suggests
  //! \throws RuntimeError (kInput) with place and key for any other
  std::vector<std::string> names(const std::string& key, const std::vector<std::string>& known,
                                 const std::function<bool(const std::string&)>& is_known);
  //! The same where `known` are all that there are.
  std::vector<std::string> names(const std::string& key, const std::vector<std::string>& known);
  //! A string for people, see check_title().
  std::string title(const std::string& key);
  //! The tables of `[[key]]`; none if it is absent.
  std::vector<const Node*> tables(const std::string& key);
  //! The place of a member, or of the table itself where the member is absent.
  const std::string& place(const std::string& key) const;
  const std::string& place() const { return node_.place; }

  //! Members nobody asked for, in the order of the file.
  std::vector<Member> rest() const;
  //! Everything asked for so far.
  std::vector<std::string> known() const { return {asked_.begin(), asked_.end()}; }
  //! Suggests a word for an unknown key; empty: the nearest known one.
  using Hint = std::function<std::string(std::string_view key)>;
  //! \throws RuntimeError (kInput) for the first member nobody asked for, with the nearest known key
  void finish(const Hint& hint = {}) const;

 private:
  template <class T>
  static T convert(const Node& node, const std::string& key) {
    refuse_table(node, key);
    const core::Json holder = {{key, node.value}};
    core::ObjectReader object(holder, node.place);
    return settings::read_member<T>(object, key);
  }
  static void refuse_table(const Node& node, const std::string& key);
  core::RuntimeError missing(const std::string& key) const;

  const Node& node_;
  std::string name_;
  std::set<std::string> asked_;
};

}  // namespace resolute::experiments
