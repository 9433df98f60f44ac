// `resolute completion bash|zsh|fish`: scripts that ask the program what may follow, and, for zsh, have its options.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "cli/curves.h"
#include "cli/help.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/process/process.h"
#include "core/split.h"
#include "experiments/include.h"
#include "experiments/language/rows.h"
#include "experiments/language/settings.h"
#include "orchestrator/coordinator/run_options.h"
#include "settings/source.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kCompletionHelp{
    "resolute completion bash|zsh|fish",
    "Writes a script with which a shell completes commands, options, settings behind --set, words of closed lists "
    "(--format), what a typed suite has (profiles, data sets, rows), jobs of the store, and file names. An installed "
    "resolute has those of bash and zsh in place.",
    "  source <(resolute completion bash)\n"
    "  resolute completion bash > ~/.local/share/bash-completion/completions/resolute\n"
    "  resolute completion zsh > ~/.zfunc/_resolute    # a folder of $fpath\n"
    "  resolute completion fish > ~/.config/fish/completions/resolute.fish\n"};

using Words = std::vector<std::string>;

// "torchreid, fastreid or csv (required)", "the side: camera, drawn (default: camera)" → the words. Texts of options
// are the only lists of them, so that none can grow old.
Words closed_list(std::string_view help) {
  if (const auto end = help.find(" ("); end != std::string_view::npos) help = help.substr(0, end);
  if (const auto begin = help.rfind(": "); begin != std::string_view::npos) help = help.substr(begin + 2);
  Words words;
  for (const std::string_view part : core::split(help, ',')) {
    const std::string_view word = part.starts_with(' ') ? part.substr(1) : part;
    const auto or_at = word.find(" or ");
    words.emplace_back(word.substr(0, or_at));
    if (or_at != std::string_view::npos) words.emplace_back(word.substr(or_at + 4));
  }
  const auto is_word = [](const std::string& word) {
    return !word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos;
  };
  return words.size() > 1 && std::ranges::all_of(words, is_word) ? words : Words();
}

// The typed file of a suite, with what it includes; nothing of one that cannot be read.
std::vector<experiments::SuiteFile> suite_files(const Words& typed) {
  for (const std::string& word : typed) {
    std::error_code ignored;
    std::filesystem::path path = found_suite(word);
    if (word.starts_with("~/")) path = core::variable_in(core::current_environment(), "HOME") + word.substr(1);
    if (path.extension() != ".toml" || !std::filesystem::is_regular_file(path, ignored)) continue;
    try {
      return experiments::read_suite_files(core::real_file_system(), path, {});
    } catch (const std::exception&) {
    }
  }
  return {};
}

// A [[dataset]] has an id, and a [[table.row]]; a row's grid gives an id for each of its points.
void add_ids(const experiments::Node& tables, Words& ids) {
  for (const experiments::Node& table : tables.tables) {
    try {
      for (const std::string& id : experiments::row_ids(table)) ids.push_back(id);
    } catch (const core::RuntimeError&) {  // whoever types may be writing it
    }
  }
}

// Names of the suite: of its [profiles], of its data sets, or of its rows.
Words names_in_suite(const Words& typed, const std::string& key) {
  Words names;
  for (const experiments::SuiteFile& file : suite_files(typed))
    for (const experiments::Member& member : file.document.members) {
      if (member.key != key) continue;
      for (const experiments::Member& inner : member.node.members) names.push_back(inner.key);
      if (key == "dataset") add_ids(member.node, names);
      for (const experiments::Node& table : member.node.tables)
        for (const experiments::Member& inner : table.members)
          if (key == "table" && inner.key == "row") add_ids(inner.node, names);
    }
  return names;
}

// The store that was typed, or that of RESOLUTE_STORE.
std::string store_of(const Words& typed) {
  for (std::size_t i = 0; i < typed.size(); ++i) {
    if (typed[i] == "--store" && i + 1 < typed.size()) return typed[i + 1];
    if (typed[i].starts_with("--store=")) return typed[i].substr(8);
  }
  return core::variable_in(core::current_environment(), kStoreVariable);
}

// Ids of jobs, as far as messages print them.
Words jobs_in_store(const Words& typed, const std::string& current) {
  constexpr std::size_t kMost = 1000;
  Words jobs;
  try {
    auto& files = core::real_file_system();
    const std::filesystem::path folder = std::filesystem::path(store_of(typed)) / "jobs";
    for (const std::string& two : files.list(folder)) {
      if (!current.starts_with(two.substr(0, current.size())) || jobs.size() >= kMost) continue;
      for (const std::string& id : files.list(folder / two)) jobs.push_back(experiments::short_id({id}));
    }
  } catch (const std::exception&) {
  }
  return jobs;
}

Words settings_words() {
  Words words;
  for (const experiments::SettingText& setting : experiments::setting_texts()) {
    words.push_back(setting.key + "=");
    for (const std::string& word : setting.text.words) words.push_back(setting.key + "=" + word);
  }
  return words;
}

// Values of an option; none: files.
Words values_of(const OptionText& option, const Words& typed) {
  if (option.name == "--set") return settings_words();
  if (option.name == "--profile") return names_in_suite(typed, "profiles");
  if (option.name == "--datasets") return names_in_suite(typed, "dataset");
  if (option.name == "--only" || option.name == "--first") return names_in_suite(typed, "table");
  if (option.name == "--layout") return settings::word_list<settings::Source>();
  if (option.name == "--bind") return settings::word_list<orchestrator::BindRanks>();
  if (option.name == "--burn-in") return settings::word_list<orchestrator::BurnInLength>();
  if (option.name == "--log") return settings::word_list<CurvesClient>();
  return closed_list(option.help);
}

// Words that stand without an option: the first line of the usage names them.
Words arguments_of(const HelpPage& page, const Words& typed, const std::string& current) {
  const std::string& usage = page.usage.front();
  const auto has = [&](const char* name) { return usage.find(name) != std::string::npos; };
  if (has(" SOURCE ") && typed.empty()) return settings::word_list<settings::Source>();
  if (has("suite keys [PATTERN]")) return experiments::setting_keys();
  if (has(" bash|zsh|fish")) return {"bash", "zsh", "fish"};
  return (has(" JOB ") || has(" JOB|") || has(" TRAINING ")) && (typed.empty() || typed.front().starts_with("-"))
             ? jobs_in_store(typed, current)
             : Words();
}

// The words that may stand for `current`, which is being typed behind the others.
Words offers(const Words& typed, const std::string& current) {
  const auto found = find_command(typed);
  Words words;
  if (!found) {
    const bool group = typed.size() == 1;
    for (const Command& command : commands()) {
      const auto parts = core::split(command.name, ' ');
      if (is_listed(command) && (typed.empty() || (parts.size() == 2 && parts[0] == typed[0])))
        words.emplace_back(parts[typed.size() > 1 ? 0 : typed.size()]);
    }
    if (typed.size() > 1) return {};
    words.emplace_back("--help");
    if (!group) words.emplace_back("--version");
    return words;
  }
  const HelpPage page = help_of(*found->command);
  const Words rest(typed.begin() + static_cast<std::ptrdiff_t>(found->words), typed.end());
  if (!rest.empty())
    for (const OptionText& option : page.options)
      if (option.name == rest.back() && option.takes_value && !option.may_lack_value) return values_of(option, rest);
  if (!current.starts_with("-")) return arguments_of(page, rest, current);
  const auto equals = current.find('=');
  for (const OptionText& option : page.options) {
    if (equals == std::string::npos) words.push_back(option.name);
    if (option.name != current.substr(0, equals) || !option.takes_value || equals == std::string::npos) continue;
    for (const std::string& value : values_of(option, rest)) words.push_back(option.name + "=" + value);
  }
  return words;
}

// `resolute completion offers WORD…`, which the scripts call: a line for each word that the last one may become.
int print_offers(Words typed) {
  const std::string current = typed.empty() ? "" : typed.back();
  if (!typed.empty()) typed.pop_back();
  Words words = offers(typed, current);
  std::erase_if(words, [&](const std::string& word) {
    return !word.starts_with(current) || (word == current && word.ends_with('='));
  });
  std::ranges::sort(words);
  words.erase(std::unique(words.begin(), words.end()), words.end());
  for (const std::string& word : words) std::cout << word << '\n';
  return 0;
}

constexpr const char* kBashScript = R"script(# bash completion of resolute
_resolute() {
  local word before= from
  # As it was typed: with a tilde or backslashes.
  local program=${COMP_WORDS[0]//\\/}
  program=${program/#\~\//"$HOME"/}
  # bash takes KEY, "=" and VALUE for three words.
  local -a words=()
  for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if [ "$word" = = ] || [ "$before" = = ]; then
      words[${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
    before=$word
  done
  mapfile -t COMPREPLY < <("$program" completion offers "${words[@]}" 2> /dev/null)
  word=${words[${#words[@]} - 1]}
  from=${word%"${COMP_WORDS[COMP_CWORD]#=}"}
  case $from in *=) COMPREPLY=("${COMPREPLY[@]#"$from"}") ;; esac
  case ${COMPREPLY[0]} in *=) compopt -o nospace 2> /dev/null ;; esac
}
complete -o bashdefault -o default -F _resolute resolute
)script";

constexpr const char* kFishScript = R"script(# fish completion of resolute
function __resolute_offers
    set -l words (commandline -opc) (commandline -ct)
    $words[1] completion offers $words[2..-1] 2> /dev/null
end
complete -c resolute -a '(__resolute_offers)'
)script";

constexpr const char* kZshBegin = R"script(#compdef resolute
# zsh completion of resolute

# Words that the program knows, else files.
_resolute_offers() {
  local -a before=(${(Q)words[2,CURRENT-1]}) offered
  [[ $words[CURRENT] == --*=* ]] && before+=(${words[CURRENT]%%=*})
  offered=(${(f)"$($resolute_program completion offers ${=resolute_command} $before "$PREFIX" 2> /dev/null)"})
  if (( $#offered == 0 )); then
    _files
  elif [[ $offered[1] == *=* ]]; then
    compadd -S '' -- $offered
  else
    compadd -- $offered
  fi
}

_resolute() {
  local resolute_program=${~${(Q)words[1]}} command=$words[2] curcontext=$curcontext resolute_command
  integer taken=1
  local -a named
)script";

constexpr const char* kZshSecondWords = R"script(  if (( CURRENT == 2 )); then
    _describe -t commands command named
    [[ $PREFIX == -* ]] && compadd -- --help --version
    return
  fi
  named=()
  case $command in
)script";

constexpr const char* kZshOptions = R"script(  esac
  if (( $#named )); then
    if (( CURRENT == 3 )); then
      _describe -t commands command named
      [[ $PREFIX == -* ]] && compadd -- --help
      return
    fi
    command+=" $words[3]"
    taken=2
  fi
  resolute_command=$command
  # _arguments takes the last word of the command for the program's name.
  shift $taken words
  (( CURRENT -= taken ))
  case $command in
)script";

constexpr const char* kZshEnd = R"script(    *) _files ;;
  esac
}

# A file of $fpath is the function's body.
if [ "$funcstack[1]" = _resolute ]; then
  _resolute "$@"
else
  compdef _resolute resolute
fi
)script";

// Between single quotes, with a backslash before each of `special`.
std::string zsh_word(std::string_view text, std::string_view special) {
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
      continue;
    }
    if (special.find(c) != std::string_view::npos) word += '\\';
    word += c;
  }
  return word + "'";
}

// An entry for `_describe`: a name and its help.
std::string zsh_named(std::string_view name, std::string_view what) {
  return zsh_word(fmt::format("{}:{}", name, what), "\\");
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("-.0123456789") == std::string::npos;
}

// A specification of `_arguments`: '--store=[what it is]:value:_files'.
std::string zsh_option(const OptionText& option) {
  std::string help;
  for (const char c : option.help) {
    if (c == '[' || c == ']' || c == '\\') help += '\\';
    help += c;
  }
  std::string text = option.name;
  if (option.takes_value) text += option.may_lack_value ? "=-" : "=";
  text += fmt::format("[{}]", help);
  if (option.name == "--set")
    text = "*" + text + ":setting:_resolute_offers";
  else if (option.takes_value)
    text += fmt::format("{}:value:{}", option.may_lack_value ? ":" : "",
                        is_number(option.standard) ? " " : "_resolute_offers");
  return zsh_word(text, "");
}

void print_zsh() {
  std::cout << kZshBegin;
  const auto groups = command_groups();
  for (const Command& command : commands()) {
    const std::string_view name = command.name;
    if (is_listed(command) && name.find(' ') == std::string_view::npos)
      std::cout << "  named+=(" << zsh_named(name, command.summary) << ")\n";
  }
  for (const std::string& group : groups)
    std::cout << "  named+=(" << zsh_named(group, fmt::format("resolute {} --help lists its commands", group)) << ")\n";
  std::cout << kZshSecondWords;
  for (const std::string& group : groups) {
    std::cout << "    " << group << ")\n";
    for (const Command& command : commands()) {
      const std::string_view name = command.name;
      if (is_listed(command) && name.starts_with(group + " "))
        std::cout << "      named+=(" << zsh_named(name.substr(group.size() + 1), command.summary) << ")\n";
    }
    std::cout << "      ;;\n";
  }
  std::cout << kZshOptions;
  for (const Command& command : commands()) {
    if (!is_listed(command)) continue;
    std::cout << "    '" << command.name << "')\n      _arguments";
    for (const OptionText& option : help_of(command).options) std::cout << " \\\n        " << zsh_option(option);
    std::cout << " \\\n        '*:word:_resolute_offers'\n      ;;\n";
  }
  std::cout << kZshEnd;
}

}  // namespace

int completion(const Arguments& arguments) {
  if (!arguments.empty() && arguments[0] == "offers") return print_offers({arguments.begin() + 1, arguments.end()});
  options::options_description visible;
  auto values = parse_options(arguments, kCompletionHelp, visible, {"SHELL"});
  if (!values) return 0;
  const std::string shell = required_value(*values, "SHELL");
  if (shell == "bash")
    std::cout << kBashScript;
  else if (shell == "zsh")
    print_zsh();
  else if (shell == "fish")
    std::cout << kFishScript;
  else
    throw core::input_error("shell '" + shell + "' is not known", {}, "resolute completion bash, zsh or fish");
  return 0;
}

}  // namespace resolute::cli
