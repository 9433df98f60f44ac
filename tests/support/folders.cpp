// The one file that is compiled with absolute paths: all others give the same object in any checkout, so that ccache
// knows them.
#include "tests/support/folders.h"

namespace resolute::tests {

std::filesystem::path source_folder() { return RESOLUTE_SOURCE_FOLDER; }
std::filesystem::path binary_folder() { return RESOLUTE_BINARY_FOLDER; }

}  // namespace resolute::tests
