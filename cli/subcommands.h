#pragma once
//! \file
//! The entry points of the subcommands, one file each. Each takes the arguments after its name and returns the exit
//! code.

#include "cli/command.h"

namespace resolute::cli {

int data_synth(const Arguments& arguments);
int data_ingest(const Arguments& arguments);
int data_verify(const Arguments& arguments);
int data_show(const Arguments& arguments);
int data_split(const Arguments& arguments);
int data_export(const Arguments& arguments);
int suite_plan(const Arguments& arguments);
int suite_keys(const Arguments& arguments);
int suite_run(const Arguments& arguments);
int suite_resume(const Arguments& arguments);
int suite_submit(const Arguments& arguments);
int suite_allocation(const Arguments& arguments);
int suite_status(const Arguments& arguments);
int suite_cancel(const Arguments& arguments);
int suite_list(const Arguments& arguments);
int suite_drain(const Arguments& arguments);
int suite_rerun(const Arguments& arguments);
int suite_rename(const Arguments& arguments);
int suite_compact(const Arguments& arguments);
int suite_simulate(const Arguments& arguments);
int suite_table(const Arguments& arguments);
int suite_compare(const Arguments& arguments);
int suite_export(const Arguments& arguments);
int suite_bundle(const Arguments& arguments);
int suite_report(const Arguments& arguments);
int suite_watch(const Arguments& arguments);
int suite_log(const Arguments& arguments);
int store_check(const Arguments& arguments);
int store_gc(const Arguments& arguments);
int store_compact(const Arguments& arguments);
int explain(const Arguments& arguments);
int logs(const Arguments& arguments);
int train(const Arguments& arguments);
int repro(const Arguments& arguments);
int weights_import(const Arguments& arguments);
int weights_export(const Arguments& arguments);
int weights_list(const Arguments& arguments);
int export_onnx(const Arguments& arguments);
int embed(const Arguments& arguments);
int doctor(const Arguments& arguments);
int rank(const Arguments& arguments);
int completion(const Arguments& arguments);

}  // namespace resolute::cli
