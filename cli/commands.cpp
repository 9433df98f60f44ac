#include "cli/command.h"
#include "cli/subcommands.h"

namespace resolute::cli {

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands = {
      {"data synth", "render procedural people as image files", data_synth},
      {"data ingest", "make a pack of HDF5 shards from raw images", data_ingest},
      {"data verify", "check every byte of a pack", data_verify},
      {"data show", "tell what a pack holds; draw a sample", data_show},
      {"data split", "write split manifests of a pack, or replay a published one", data_split},
      {"data export", "write a trial's images and lists for torchreid, fast-reid or as CSV", data_export},
      {"suite plan", "work a suite out: its jobs and tables", suite_plan},
      {"suite keys", "the settings of a suite: default, range and meaning of each", suite_keys},
      {"suite run", "run what is missing of a suite, alone or under mpirun or srun", suite_run},
      {"suite submit", "hand a suite to SLURM and walk away", suite_submit},
      {"suite resume", "go on from where it stopped: submit again what was submitted, or run here", suite_resume},
      {"suite status", "jobs by state, what runs, failures with their cause; --watch", suite_status},
      {"suite cancel", "stop a run that is at work, or give up one job", suite_cancel},
      {"suite list", "every suite of a store: state, node-hours, disk", suite_list},
      {"suite drain", "start nothing more on a host", suite_drain},
      {"suite compact", "pack the small files of finished jobs, for file systems that count files", suite_compact},
      {"suite table", "the tables, as far as their numbers are there", suite_table},
      {"suite compare", "two suites beside one another: settings, numbers, differences", suite_compare},
      {"suite export", "the results as CSV, SQLite or TensorBoard files", suite_export},
      {"suite bundle", "a suite with its results in one file: tables made again anywhere", suite_bundle},
      {"suite report", "one page of it all: tables, figures, galleries, timeline", suite_report},
      {"suite watch", "a run looked at: in the terminal, or the report's page over HTTP", suite_watch},
      {"suite log", "the journal of a suite's runs", suite_log},
      {"suite allocation", "what a batch script becomes; not for people", suite_allocation},
      {"suite simulate", "how a suite would fare on a machine that is not there", suite_simulate},
      {"explain", "why a job is where it is", explain},
      {"logs", "what a job has written to its standard error: tracebacks, warnings; --follow", logs},
      {"train", "one training, without a coordinator", train},
      {"repro", "run a job again: the same bits, or where they part", repro},
      {"weights import", "put the trunk of a torchvision or timm ResNet into the store", weights_import},
      {"weights export", "write the trunk of a training for others", weights_export},
      {"weights list", "what weights the store holds", weights_list},
      {"embed", "features of any images by a finished training", embed},
      {"export onnx", "the embedding network of a training as an ONNX graph", export_onnx},
      {"rank", "CMC and mAP of query and gallery features", rank},
      {"doctor", "what works here and what does not: MPI, GPUs, SLURM, file system", doctor},
      {"completion", "a script with which bash completes all this", completion},
  };
  return kCommands;
}

}  // namespace resolute::cli
