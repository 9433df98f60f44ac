#include "report/document/privacy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include "core/files/ownership.h"
#include "core/files/utf8.h"
#include "core/process/process.h"

namespace resolute::report {
namespace {

constexpr const char* kSomebody = "somebody";

std::string node_name(std::size_t index) { return fmt::format("node {}", index + 1); }

// A character of names of hosts and users, also of those that a directory service gives (DOMAIN\user).
bool is_of_a_name(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || byte >= 0x80 || std::string_view("@._-+$\\").find(c) != std::string_view::npos;
}

// A host without its domain; an address as it is, for its first part is a number like any other.
std::string short_host(const std::string& host) {
  const std::string first = host.substr(0, host.find('.'));
  return first.find_first_not_of("0123456789") == first.npos ? host : first;
}

}  // namespace

MakerNames maker_names() { return {core::host_name(), core::user_name(::geteuid()).value_or("")}; }

Privacy::Privacy(bool with_hosts, std::vector<std::string> hosts, const MakerNames& maker)
    : with_hosts_(with_hosts), hosts_(std::move(hosts)) {
  for (std::size_t i = 0; i < hosts_.size(); ++i)
    for (const std::string& name : {hosts_[i], short_host(hosts_[i])}) names_.try_emplace(name, node_name(i));
  for (const std::string& name : {maker.host, short_host(maker.host)}) names_.try_emplace(name, "another host");
  // Every machine has a root, who is nobody.
  if (maker.user != "root") names_.try_emplace(maker.user, kSomebody);
}

std::vector<std::string> Privacy::nodes() const {
  if (with_hosts_) return hosts_;
  std::vector<std::string> nodes;
  for (std::size_t i = 0; i < hosts_.size(); ++i) nodes.push_back(node_name(i));
  return nodes;
}

std::string Privacy::shown(const std::string& word) const {
  for (const std::string& name : {word, short_host(word)})
    if (const auto found = names_.find(name); found != names_.end()) return found->second;
  const auto at = word.find('@');
  return at == word.npos || at == 0 ? word : kSomebody;
}

std::string Privacy::message(const std::string& text) const {
  const std::string readable = core::as_utf8(text);
  if (with_hosts_) return readable;
  const std::string whole = without_folders(readable);
  std::string message;
  for (auto begin = whole.begin(); begin != whole.end();) {
    const auto end = std::find_if_not(begin, whole.end(), is_of_a_name);
    const std::string word(begin, end);
    const std::size_t length = word.find_last_not_of('.') + 1;  // what ends a sentence is no part of a name
    if (length > 0) message += shown(word.substr(0, length));
    message += word.substr(length);
    begin = end;
    if (begin != whole.end()) message += *begin++;
  }
  return message;
}

std::string without_folders(const std::string& message) {
  std::string text;
  constexpr std::string_view kEnds = " \t\n'\"()[],;:<>";
  for (std::size_t at = 0; at < message.size();) {
    const bool begins = message[at] == '/' && (at == 0 || kEnds.find(message[at - 1]) != kEnds.npos);
    if (!begins) {
      text += message[at++];
      continue;
    }
    const std::size_t end = std::min(message.find_first_of(kEnds, at), message.size());
    const std::string path = message.substr(at, end - at);
    // The first two parts may be a user's home.
    text += path == "/" ? path : std::ranges::count(path, '/') > 2 ? "…" + path.substr(path.find_last_of('/')) : "…";
    at = end;
  }
  return text;
}

}  // namespace resolute::report
