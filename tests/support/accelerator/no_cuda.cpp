//! \file
//! A libtorch_cuda.so of nothing, for the worker to load before cuda_module.cpp: the simulation needs none of it.
