#pragma once
//! \file
//! The one place from which torch's headers enter this project, precompiled for every target of workers/
//! (target_precompile_headers). Tensors, autograd, modules and Adam: torch/torch.h has much more, which costs each file
//! that includes it three seconds (docs/inside/decisions.md, "Files are compiled together"). The headers compile
//! cleanly under our warnings with -idirafter (cmake/FindLibtorch.cmake).

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/optim/adam.h>
