// `resolute completion bash|zsh`: scripts made of the rows of commands and, for zsh, of their options.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "cli/help.h"
#include "cli/subcommands.h"
#include "core/error.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kCompletionHelp{
    "resolute completion bash|zsh",
    "Writes a script with which a shell completes commands, options, settings behind --set and file names. An "
    "installed resolute has both in place.",
    "  source <(resolute completion bash)\n"
    "  resolute completion bash > ~/.local/share/bash-completion/completions/resolute\n"
    "  resolute completion zsh > ~/.zfunc/_resolute    # a folder of $fpath\n"};

// Options are taken from each command's own help, so that no list of them can grow old.
constexpr const char* kBashScript = R"script(
_resolute() {
  local current=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[1]} second=${COMP_WORDS[2]} line options=
  # As it was typed: with a tilde or backslashes.
  local program=${COMP_WORDS[0]//\\/}
  program=${program/#\~\//"$HOME"/}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "$(printf '%s\n' "${_resolute_commands[@]%% *}") --help --version" -- "$current"))
    return
  fi
  local -a command=("$first") seconds=()
  for line in "${_resolute_commands[@]}"; do
    case $line in "$first "*) seconds+=("${line#* }") ;; esac
  done
  if [ ${#seconds[@]} -gt 0 ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then
      COMPREPLY=($(compgen -W "${seconds[*]} --help" -- "$current"))
      return
    fi
    command+=("$second")
  fi
  # bash takes KEY, "=" and VALUE for three words.
  local key=
  [ "$current" = = ] && [ "${COMP_WORDS[COMP_CWORD - 2]}" = --set ] && key=${COMP_WORDS[COMP_CWORD - 1]} current=
  [ "${COMP_WORDS[COMP_CWORD - 1]}" = = ] && [ "${COMP_WORDS[COMP_CWORD - 3]}" = --set ] &&
    key=${COMP_WORDS[COMP_CWORD - 2]}
  if [ -n "$key" ] || [ "${COMP_WORDS[COMP_CWORD - 1]}" = --set ]; then
    for line in $("$program" suite keys --words 2> /dev/null); do
      case $line in "${key:+$key=}"*) options+=" ${line#"${key:+$key=}"}" ;; esac
    done
    COMPREPLY=($(compgen -W "$options" -- "$current"))
    compopt -o nospace 2> /dev/null
    return
  fi
  case $current in
    -*)
      options=$("$program" "${command[@]}" --help 2> /dev/null |
        sed -nE 's/^  (-[a-z] \[ )?(--[a-z0-9-]+).*/\2/p' | sort -u)
      COMPREPLY=($(compgen -W "$options" -- "$current"))
      ;;
  esac
}
complete -o bashdefault -o default -F _resolute resolute
)script";

void print_bash() {
  std::cout << "# bash completion of resolute\n_resolute_commands=(\n";
  for (const Command& command : commands())
    if (is_listed(command)) std::cout << "  '" << command.name << "'\n";
  std::cout << ")\n" << kBashScript + 1;
}

constexpr const char* kZshBegin = R"script(#compdef resolute
# zsh completion of resolute

# KEY=VALUE behind --set: one word for each key, one for each of its values that has a name.
_resolute_settings() {
  local -a settings=(${(f)"$($resolute_program suite keys --words 2> /dev/null)"})
  compadd -S '' -- $settings
}

_resolute() {
  local resolute_program=${~${(Q)words[1]}} command=$words[2] curcontext=$curcontext
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
  # _arguments takes the last word of the command for the program's name.
  shift $taken words
  (( CURRENT -= taken ))
  case $command in
)script";

constexpr const char* kZshEnd = R"script(    *) _files ;;
  esac
}

# Of $fpath the file is the function's body.
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
    text = "*" + text + ":setting:_resolute_settings";
  else if (option.takes_value)
    text += fmt::format("{}:value:{}", option.may_lack_value ? ":" : "", is_number(option.standard) ? " " : "_files");
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
    std::cout << " \\\n        '*:file:_files'\n      ;;\n";
  }
  std::cout << kZshEnd;
}

}  // namespace

int completion(const Arguments& arguments) {
  options::options_description visible;
  auto values = parse_options(arguments, kCompletionHelp, visible, {"SHELL"});
  if (!values) return 0;
  const std::string shell = required_value(*values, "SHELL");
  if (shell == "bash")
    print_bash();
  else if (shell == "zsh")
    print_zsh();
  else
    throw core::input_error("shell '" + shell + "' is not known", {}, "resolute completion bash, or zsh");
  return 0;
}

}  // namespace resolute::cli
