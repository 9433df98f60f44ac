// `resolute suite watch`

#include <fmt/format.h>

#include <iostream>
#include <optional>
#include <string>

#include "cli/browser.h"
#include "cli/high_views.h"
#include "cli/results/store_reader.h"
#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "cli/terminal.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/files/drawing_folder.h"
#include "core/files/file_system.h"
#include "core/log.h"
#include "core/process/process.h"
#include "core/process/processors.h"
#include "core/process/secret.h"
#include "report/document/privacy.h"
#include "report/server/editions.h"
#include "report/server/page_server.h"

namespace resolute::cli {

namespace {

using std::chrono::milliseconds;

constexpr CommandHelp kSuiteWatchHelp{
    "resolute suite watch SUITE.toml --store STORE [--http ADDRESS:PORT] [--open] [--json]",
    R"(Shows a suite while it runs. Without --http it does in the terminal what `suite status --watch` does. With --http it
serves the page of `suite report`, which follows the run in every browser that has it open. The address that it prints
has a token in it, without which there is nothing to see. 127.0.0.1:0 takes a free port that this machine alone
reaches; from elsewhere, forward it (ssh -L PORT:127.0.0.1:PORT HOST). The server reads the store with the lowest
priority, for a tenth of the time (a quarter, of a large suite) and only while somebody looks on. It writes nothing
there. It ends with q or ctrl-C, not with the run.

The page names no path, user or host of this machine unless --with-hosts is given. --json prints {"address"}.)",
    "  resolute suite watch suite.toml --store /shared/store\n"
    "  resolute suite watch suite.toml --store /shared/store --http 127.0.0.1:0 --open\n"};

constexpr std::size_t kTokenBytes = 16;
constexpr milliseconds kWhileNobodyLooks{100};  // how soon who comes is noticed

void look(StoreReader& reader, report::Editions& editions, const std::string& token) {
  const core::Json document = reader.look();
  editions.publish(core::canonical_json(document), [&](std::uint64_t number) {
    return report::report_page(document, report::feed_with(token, number));
  });
}

// \return false to leave
bool wait_until_wanted(WatchInput& input, const report::Editions& editions) {
  while (!editions.wanted())
    if (!input.wait(kWhileNobodyLooks)) return false;
  return true;
}

// A suite's reader. The plan of a suite with a search grows.
class SuiteReader {
 public:
  SuiteReader(const SuiteArguments& arguments, experiments::Plan plan) : arguments_(arguments), plan_(std::move(plan)) {
    read_anew();
  }
  StoreReader& now() {
    if (plan_.waits() && experiments::take_next(plan_, arguments_.plan(false))) read_anew();
    return *reader_;
  }

 private:
  void read_anew() {
    note_high_views(plan_, arguments_.store);
    reader_.emplace(core::real_file_system(), arguments_.store, plan_, arguments_.values["with-hosts"].as<bool>());
  }

  const SuiteArguments& arguments_;
  experiments::Plan plan_;
  std::optional<StoreReader> reader_;
};

// Until there is nothing to look for.
void follow(SuiteReader& reader, report::Editions& editions, const std::string& token, milliseconds interval,
            WatchInput& input) {
  const report::Privacy privacy(false, {});
  for (auto pause = interval; input.wait(pause) && wait_until_wanted(input, editions);) {
    const auto begin = core::monotonic_clock().now();
    try {
      look(reader.now(), editions, token);
    } catch (const core::RuntimeError& error) {
      editions.fail(privacy.message(error.what()));
    }
    pause = pause_between_looks(core::monotonic_clock().now() - begin, interval);
  }
}

void say_address(const std::string& url, bool json) {
  // A line, for who waits for it: nothing follows until the end.
  if (!(std::cout << (json ? core::Json{{"address", url}}.dump() : url) << std::endl))
    throw core::RuntimeError(core::ErrorKind::kEnvironment, "the address cannot be written to stdout");
}

// For who is here from another machine: the same address then opens there.
void say_how_to_forward(std::uint16_t port) {
  if (!output_is_terminal() || core::variable_in(core::current_environment(), "SSH_CONNECTION").empty()) return;
  core::log_info("from your own machine: ssh -L {0}:127.0.0.1:{0} {1}, and this address opens there; ctrl-C ends it",
                 port, core::host_name());
}

void serve(SuiteArguments& arguments, const report::ServedAddress& address, milliseconds interval) {
  SuiteReader reader(arguments, arguments.plan_as_run());
  const std::string token = core::random_token(kTokenBytes);
  report::Editions editions;
  WatchInput input;
  look(reader.now(), editions, token);
  const report::PageServer server(address, token, editions);
  if (!report::is_loopback(address))
    core::log_warning(
        "other machines reach this page, and everybody who sees the traffic sees the token; 127.0.0.1 and ssh -L "
        "keep both to you");
  say_address(server.url(), arguments.json);
  if (report::is_loopback(address)) say_how_to_forward(server.port());
  // Everybody on this machine sees what programs are called with, and the address has the token in it: the browser gets
  // a file that leads there, in a folder of this user's alone.
  std::optional<core::DrawingFolder> folder;
  if (arguments.values["open"].as<bool>()) {
    const auto leading = folder.emplace("watch").path() / "watch.html";
    core::write_atomic(
        core::real_file_system(), leading,
        fmt::format("<!doctype html><meta http-equiv=\"refresh\" content=\"0; url={}\">\n", server.url()));
    open_in_browser(leading.string());
  }
  core::give_way();
  follow(reader, editions, token, interval, input);
}

}  // namespace

int suite_watch(const Arguments& arguments) {
  double interval = 2;
  options::options_description visible;
  auto add = visible.add_options();
  add("http", options::value<std::string>(), "serve the report's page there: 127.0.0.1:0");
  add("open", options::bool_switch(), "show it in the browser");
  add("frame-ancestors", options::value<std::vector<std::string>>()->composing(),
      "ORIGIN whose pages may show this one in a frame, as https://hub.example.org; repeatable");
  add("with-hosts", options::bool_switch(), "name hosts, and the paths in messages");
  add("interval", options::value(&interval)->default_value(interval), "seconds from one look to the next, 0.1 or more");
  auto parsed = parse_suite_arguments(arguments, kSuiteWatchHelp, visible);
  if (!parsed) return 0;
  const bool with_hosts = parsed->values["with-hosts"].as<bool>(), open = parsed->values["open"].as<bool>();
  if (parsed->values.count("http") == 0) {
    if (with_hosts || open || parsed->values.count("frame-ancestors") > 0)
      throw core::input_error(fmt::format("--{} is of the page", open         ? "open"
                                                                 : with_hosts ? "with-hosts"
                                                                              : "frame-ancestors"),
                              "without --http there is none", "add --http 127.0.0.1:0");
    Arguments status = arguments;
    status.insert(status.begin(), "--watch");  // not behind a "--"
    return suite_status(status);
  }
  report::ServedAddress address = report::parse_served_address(parsed->values["http"].as<std::string>());
  if (parsed->values.count("frame-ancestors") > 0)
    for (const auto& origin : parsed->values["frame-ancestors"].as<std::vector<std::string>>())
      address.frame_ancestors.push_back(report::parse_origin(origin));
  if (!(interval >= 0.1 && interval <= 86400))
    throw core::input_error(fmt::format("--interval is {}", interval), "0.1 to 86400 seconds are possible");
  require_store(parsed->store.root());
  serve(*parsed, address, milliseconds(static_cast<std::int64_t>(interval * 1000)));
  return 0;
}

}  // namespace resolute::cli
