#include "experiments/include.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "experiments/language/table_reader.h"
#include "settings/split.h"

namespace resolute::experiments {
namespace {

class IncludedFiles {
 public:
  IncludedFiles(core::FileSystem& files, const fs::path& path, const fs::path& relative_to)
      : files_(files), own_(path), root_(relative_to.empty() ? path.parent_path() : relative_to) {}

  std::vector<SuiteFile> run() {
    SuiteFile suite;
    suite.file = own_.string();
    suite.text = core::read_named_text(files_, own_);
    suite.document = parse_toml(suite.text, suite.file);
    read_kept(suite);
    // A copy has another name than the file had: one that it holds may have the copy's.
    suite.key = kept_.empty() ? own_.filename().generic_string() : "";
    suite.folder = root_;
    add(std::move(suite), "");
    return std::move(list_);
  }

 private:
  void read_kept(const SuiteFile& suite) {
    TableReader reader(suite.document, "the suite");
    for (const Node* node : reader.tables("included")) {
      TableReader one(*node, "[[included]]");
      const auto key = one.value<std::string>("file");
      const auto text = one.value<std::string>("text");
      one.finish();
      if (!kept_.emplace(key, text).second)
        throw core::input_error(fmt::format("{}: key 'file' has the value '{}'", one.place("file"), key),
                                "it stands twice");
    }
  }

  //! Adds what the file includes, then itself. \param before the prefix of the file that includes it
  void add(SuiteFile file, const std::string& before) {
    read_lists(file, file.document.members);
    TableReader reader(file.document, "the suite");
    file.name = plain_name(reader, "suite");
    file.prefix = list_.empty() && under_way_.empty() ? "" : before + file.name + "-";
    file.first = list_.size();
    seen_.push_back(file.key);
    under_way_.push_back(file.key);
    for (const std::string& name : names_in(reader)) add(find(file, name, reader.place("include")), file.prefix);
    under_way_.pop_back();
    list_.push_back(std::move(file));
  }

  //! `split.file` becomes `split.tested`, so that whoever reads the document needs no other file.
  void read_lists(SuiteFile& by, std::vector<Member>& members) {
    for (Member& member : members) {
      for (Node& table : member.node.tables) read_lists(by, table.members);
      read_lists(by, member.node.members);
      if (member.key != "split") continue;
      for (Member& setting : member.node.members)
        if (setting.key == "file") {
          setting.key = "tested";
          setting.node.value = tested_in(by, setting.node);
        }
    }
  }

  std::vector<int> tested_in(SuiteFile& by, const Node& node) {
    if (node.kind != Node::Kind::kValue || !node.value.is_string() || node.value.get<std::string>().empty())
      throw core::input_error(fmt::format("{}: key 'split.file' names no file", node.place),
                              "it is the path of a list of identities");
    const auto name = node.value.get<std::string>();
    const fs::path key = (fs::path(by.key).parent_path() / name).lexically_normal();
    const auto kept = kept_.find(key.generic_string());
    if (kept == kept_.end() && !files_.exists(root_ / key))
      throw core::input_error(fmt::format("{}: key 'split.file' names '{}'", node.place, name),
                              fmt::format("there is no file '{}'", (root_ / key).string()),
                              "a path is relative to the file that holds it");
    try {
      const std::vector<int> tested = settings::tested_of(
          kept != kept_.end() ? kept->second : core::read_named_text(files_, root_ / key), key.generic_string());
      by.lists.emplace(key.generic_string(), fmt::format("{}\n", fmt::join(tested, "\n")));
      return tested;
    } catch (const core::RuntimeError& error) {
      throw error.at(fmt::format("{}: key 'split.file'", node.place));
    }
  }

  static std::vector<std::string> names_in(TableReader& reader) {
    if (reader.find("include") == nullptr) return {};
    auto names = reader.value<std::vector<std::string>>("include");
    if (names.empty())
      throw core::input_error(fmt::format("{}: key 'include' is empty", reader.place("include")), {},
                              "name suite files, or leave it out");
    return names;
  }

  SuiteFile find(const SuiteFile& by, const std::string& name, const std::string& place) {
    const auto refuse = [&](const std::string& why, const std::string& suggestion) {
      throw core::input_error(fmt::format("{}: key 'include' names '{}'", place, name), why, suggestion);
    };
    SuiteFile found;
    const fs::path key = (fs::path(by.key).parent_path() / name).lexically_normal();
    found.key = key.generic_string();
    if (std::find(under_way_.begin(), under_way_.end(), found.key) != under_way_.end())
      refuse("that file includes this one, or is it", "leave one of the two out");
    if (std::find(seen_.begin(), seen_.end(), found.key) != seen_.end())
      refuse("that file is included already", "a file is included once; leave it out here");
    if (under_way_.size() >= kDeepestInclude)
      refuse(fmt::format("{} files include one another here, and no more may", kDeepestInclude),
             "include it from a file nearer to the suite");
    found.folder = root_ / key.parent_path();
    if (const auto text = kept_.find(found.key); text != kept_.end()) {
      found.kept = true;
      found.file = fmt::format("{}[{}]", own_.string(), found.key);
      found.text = text->second;
    } else {
      const fs::path path = own_.parent_path() / key;
      if (name.empty() || !files_.exists(path))
        refuse(fmt::format("there is no file '{}'", path.string()), "a path is relative to the file that holds it");
      found.file = path.string();
      found.text = core::read_named_text(files_, path);
    }
    found.document = parse_toml(found.text, found.file);
    return found;
  }

  core::FileSystem& files_;
  const fs::path& own_;
  const fs::path root_;
  std::map<std::string, std::string> kept_;  // texts by key
  std::vector<std::string> seen_;            // keys
  std::vector<std::string> under_way_;       // of the files that include one another at this moment
  std::vector<SuiteFile> list_;
};

//! Text as TOML; between ''' as it is where that can be, for people to read.
std::string quoted(const std::string& text) {
  const bool plain =
      text.find("'''") == std::string::npos && text.find('\r') == std::string::npos && !text.ends_with('\'');
  return plain ? "'''\n" + text + "'''" : core::Json(text).dump();
}

}  // namespace

std::vector<SuiteFile> read_suite_files(core::FileSystem& files, const fs::path& path, const fs::path& relative_to) {
  return IncludedFiles(files, path, relative_to).run();
}

std::string text_with_includes(core::FileSystem& files, const fs::path& path) {
  const std::vector<SuiteFile> all = read_suite_files(files, path, {});
  std::string text = all.back().text;
  std::set<std::string> kept;
  const auto keep = [&](const std::string& key, const std::string& content) {
    if (!kept.insert(key).second) return;
    if (!text.empty() && text.back() != '\n') text += '\n';
    text += fmt::format("\n[[included]]\nfile = {}\ntext = {}\n", core::Json(key).dump(), quoted(content));
  };
  for (const SuiteFile& file : all)
    if (&file != &all.back() && !file.kept) keep(file.key, file.text);
  // A copy of all of it has them.
  if (all.back().key.empty()) return text;
  for (const SuiteFile& file : all)
    for (const auto& [key, identities] : file.lists) keep(key, identities);
  return text;
}

}  // namespace resolute::experiments
