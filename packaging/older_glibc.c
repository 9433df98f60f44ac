// Programs built on Debian 12 want it of glibc 2.36, and glibc 2.28 has not got it, or has it in another way.
// script/support/older_glibc.py puts this library before all others that a file names. x86-64 alone, whose struct stat is the kernel's.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define OFFERED __attribute__((visibility("default")))

struct stat;

// 2.33: before, these were inline functions over __xstat.
OFFERED int stat(const char* path, struct stat* found) { return (int)syscall(SYS_stat, path, found); }
OFFERED int lstat(const char* path, struct stat* found) { return (int)syscall(SYS_lstat, path, found); }
OFFERED int fstat(int descriptor, struct stat* found) { return (int)syscall(SYS_fstat, descriptor, found); }
OFFERED int fstatat(int folder, const char* path, struct stat* found, int flags) {
  return (int)syscall(SYS_newfstatat, folder, path, found, flags);
}
OFFERED int stat64(const char* path, struct stat* found) __attribute__((alias("stat")));
OFFERED int lstat64(const char* path, struct stat* found) __attribute__((alias("lstat")));
OFFERED int fstat64(int descriptor, struct stat* found) __attribute__((alias("fstat")));
OFFERED int fstatat64(int folder, const char* path, struct stat* found, int flags) __attribute__((alias("fstatat")));

// 2.30
OFFERED pid_t gettid(void) { return (pid_t)syscall(SYS_gettid); }

// 2.36
OFFERED uint32_t arc4random(void) {
  uint32_t drawn = 0;
  while (getrandom(&drawn, sizeof drawn, 0) != (ssize_t)sizeof drawn)
    if (errno != EINTR) abort();
  return drawn;
}

// 2.32: whether no thread has been started yet, by which the C++ library counts without locks. It may always say no.
OFFERED char __libc_single_threaded = 0;

// 2.30. An older library waits by the time of day: a clock that is set meanwhile shortens or lengthens the wait, which callers
// repeat until their own clock has come.
OFFERED int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock, const struct timespec* until) {
  int (*present)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const struct timespec*) = NULL;
  *(void**)&present = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
  if (present != NULL) return present(condition, mutex, clock, until);
  if (clock == CLOCK_REALTIME) return pthread_cond_timedwait(condition, mutex, until);
  struct timespec now;
  struct timespec day;
  if (clock_gettime(clock, &now) != 0 || clock_gettime(CLOCK_REALTIME, &day) != 0) return EINVAL;
  day.tv_sec += until->tv_sec - now.tv_sec;
  day.tv_nsec += until->tv_nsec - now.tv_nsec;
  if (day.tv_nsec < 0) {
    day.tv_nsec += 1000000000;
    --day.tv_sec;
  } else if (day.tv_nsec >= 1000000000) {
    day.tv_nsec -= 1000000000;
    ++day.tv_sec;
  }
  return pthread_cond_timedwait(condition, mutex, &day);
}

// 2.34: before, a program brought the function that runs its constructors; since then the C library finds them by itself.
static int find_dynamic(struct dl_phdr_info* program, size_t size, void* found) {
  (void)size;
  for (int i = 0; i < program->dlpi_phnum; ++i)
    if (program->dlpi_phdr[i].p_type == PT_DYNAMIC) {
      ((uintptr_t*)found)[0] = program->dlpi_addr;
      ((uintptr_t*)found)[1] = program->dlpi_addr + program->dlpi_phdr[i].p_vaddr;
    }
  return 1;  // the first is the program
}

typedef void (*Constructor)(int, char**, char**);

static void run_constructors(int count, char** arguments, char** environment) {
  uintptr_t found[2] = {0, 0};
  dl_iterate_phdr(find_dynamic, found);
  uintptr_t first = 0;
  uintptr_t array = 0;
  size_t bytes = 0;
  for (const ElfW(Dyn)* entry = (const ElfW(Dyn)*)found[1]; entry != NULL && entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_INIT) first = found[0] + entry->d_un.d_ptr;
    if (entry->d_tag == DT_INIT_ARRAY) array = found[0] + entry->d_un.d_ptr;
    if (entry->d_tag == DT_INIT_ARRAYSZ) bytes = entry->d_un.d_val;
  }
  if (first != 0) ((Constructor)first)(count, arguments, environment);
  for (size_t i = 0; i < bytes / sizeof(Constructor); ++i) ((Constructor*)array)[i](count, arguments, environment);
}

typedef int (*Main)(int, char**, char**);
typedef int (*Start)(Main, int, char**, Constructor, void (*)(void), void (*)(void), void*);

OFFERED int __libc_start_main(Main program, int count, char** arguments, Constructor constructors, void (*destructors)(void),
                              void (*loader_end)(void), void* stack_end) {
  Start start = NULL;
  *(void**)&start = dlvsym(RTLD_NEXT, "__libc_start_main", "GLIBC_2.2.5");
  if (start == NULL) abort();
  return start(program, count, arguments, constructors != NULL ? constructors : run_constructors, destructors, loader_end, stack_end);
}
