#pragma once
//! \file
//! Open MPI's functions and objects, looked up by name: no program is linked to it, and a run on several processes
//! loads what its machine has. MPI's own macros for objects (MPI_COMM_WORLD, MPI_BYTE) ask the linker for them.

// The C interface alone: the C++ bindings that mpi.h would pull in ask for another library.
#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#include <string>
#include <string_view>

#include "core/error.h"

#ifndef OPEN_MPI
#error "mpi.h of Open MPI 4 or 5 is needed: in others the objects have no names to look up"
#endif

namespace resolute::orchestrator {

//! A shared object, which stays loaded.
class SharedObject {
 public:
  //! A function or an object in it, of whatever type it is asked to have.
  struct Symbol {
    void* address;
    template <class T>
    operator T*() const {
      return reinterpret_cast<T*>(address);
    }
  };
  //! \param file as dlopen() takes it \throws RuntimeError (kInput)
  explicit SharedObject(std::string file);
  //! \throws RuntimeError (kInput) if it has none of that name
  Symbol operator[](const char* name) const;
  //! The error that says why it is of no use.
  core::RuntimeError refused(std::string_view why) const;

 private:
  std::string file_;
  void* handle_;
};

struct MpiLibrary {
  //! \param file as dlopen() takes it \throws RuntimeError (kInput) if it does not load or is no Open MPI 4 or 5, which
  //! have the same objects and layouts
  explicit MpiLibrary(const std::string& file) : in(file) {}

  SharedObject in;
  decltype(&MPI_Get_library_version) get_library_version = in["MPI_Get_library_version"];
  std::string name = checked_name();  //!< "Open MPI v4.1.4"

  MPI_Comm comm_world = in["ompi_mpi_comm_world"];
  MPI_Datatype byte = in["ompi_mpi_byte"];
  MPI_Errhandler errors_return = in["ompi_mpi_errors_return"];
  MPI_Info info_null = in["ompi_mpi_info_null"];

  decltype(&MPI_Allgather) allgather = in["MPI_Allgather"];
  decltype(&MPI_Comm_group) comm_group = in["MPI_Comm_group"];
  decltype(&MPI_Comm_rank) comm_rank = in["MPI_Comm_rank"];
  decltype(&MPI_Comm_set_errhandler) comm_set_errhandler = in["MPI_Comm_set_errhandler"];
  decltype(&MPI_Comm_size) comm_size = in["MPI_Comm_size"];
  decltype(&MPI_Comm_split_type) comm_split_type = in["MPI_Comm_split_type"];
  decltype(&MPI_Error_string) error_string = in["MPI_Error_string"];
  decltype(&MPI_Finalize) finalize = in["MPI_Finalize"];
  decltype(&MPI_Get_count) get_count = in["MPI_Get_count"];
  decltype(&MPI_Group_free) group_free = in["MPI_Group_free"];
  decltype(&MPI_Group_translate_ranks) group_translate_ranks = in["MPI_Group_translate_ranks"];
  decltype(&MPI_Init_thread) init_thread = in["MPI_Init_thread"];
  decltype(&MPI_Iprobe) iprobe = in["MPI_Iprobe"];
  decltype(&MPI_Isend) isend = in["MPI_Isend"];
  decltype(&MPI_Recv) recv = in["MPI_Recv"];
  decltype(&MPI_Test) test = in["MPI_Test"];

 private:
  std::string checked_name() const;
};

//! The one of this process, loaded when it is first asked for: that of RESOLUTE_MPI (a file, or a name that the loader
//! finds), else libmpi.so.40. \throws RuntimeError (kInput) as MpiLibrary does
const MpiLibrary& mpi();

}  // namespace resolute::orchestrator
