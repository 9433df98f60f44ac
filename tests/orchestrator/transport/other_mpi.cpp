// An MPI library with nothing but a name, that of RESOLUTE_TEST_MPI_NAME, in a text as long as MPICH's may be: it lists
// how the library was configured.

#include <cstdlib>
#include <cstring>

extern "C" int MPI_Get_library_version(char* text, int* length) {
  constexpr std::size_t kLongest = 8191;
  const char* name = std::getenv("RESOLUTE_TEST_MPI_NAME");
  if (name == nullptr) return 1;
  std::memset(text, '-', kLongest);
  text[kLongest] = '\0';
  std::memcpy(text, name, std::strlen(name));
  *length = static_cast<int>(kLongest);
  return 0;
}
