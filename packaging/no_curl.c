// The names of libcurl that Debian's HDF5 wants for files in a cloud's storage. Nothing here opens such a file; these refuse, and some
// 25 libraries behind libcurl need not be carried.
#include <stddef.h>

#define OFFERED __attribute__((visibility("default")))
enum { kFailedInit = 2 };

OFFERED int curl_global_init(long flags) { return (void)flags, kFailedInit; }
OFFERED void curl_global_cleanup(void) {}
OFFERED void* curl_easy_init(void) { return NULL; }
OFFERED int curl_easy_setopt(void* handle, int option, ...) { return (void)handle, (void)option, kFailedInit; }
OFFERED int curl_easy_perform(void* handle) { return (void)handle, kFailedInit; }
OFFERED void curl_easy_cleanup(void* handle) { (void)handle; }
OFFERED void* curl_slist_append(void* list, const char* text) { return (void)list, (void)text, NULL; }
OFFERED void curl_slist_free_all(void* list) { (void)list; }
