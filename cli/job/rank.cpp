// `resolute rank`: docs/formats/features.md has the file's layout.

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <iostream>
#include <optional>

#include "cli/command.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/files/json.h"
#include "core/process/process.h"
#include "core/process/processors.h"
#include "datasets/hdf5/array_file.h"
#include "results/kernel/gemm_openblas.h"
#include "results/scores/ranking.h"

namespace resolute::cli {

namespace options = boost::program_options;

namespace {

constexpr CommandHelp kRankHelp{
    "resolute rank FEATURES.h5 [--max-rank K] [--threads T] [--json]",
    R"(Exact CMC and mAP of query against gallery. The file has groups 'query' and 'gallery', each with 'features' float32 N×D,
'identities' int64 N and, where cameras mean something, 'cameras' int64 N; optionally 'query/prefix' int64 N; or, in
place of both 'features', one 'distance' float32 queries × gallery. Gallery images of the query's own identity
and camera are left out, identity -1 is junk, 0 a distractor; ties count against the query. Cameras of one
group alone are refused; without any no image is left out for its camera, and the output says so.)",
    "  resolute rank features.h5\n  resolute rank features.h5 --json\n"};

struct Side {
  datasets::NamedArray<std::int64_t> identities;
  datasets::NamedArray<std::int64_t> cameras;
  results::Labels labels() const { return {identities.values, cameras.values}; }
  bool has_cameras() const { return !cameras.values.empty(); }
};

Side read_side(const datasets::ArrayFileReader& file, const std::string& group) {
  Side side;
  side.identities = file.read_int64(group + "/identities", 1);
  // A file without cameras has nothing to leave out; one with fewer cameras than identities is broken.
  if (file.has(group + "/cameras")) {
    side.cameras = file.read_int64(group + "/cameras", 1);
    if (side.cameras.values.size() != side.identities.values.size())
      throw core::input_error(fmt::format("'{}' has {} identities and {} cameras", group, side.identities.values.size(),
                                          side.cameras.values.size()),
                              "each image has one of both");
  }
  return side;
}

// With those of one group nothing could be left out, and figures would be far too good.
void require_cameras_of_both_or_neither(const Side& query, const Side& gallery) {
  if (query.identities.values.empty() || gallery.identities.values.empty()) return;
  if (query.has_cameras() == gallery.has_cameras()) return;
  throw core::input_error(
      fmt::format("'{}/cameras' is missing and '{}/cameras' is there", query.has_cameras() ? "gallery" : "query",
                  query.has_cameras() ? "query" : "gallery"),
      "gallery images of a query's own camera cannot be told", "write both or, where cameras mean nothing, neither");
}

struct Answer {
  bool cameras = false;  // that images were left out for
  results::RankingScores scores;
};

Answer score(const std::string& path, const results::RankingOptions& ranking) {
  datasets::ArrayFileReader file(path);
  Side query = read_side(file, "query");
  Side gallery = read_side(file, "gallery");
  require_cameras_of_both_or_neither(query, gallery);
  const bool cameras = query.has_cameras() || gallery.has_cameras();
  if (file.has("distance")) {
    auto distance = file.read_float32("distance", 2);
    if (distance.shape[0] != query.identities.values.size() || distance.shape[1] != gallery.identities.values.size())
      throw core::input_error(fmt::format("'distance' is {}×{}", distance.shape[0], distance.shape[1]),
                              fmt::format("there are {} queries and {} gallery images", query.identities.values.size(),
                                          gallery.identities.values.size()));
    return {cameras, results::rank_distances(distance.values, query.labels(), gallery.labels(), ranking)};
  }
  auto query_features = file.read_float32("query/features", 2);
  auto gallery_features = file.read_float32("gallery/features", 2);
  std::vector<std::int64_t> prefix;
  if (file.has("query/prefix")) {
    prefix = file.read_int64("query/prefix", 1).values;
    if (prefix.size() != query.identities.values.size())
      throw core::input_error(
          fmt::format("{} prefix lengths and {} queries", prefix.size(), query.identities.values.size()),
          "'query/prefix' has one a query");
  }
  auto matrix = [](const datasets::NamedArray<float>& array) {
    return results::FeatureMatrix{array.values, array.shape[0], array.shape[1]};
  };
  return {cameras, results::rank_features(matrix(query_features), query.labels(), matrix(gallery_features),
                                          gallery.labels(), prefix, results::openblas_gemm(), ranking)};
}

// Files come from anywhere, and HDF5 1.10.8 falls over some damaged ones. So a child goes on with the command, and this
// process says what became of it. \return nothing in the child; here, at its end, its exit code \throws RuntimeError
// (kInput) if it crashed
std::optional<int> continue_in_child(const std::string& path) {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw core::system_error("no process can be started to read the file in", errno);
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    return std::nullopt;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) throw core::system_error("cannot wait for a child", errno);
  const core::ExitStatus ended = core::to_exit_status(status);
  if (const auto* exited = std::get_if<core::Exited>(&ended)) return exited->code;
  const int signal = std::get<core::Killed>(ended).signal;
  if (signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT || signal == SIGFPE || signal == SIGILL)
    throw core::input_error(fmt::format("'{}' cannot be read", path),
                            fmt::format("the HDF5 library fell over it: {}", core::describe(ended)),
                            "it is most likely damaged: write it again");
  ::raise(signal);  // somebody ended the command
  return 128 + signal;
}

}  // namespace

int rank(const Arguments& arguments) {
  results::RankingOptions ranking;
  ranking.work.threads = core::usable_processors();
  options::options_description visible;
  auto add = visible.add_options();
  add("max-rank", options::value(&ranking.max_rank)->default_value(50), "length of the CMC curve");
  add("threads", options::value(&ranking.work.threads)->default_value(ranking.work.threads),
      "threads; the figures do not depend on it");
  add("json", "one JSON document on stdout");
  auto values = parse_options(arguments, kRankHelp, visible, {"FEATURES.h5"});
  if (!values) return 0;
  std::string path = (*values)["FEATURES.h5"].as<std::string>();
  if (const auto code = continue_in_child(path)) return *code;
  Answer answer;
  try {
    answer = score(path, ranking);
  } catch (const core::RuntimeError& error) {
    if (std::string_view(error.what()).find(path) != std::string_view::npos) throw;
    throw error.at(path);
  }
  const results::RankingScores& scores = answer.scores;
  if (values->count("json") > 0) {
    std::cout << core::Json{{"cmc", scores.cmc},
                            {"map", scores.map},
                            {"chance_map", scores.chance_map},
                            {"queries", scores.queries},
                            {"queries_without_match", scores.queries_without_match},
                            {"cameras", answer.cameras}}
                     .dump()
              << "\n";
    return 0;
  }
  for (int k : {1, 5, 10, 20})
    if (k <= ranking.max_rank)
      std::cout << fmt::format("rank-{:<3} {:6.2f} %\n", k, scores.cmc[static_cast<std::size_t>(k) - 1] * 100);
  std::cout << fmt::format(
      "mAP      {:6.2f} %  (chance {:.2f} %)\nqueries  {} counted, {} without a match in the gallery\n",
      scores.map * 100, scores.chance_map * 100, scores.queries, scores.queries_without_match);
  if (!answer.cameras) std::cout << "cameras  none in the file: no image is left out for its camera\n";
  return 0;
}

}  // namespace resolute::cli
