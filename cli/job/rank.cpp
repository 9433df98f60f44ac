// `resolute rank`: docs/inside/formats/features.md has the files' layout.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <optional>

#include "cli/command.h"
#include "cli/described_options.h"
#include "cli/job/ranked_file.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/files/csv.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "core/files/new_folder.h"
#include "core/log.h"
#include "core/numbers.h"
#include "core/process/process.h"
#include "core/process/processors.h"
#include "core/split.h"
#include "results/scores/bootstrap.h"
#include "results/scores/ranking.h"

namespace resolute::cli {

namespace {

constexpr int kNoScore = 1;  // exit code: no query of some file has a match

constexpr CommandHelp kRankHelp{
    "resolute rank FEATURES... [--protocol NAME] [--re-rank[=K1,K2,LAMBDA]] [--csv FILE] [--json]",
    R"(Exact CMC and mAP of query against gallery. A file, HDF5, has groups 'query' and 'gallery', each with 'features' N×D,
'identities' N and, where cameras mean something, 'cameras' N; optionally 'query/prefix' N; or, in place of both
'features', one 'distance' queries × gallery. Features and distances are float32, float64 or float16, the others
integers of any width. Gallery images of the query's own identity and camera are left out, identity -1 is junk; ties
count against the query. Cameras of one group alone are refused; without any no image is left out for its camera, and
the output says so.

Dumps of other programs are read too: .npz, a folder of .npy, .mat; with arrays query_features, query_identities,
query_cameras and so on, or under the names of torchreid (qf, q_pids, q_camids, distmat) or of pytorch_result.mat
(query_f, query_label, query_cam).

--protocol single-shot gives rank-k as tables have them: over galleries that are drawn with one image of each identity;
multi-shot, with --shots of each. With the seed of a split they are its evaluation's. mAP and mINP are over all images.

--re-rank ranks by k-reciprocal neighbours (Zhong et al., CVPR 2017) of queries and gallery together.

Several files of the same queries stand beside one another: the differences from the first are paired by query, with
95 % intervals of a bootstrap over people.

Where no query has a match there is no score: dashes, why, and exit code 1.)",
    "  resolute rank features.h5\n  resolute rank features.h5 --json\n  resolute rank pytorch_result.mat --re-rank\n"
    "  resolute rank features.h5 --protocol single-shot --draws 100 --seed 0\n"
    "  resolute rank baseline.h5 ours.h5 --csv queries.csv\n"};

// Files come from anywhere, and HDF5 1.10.8 falls over some damaged ones. So a child goes on with the command, and this
// process says what became of it. \return nothing in the child; here, at its end, its exit code \throws RuntimeError
// (kInput) if it crashed
std::optional<int> continue_in_child(const std::vector<std::string>& paths) {
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
    throw core::input_error(fmt::format("'{}' cannot be read", fmt::join(paths, "' or '")),
                            fmt::format("a library that reads it fell over it: {}", core::describe(ended)),
                            "it is most likely damaged: write it again");
  ::raise(signal);  // somebody ended the command
  return 128 + signal;
}

// How a file's queries do beside those of the first, of queries that have a match in both.
struct Difference {
  results::BootstrapInterval rank1, map;
};

std::optional<Difference> difference_of(const RankedFile& first, const RankedFile& other) {
  std::vector<results::PairedQuery> queries;
  for (std::size_t q = 0; q < first.identities.size(); ++q) {
    const results::GalleryQuery &before = first.scores.per_query[q], &now = other.scores.per_query[q];
    if (before.full.rank == 0 || now.full.rank == 0) continue;
    queries.push_back({first.identities[q],
                       {now.cmc[0] - before.cmc[0], now.full.average_precision - before.full.average_precision}});
  }
  if (queries.empty()) return std::nullopt;
  const auto intervals = results::paired_bootstrap({queries}, 2);
  return Difference{intervals[0], intervals[1]};
}

// A mean over no query is no number.
core::Json score_json(const RankedFile& file, const auto& score) {
  return file.no_score.empty() ? core::Json(score) : core::Json();
}

std::string per_cent(const RankedFile& file, double score) {
  return file.no_score.empty() ? fmt::format("{:.2f}", score * 100) : "–";
}

core::Json to_json(const RankedFile& file, const RankRequest& request) {
  core::Json json = {{"cmc", score_json(file, file.scores.cmc)},
                     {"map", score_json(file, file.scores.map_full)},
                     {"minp", score_json(file, file.scores.minp_full)},
                     {"chance_map", score_json(file, file.scores.chance_map_full)},
                     {"queries", file.scores.queries},
                     {"queries_without_match", file.scores.queries_without_match},
                     {"cameras", file.left_out_by_camera}};
  if (!file.no_score.empty()) json["why"] = file.no_score;
  if (request.cosine) json["distance"] = "cosine";
  if (const auto& by = request.re_ranking)
    json["re_ranking"] = {{"k1", by->k1}, {"k2", by->k2}, {"lambda", by->lambda}};
  if (!request.draws()) return json;
  const settings::EvaluationProtocol& by = request.protocol;
  json["protocol"] = {{"name", settings::word(by.name)}, {"draws", by.draws}, {"seed", request.seed}};
  if (by.name == settings::ProtocolName::kMultiShot) json["protocol"]["shots"] = by.shots;
  json["map_single"] = score_json(file, file.scores.map_single);
  json["chance_cmc"] = score_json(file, file.scores.chance_cmc);
  return json;
}

core::Json to_json(const results::BootstrapInterval& interval) {
  return {{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}};
}

// Settings of the ranking, besides the files, that change the figures.
std::string words_of(const RankRequest& request) {
  std::string text = request.cosine ? "distance cosine\n" : "";
  if (const auto& by = request.re_ranking)
    text += fmt::format("re-ranked with k1 {}, k2 {}, lambda {}\n", by->k1, by->k2, by->lambda);
  if (const settings::EvaluationProtocol& by = request.protocol; request.draws())
    text += fmt::format(
        "{}: rank-k over {} galleries drawn by seed {}, with {} of each identity; all else over all images\n",
        settings::word(by.name), by.draws, request.seed,
        by.name == settings::ProtocolName::kMultiShot ? fmt::format("{} images", by.shots) : "one image");
  return text;
}

void print_one(const RankedFile& file, const RankRequest& request) {
  const int max_rank = request.ranking.max_rank;
  const results::GalleryScores& scores = file.scores;
  for (int k : results::kQueryRanks)
    if (k <= max_rank)
      std::cout << fmt::format("rank-{:<3} {:>6} %\n", k, per_cent(file, scores.cmc[static_cast<std::size_t>(k) - 1]));
  std::cout << fmt::format(
      "mAP      {:>6} %  (chance {} %)\nmINP     {:>6} %\n"
      "queries  {} counted, {} without a match in the gallery\n",
      per_cent(file, scores.map_full), per_cent(file, scores.chance_map_full), per_cent(file, scores.minp_full),
      scores.queries, scores.queries_without_match);
  if (!file.no_score.empty()) std::cout << fmt::format("scores   {}\n", file.no_score);
  std::cout << words_of(request);
  if (!file.left_out_by_camera) std::cout << "cameras  none in the file: no image is left out for its camera\n";
}

void print_several(const std::vector<RankedFile>& files, const RankRequest& request) {
  const int max_rank = request.ranking.max_rank;
  std::size_t width = 0;
  for (const RankedFile& file : files) width = std::max(width, file.path.size());
  const auto points = [](const results::BootstrapInterval& interval) {
    return fmt::format("{:+.2f} [{:+.2f}, {:+.2f}]", interval.mean * 100, interval.low * 100, interval.high * 100);
  };
  std::cout << fmt::format("{:{}}", "", width);
  for (int k : results::kQueryRanks)
    if (k <= max_rank) std::cout << fmt::format("  {:>7}", fmt::format("rank-{}", k));
  std::cout << "      mAP     mINP  queries  rank-1 and mAP beside the first\n";
  for (const RankedFile& file : files) {
    std::cout << fmt::format("{:{}}", file.path, width);
    for (int k : results::kQueryRanks)
      if (k <= max_rank)
        std::cout << fmt::format("  {:>7}", per_cent(file, file.scores.cmc[static_cast<std::size_t>(k) - 1]));
    std::cout << fmt::format("  {:>7}  {:>7}  {:7}", per_cent(file, file.scores.map_full),
                             per_cent(file, file.scores.minp_full), file.scores.queries);
    const auto difference = &file == &files.front() ? std::nullopt : difference_of(files.front(), file);
    if (difference) std::cout << fmt::format("  {}  {}", points(difference->rank1), points(difference->map));
    std::cout << "\n";
  }
  for (const RankedFile& file : files)
    if (!file.no_score.empty()) std::cout << fmt::format("{}: {}\n", file.path, file.no_score);
  std::cout << words_of(request);
  if (!files.front().left_out_by_camera)
    std::cout << "cameras: none in the files, no image is left out for its camera\n";
}

core::Json json_of(const std::vector<RankedFile>& files, const RankRequest& request) {
  if (files.size() == 1) return to_json(files.front(), request);
  core::Json all = core::Json::array();
  for (const RankedFile& file : files) {
    core::Json one = to_json(file, request);
    one["file"] = file.path;
    if (&file != &files.front())
      if (const auto difference = difference_of(files.front(), file))
        one["difference"] = {{"rank1", to_json(difference->rank1)}, {"map", to_json(difference->map)}};
    all.push_back(std::move(one));
  }
  return {{"files", std::move(all)}};
}

constexpr const char* kCsvHeader = "file,query,identity,camera,rank,average_precision,inverse_negative_penalty";

// One line per query and file; scores are empty where the gallery has no match.
std::string csv_of(const std::vector<RankedFile>& files, const RankRequest& request) {
  std::string text = kCsvHeader;
  if (request.draws()) text += ",galleries";
  for (const int k : results::kQueryRanks)
    if (request.draws()) text += fmt::format(",rank-{}", k);
  text += "\n";
  for (const RankedFile& file : files)
    for (std::size_t q = 0; q < file.identities.size(); ++q) {
      const results::GalleryQuery& shares = file.scores.per_query[q];
      const results::RankedQuery& query = shares.full;
      text += fmt::format("{},{},{},{},", core::csv_field(file.path), q, file.identities[q],
                          file.cameras.empty() ? "" : std::to_string(file.cameras[q]));
      text += query.rank == 0
                  ? ",,"
                  : fmt::format("{},{},{}", query.rank, query.average_precision, query.inverse_negative_penalty);
      if (request.draws())
        text += shares.galleries == 0 ? ",0,,,," : fmt::format(",{},{}", shares.galleries, fmt::join(shares.cmc, ","));
      text += "\n";
    }
  return text;
}

std::optional<results::ReRanking> re_ranking_of(const options::variables_map& values) {
  if (values.count("re-rank") == 0) return std::nullopt;
  const auto& text = values["re-rank"].as<std::string>();
  if (const auto parts = core::split(text, ','); parts.size() == 3) {
    const auto k1 = core::number_of<int>(parts[0]), k2 = core::number_of<int>(parts[1]);
    const auto lambda = core::number_of<double>(parts[2]);
    if (k1 && k2 && lambda) return results::ReRanking{*k1, *k2, *lambda};
  }
  throw core::input_error(fmt::format("option --re-rank is '{}'", text), "it is K1,K2,LAMBDA",
                          "give --re-rank=20,6,0.3, or --re-rank alone");
}

// An option that the protocol does not read is refused: figures would not be what it says.
void read_protocol(const options::variables_map& values, RankRequest& request) {
  using settings::ProtocolName;
  settings::EvaluationProtocol& protocol = request.protocol;
  const auto is_given = [&](const char* option, bool is_read, ProtocolName reader) {
    if (values.count(option) > 0 && !is_read)
      throw core::input_error(fmt::format("option --{} has no effect", option),
                              fmt::format("protocol {} does not read it", settings::word(protocol.name)),
                              fmt::format("give --protocol {} too, or leave it out", settings::word(reader)));
    return values.count(option) > 0;
  };
  if (is_given("draws", request.draws(), ProtocolName::kSingleShot))
    protocol.draws = in_range("draws", values["draws"].as<int>(), 1, settings::kMostDraws);
  if (is_given("shots", protocol.name == ProtocolName::kMultiShot, ProtocolName::kMultiShot))
    protocol.shots = in_range("shots", values["shots"].as<int>(), 2, settings::kMostShots);
  if (is_given("seed", request.draws(), ProtocolName::kSingleShot)) request.seed = parse_seed(values, "seed");
}

constexpr int kLongestCurve = 10'000'000;  // more images than any gallery has

}  // namespace

int rank(const Arguments& arguments) {
  RankRequest request;
  results::RankingOptions& ranking = request.ranking;
  ranking.work.threads = core::usable_processors();
  options::options_description visible;
  auto add = visible.add_options();
  add("max-rank", options::value(&ranking.max_rank)->default_value(50), "length of the CMC curve");
  add("protocol", word("protocol", request.protocol.name),
      "galleries that rank-k is over: single-shot, multi-shot or whole-gallery (the last unless given)");
  add("draws", options::value<int>(), "galleries that are drawn; 100 unless given");
  add("shots", options::value<int>(), "images of each identity in a gallery of multi-shot; 5 unless given");
  add("seed", options::value<std::string>(), "of the draws: that of a split for its own galleries; 0 unless given");
  add("cosine", "compare directions: each feature over its length");
  add("re-rank", options::value<std::string>()->implicit_value("20,6,0.3"), "k1, k2 and lambda of re-ranking");
  add("csv", options::value<std::string>(), "file to write: rank and average precision of each query");
  add("threads", options::value(&ranking.work.threads)->default_value(ranking.work.threads, "all"),
      "threads; the figures do not depend on it");
  add("json", "one JSON document on stdout");
  auto values = parse_options(arguments, kRankHelp, visible, {"FEATURES..."});
  if (!values) return 0;
  in_range("threads", ranking.work.threads, 1, kMostThreads);
  const auto csv = values->count("csv") > 0 ? std::optional(required_value(*values, "csv")) : std::nullopt;
  if (csv) core::require_replaceable_file(core::real_file_system(), *csv, core::as_byte_span(kCsvHeader));
  in_range("max-rank", ranking.max_rank, 1, kLongestCurve);
  const auto paths = (*values)["FEATURES..."].as<std::vector<std::string>>();
  request.re_ranking = re_ranking_of(*values);
  request.cosine = values->count("cosine") > 0;
  read_protocol(*values, request);
  if (const auto code = continue_in_child(paths)) return *code;
  std::vector<RankedFile> files;
  files.reserve(paths.size());
  for (const std::string& path : paths)
    files.push_back(rank_file(path, request, files.empty() ? nullptr : &files.front()));
  for (const RankedFile& file : files)
    if (file.no_score.empty() && results::is_far_below_chance(file.scores.map_full, file.scores.chance_map_full))
      core::log_warning(
          "'{}': mAP is below half of chance; its distances may be similarities, or its features all alike (ties count "
          "against the query)",
          file.path);
  if (csv) core::replace_named_file(core::real_file_system(), *csv, csv_of(files, request));
  if (values->count("json") > 0) {
    std::cout << json_of(files, request).dump(-1, ' ', false, core::Json::error_handler_t::replace) << "\n";
  } else if (files.size() == 1) {
    print_one(files.front(), request);
  } else {
    print_several(files, request);
  }
  const bool all = std::ranges::all_of(files, [](const RankedFile& file) { return file.no_score.empty(); });
  return all ? 0 : kNoScore;
}

}  // namespace resolute::cli
