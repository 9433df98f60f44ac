#pragma once
//! \file
//! A result.json of any kind of job that parses, for tests of what happens around jobs.

#include <string>

namespace resolute::tests {

//! \param job its id in full \param kind experiments::kind_name()
inline std::string record_text_of(const std::string& job, const std::string& kind) {
  const std::string hash = '"' + std::string(64, 'a') + '"', head = "{\"job\":\"" + job + "\",";
  const std::string provenance = "\"numeric_class\":\"none\",\"pack_sha256\":" + hash + ",\"split_sha256\":" + hash;
  if (kind == "shard") return head + "\"listing_sha256\":" + hash + ",\"rows\":1,\"shard_sha256\":" + hash + "}\n";
  if (kind == "seal") return head + "\"pack_sha256\":" + hash + ",\"rows\":1}\n";
  if (kind == "training")
    return head + "\"metrics\":{\"loss\":0.5},\"provenance\":{\"from_scratch\":true,\"lanes\":1," + provenance +
           "},\"weights_file\":\"weights\",\"weights_sha256\":" + hash + "}\n";
  return head + "\"features_sha256\":" + hash +
         ",\"metrics\":{\"mAP\":0.5,\"rank1\":0.5,\"rank10\":1.0,\"rank20\":1.0,\"rank5\":1.0},\"outputs\":{},"
         "\"provenance\":{" +
         provenance + ",\"training\":" + hash + "},\"weights_sha256\":" + hash + "}\n";
}

}  // namespace resolute::tests
