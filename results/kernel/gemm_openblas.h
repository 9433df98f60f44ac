#pragma once
//! \file
//! OpenBLAS as the matrix product of ranking. A library of its own (resolute::gemm_openblas): it must never share a
//! process with libtorch, whose exported sgemm_ it would replace.

#include "results/kernel/gemm.h"

namespace resolute::results {

//! OpenBLAS's sgemm on the calling thread alone, with its kernels for the widest vectors that this processor has, also
//! where the library does not know the processor (OPENBLAS_CORETYPE overrides that). Loads the library at the first
//! call, and sets it to one thread, since ranking brings its own. \throws RuntimeError (kEnvironment) if there is none
Gemm openblas_gemm();

}  // namespace resolute::results
