// The GPU side of the worker as a module of its own: the worker links the CPU libraries alone and loads this one when a
// job says device = "cuda". So far it answers only what it was built for; a job on "cuda" is refused until it does
// more.

extern "C" __attribute__((visibility("default"))) int resolute_cuda_interface_version() { return 0; }
