#pragma once
//! \file
//! The functions of this project that the Python package calls, as plain C: one library serves every version of Python
//! (docs/inside/decisions.md, "Python calls a C interface"). `python/resolute/_library.py` declares the same functions.
//!
//! Each function but resolute_message() and those that close something returns a Status. Pointers are never null unless
//! a comment allows it. Settings come as JSON texts; the strict readers of the programs check them.

#include <cstddef>
#include <cstdint>

#define RESOLUTE_CALL extern "C" __attribute__((visibility("default")))

namespace resolute::python {

//! How a call ended; resolute_message() has the words.
enum Status : int {
  kDone = 0,
  kInput = 1,        //!< core::ErrorKind::kInput: what the caller gave is wrong
  kCorrupt = 2,      //!< core::ErrorKind::kCorrupt
  kTransient = 3,    //!< core::ErrorKind::kTransient
  kEnvironment = 4,  //!< core::ErrorKind::kEnvironment
  kInterrupted = 5,  //!< core::ErrorKind::kInterrupted
  kMemory = 6,       //!< the machine has not enough memory
  kOurFault = 7,     //!< an error of this project
};

//! Identities and cameras of one side, `images` each. `cameras` is null where they mean nothing.
struct Side {
  const std::int64_t* identities;
  const std::int64_t* cameras;
  std::size_t images;
};

//! The memory that scores are written to (results/scores/galleries.h).
struct ScoreArrays {
  double* cmc;                         //!< max_rank
  double* means;                       //!< 9: of full galleries the mean average precision, mINP, that of chance and
                                       //!< queries with a match; map_single; cmc of chance at each of kQueryRanks
  std::uint64_t* ranks;                //!< one a query, in its full gallery; 0: it has no match
  double* average_precisions;          //!< one a query, as ranks
  double* inverse_negative_penalties;  //!< one a query, as ranks
  std::uint64_t* galleries;            //!< one a query: those that have a match of it
  double* shares;                      //!< queries × kQueryRanks, of these galleries
};

//! One batch; all arrays stay as they are until resolute_batch_close().
struct Batch {
  std::uint64_t step;
  std::size_t images;             //!< N
  const float* hr;                //!< N×H×W×3; null where none are asked for
  const float* lr;                //!< N×H×W×3; null where none are asked for
  const std::int64_t* rows;       //!< of the pack, N
  const std::int64_t* cameras;    //!< N
  const std::int64_t* labels;     //!< N; -1 where there is none
  const std::int64_t* rates;      //!< of the images in `lr`, N
  const std::uint8_t* has_hr;     //!< 0 or 1, N
  const std::uint8_t* has_label;  //!< 0 or 1, N
  void* kept;                     //!< for resolute_batch_close()
};

//! The features of a split's images, row-major, one row an image.
struct Features {
  const float* query;
  const float* gallery;
  std::size_t dimension;
};

//! Normalised images that decoders made.
struct Recovered {
  const float* images;   //!< each H×W×3; in what order, the call says
  const int* scales;     //!< the rate whose look each decoder aims at, descending; 1: the HR image
  std::size_t decoders;  //!< 0: none
};

struct Pack;
struct Split;
struct Loader;
struct Sample;

}  // namespace resolute::python

//! The calling thread's last failure, or what the last call that was done has to say ("" if nothing). UTF-8, valid
//! until the thread's next call.
RESOLUTE_CALL const char* resolute_message();

//! Ranks features, row-major float32, in the galleries of a protocol. \param options {"max_rank", "threads", "seed": of
//! the draws} \param protocol those of settings::EvaluationProtocol that differ from their defaults; heeded are name,
//! draws, shots, the distance cosine, query expansion and re-ranking \param prefix one number a query, or null
RESOLUTE_CALL int resolute_rank_features(const char* options, const char* protocol, const float* query,
                                         const resolute::python::Side* query_side, const float* gallery,
                                         const resolute::python::Side* gallery_side, std::size_t dimension,
                                         const std::int64_t* prefix, const resolute::python::ScoreArrays* scores);
//! Ranks by distances, row-major queries × gallery. \param protocol heeded are name, draws and shots \param is_float64
//! 0: `distances` are float32
RESOLUTE_CALL int resolute_rank_distances(const char* options, const char* protocol, const void* distances,
                                          int is_float64, const resolute::python::Side* query_side,
                                          const resolute::python::Side* gallery_side,
                                          const resolute::python::ScoreArrays* scores);
//! The paired bootstrap (results/scores/bootstrap.h). \param queries of each trial \param identities of all queries,
//! trial by trial \param differences queries × metrics \param intervals metrics × 4: mean, low, high, p
RESOLUTE_CALL int resolute_bootstrap(const std::size_t* queries, std::size_t trials, const std::int64_t* identities,
                                     const double* differences, std::size_t metrics, double* intervals);

//! Opens a sealed pack. \param pack must be closed
RESOLUTE_CALL int resolute_pack_open(const char* folder, resolute::python::Pack** pack);
RESOLUTE_CALL void resolute_pack_close(resolute::python::Pack* pack);
//! {"settings", "rows", "manifest_sha256", "pack_sha256"} becomes the message.
RESOLUTE_CALL int resolute_pack_facts(const resolute::python::Pack* pack);
//! The text of its manifest becomes the message.
RESOLUTE_CALL int resolute_pack_manifest(const resolute::python::Pack* pack);
//! An image at network size. \param pixels H×W×3
RESOLUTE_CALL int resolute_pack_image(const resolute::python::Pack* pack, std::size_t row, std::uint8_t* pixels);
//! An image as a camera would have stored it at `rate`, or, where `from_network`, the image at network size shrunk by
//! it. \param pixels valid until the thread's next call
RESOLUTE_CALL int resolute_pack_view(const resolute::python::Pack* pack, std::size_t row, int rate, int from_network,
                                     const std::uint8_t** pixels, int* height, int* width);
//! Images as an evaluation shows them to a network: as a camera would have stored them at their rates, enlarged to
//! network size, normalised. \param pixels images×H×W×3
RESOLUTE_CALL int resolute_pack_inputs(const resolute::python::Pack* pack, const std::size_t* rows, const int* rates,
                                       std::size_t images, float* pixels);

//! Several packs as one, and the images of their splits that train (datasets/split/joined.h). The parts may be closed
//! before them. \param splits one of each pack
RESOLUTE_CALL int resolute_pack_join(const resolute::python::Pack* const* packs,
                                     const resolute::python::Split* const* splits, std::size_t count,
                                     resolute::python::Pack** pack, resolute::python::Split** split);

//! Makes a split of the pack. \param settings those of settings::SplitSettings that differ from their defaults
RESOLUTE_CALL int resolute_split_make(const resolute::python::Pack* pack, const char* settings,
                                      resolute::python::Split** split);
//! Reads a published split, which must be one of this pack.
RESOLUTE_CALL int resolute_split_read(const resolute::python::Pack* pack, const char* path,
                                      resolute::python::Split** split);
RESOLUTE_CALL void resolute_split_close(resolute::python::Split* split);
//! {"sha256", "split"} becomes the message (docs/inside/formats/manifest.md).
RESOLUTE_CALL int resolute_split_text(const resolute::python::Split* split);
//! Galleries drawn as an evaluation draws them become the message: a list of lists of indices into the split's gallery.
RESOLUTE_CALL int resolute_split_draws(const resolute::python::Split* split, int draws, int shots);

//! The queries that the panels of an evaluation show become the message: indices into the split's queries, ascending.
//! \param protocol as of resolute_panels_draw()
RESOLUTE_CALL int resolute_panels_queries(const resolute::python::Split* split, const char* protocol);
//! Draws the panels of an evaluation (docs/inside/formats/panels.md) below a folder; {file: SHA-256} becomes the
//! message. \param protocol those of settings::EvaluationProtocol that differ from their defaults; heeded are panels,
//! name, draws, shots and the distance cosine \param recovered queries of resolute_panels_queries() × decoders
RESOLUTE_CALL int resolute_panels_draw(const resolute::python::Pack* pack, const resolute::python::Split* split,
                                       const char* protocol, const resolute::python::Features* features,
                                       const resolute::python::Recovered* recovered, const char* folder);

//! The sample of an evaluation (docs/inside/formats/samples.md). Pack and split may be closed before it. \param
//! protocol as of resolute_panels_draw(); heeded are sample_rates and sample_identities \param from_network what
//! decoders aim at: 0: copies of native images, else of those at network size \param sample must be closed
RESOLUTE_CALL int resolute_sample_open(const resolute::python::Pack* pack, const resolute::python::Split* split,
                                       const char* protocol, int from_network, resolute::python::Sample** sample);
//! A list of {"row", "rate", "camera"} becomes the message.
RESOLUTE_CALL int resolute_sample_images(const resolute::python::Sample* sample);
//! Measures what decoders made of the next images (docs/inside/formats/recovery.md). \param images at least 1 \param
//! recovered decoders × images \param threads that work at a time
RESOLUTE_CALL int resolute_sample_recovered(resolute::python::Sample* sample, std::size_t images,
                                            const resolute::python::Recovered* recovered, int threads);
//! Writes samples.h5 and, where something was recovered, recovery.csv below a folder; {"metrics", "outputs": {file:
//! SHA-256}} becomes the message. \param features images × dimension, row-major
RESOLUTE_CALL int resolute_sample_write(const resolute::python::Sample* sample, const float* features,
                                        std::size_t dimension, const char* folder);
RESOLUTE_CALL void resolute_sample_close(resolute::python::Sample* sample);

//! The variables of the environment by which libraries take other kernels (settings/kernel_choices.h) become the
//! message: "NAME:VALUE,…". \param is_gpu 0: those of the processor; else those of a GPU
RESOLUTE_CALL int resolute_kernel_choices(int is_gpu);

//! Loads batches ahead, as a training does. Pack and split may be closed before it. \param recipe those of
//! settings::Recipe that differ from their defaults \param options {"seed", "first_step", "end_step", "hr", "lr",
//! "threads" (0: one a processor), "rank", "ranks"}: rank r of R gets the r-th of R shares of whole identities
RESOLUTE_CALL int resolute_loader_open(const resolute::python::Pack* pack, const resolute::python::Split* split,
                                       const char* recipe, const char* options, resolute::python::Loader** loader);
//! One call at a time.
RESOLUTE_CALL int resolute_loader_next(resolute::python::Loader* loader, resolute::python::Batch* batch);
RESOLUTE_CALL void resolute_loader_close(resolute::python::Loader* loader);
RESOLUTE_CALL void resolute_batch_close(void* kept);
