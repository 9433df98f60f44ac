#include "methods/networks/streams.h"

#include "networks/nn/layers.h"

namespace resolute::methods {

StreamRows stream_rows(const LaneBatch& batch, bool shuffled) {
  StreamRows rows;
  rows.with_hr = rows_where(batch.has_hr);
  if (shuffled) rows.lr = rows_where(batch.has_hr.logical_not());
  rows.labelled_hr = rows_where(select_rows(batch.has_label, rows.with_hr));
  rows.labelled_lr = rows_where(select_rows(batch.has_label, rows.lr));
  rows.aimed_lr = rows_where(select_rows(batch.has_target.defined() ? batch.has_target : batch.has_hr, rows.lr));
  return rows;
}

std::vector<Streams> through_streams(const std::vector<Streams>& inputs, bool joint, const StreamPass& pass) {
  const std::int64_t hr_rows = inputs.front().hr.size(0), lr_rows = inputs.front().lr.size(0);
  std::vector<Streams> outputs;
  if (joint || hr_rows == 0 || lr_rows == 0) {
    std::vector<at::Tensor> together;
    for (const Streams& input : inputs) together.push_back(at::cat({input.hr, input.lr}));
    for (const at::Tensor& both : pass(together)) {
      const std::vector<at::Tensor> streams = networks::rows_apart(both, {hr_rows, lr_rows});
      outputs.push_back({streams[0], streams[1]});
    }
    return outputs;
  }
  std::vector<at::Tensor> hr, lr;
  for (const Streams& input : inputs) {
    hr.push_back(input.hr);
    lr.push_back(input.lr);
  }
  const std::vector<at::Tensor> of_hr = pass(hr), of_lr = pass(lr);
  for (std::size_t i = 0; i < of_hr.size(); ++i) outputs.push_back({of_hr[i], of_lr[i]});
  return outputs;
}

}  // namespace resolute::methods
