#pragma once
//! \file
//! How the process's memory allocator treats the large tensors that every training step allocates anew.

namespace resolute::workers {

//! Lets the C library keep freed memory instead of giving it back to the system and fetching it again, page by zeroed
//! page, in every step, and asks for huge pages below it. Changes no result. Call once, before the first tensor is
//! made. The worth of each part: docs/inside/decisions.md, "Memory of a training step".
void keep_freed_memory();

}  // namespace resolute::workers
