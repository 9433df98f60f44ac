#pragma once
//! \file
//! Internal to results/exports: TensorBoard's event files. Each is a list of TFRecords (length and data with their
//! masked CRC-32C; tensorflow/core/lib/io/record_writer.h), whose data are Event messages in protobuf's wire format
//! (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto). docs/formats/export.md has the bytes.

#include <cstdint>
#include <map>
#include <string>

namespace resolute::results {

//! The record that an event file begins with: Event{file_version: "brain.Event:2"}.
std::string version_record();

//! Event{step, summary{value{tag, simple_value}…}}, a value each in the order of the tags; at wall time 0.
//! \param values finite or not, rounded to float
std::string scalars_record(std::uint64_t step, const std::map<std::string, double>& values);

}  // namespace resolute::results
