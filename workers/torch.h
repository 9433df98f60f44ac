#pragma once
//! \file
//! The one place from which torch's headers enter this project, precompiled for every target of workers/
//! (target_precompile_headers). They compile cleanly under our warnings with -idirafter (cmake/FindLibtorch.cmake).

#include <torch/torch.h>
