/*
 * Loaded into a process with LD_PRELOAD: ends or stops it in the middle of one call to the file system, and moves its wall clock.
 *
 *   MILLRACE_CHAOS=kill:before:rename:3     SIGKILL before the third rename; `stop` for SIGSTOP, `after` once it took effect
 *   MILLRACE_CHAOS_CLOCK=path               a file with eight bytes: milliseconds by which the clock is wrong
 *
 * Calls: sync (fsync, fdatasync), rename, link, unlink, mkdir, truncate, write (to files).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static char wanted[16];
static int wanted_signal;
static int wanted_after;
static long wanted_number;
static atomic_long calls;
static volatile int64_t *offset_ms;

__attribute__((constructor)) static void start(void) {
  const char *text = getenv("MILLRACE_CHAOS");
  char action[8], when[8];
  if (text && sscanf(text, "%7[a-z]:%7[a-z]:%15[a-z]:%ld", action, when, wanted, &wanted_number) == 4) {
    wanted_signal = strcmp(action, "stop") == 0 ? SIGSTOP : SIGKILL;
    wanted_after = strcmp(when, "after") == 0;
  } else {
    wanted[0] = 0;
  }
  const char *path = getenv("MILLRACE_CHAOS_CLOCK");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
  if (page != MAP_FAILED) offset_ms = page;
  close(file);
}

static int is_due(const char *call) {
  if (strcmp(call, wanted) != 0) return 0;
  return atomic_fetch_add(&calls, 1) + 1 == wanted_number;
}

static void act(int due, int after) {
  if (due && after == wanted_after) syscall(SYS_kill, getpid(), wanted_signal);
}

static int is_file(int descriptor) {
  struct stat found;
  return descriptor > 2 && fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define WRAP(type, name, call, parameters, arguments)  \
  type name parameters {                               \
    static __typeof__(&name) real;                     \
    if (!real) real = REAL(name);                      \
    int due = is_due(call);                            \
    act(due, 0);                                       \
    type result = real arguments;                      \
    act(due, 1);                                       \
    return result;                                     \
  }
#define WRAP_WRITE(name, parameters, arguments)        \
  ssize_t name parameters {                            \
    static __typeof__(&name) real;                     \
    if (!real) real = REAL(name);                      \
    int due = wanted[0] == 'w' && is_file(file) && is_due("write"); \
    act(due, 0);                                       \
    ssize_t result = real arguments;                   \
    act(due, 1);                                       \
    return result;                                     \
  }

WRAP(int, fsync, "sync", (int file), (file))
WRAP(int, fdatasync, "sync", (int file), (file))
WRAP(int, rename, "rename", (const char *from, const char *to), (from, to))
WRAP(int, link, "link", (const char *from, const char *to), (from, to))
WRAP(int, unlink, "unlink", (const char *path), (path))
WRAP(int, unlinkat, "unlink", (int directory, const char *path, int flags), (directory, path, flags))
WRAP(int, rmdir, "unlink", (const char *path), (path))
WRAP(int, mkdir, "mkdir", (const char *path, mode_t mode), (path, mode))
WRAP(int, ftruncate, "truncate", (int file, off_t length), (file, length))
WRAP_WRITE(write, (int file, const void *bytes, size_t length), (file, bytes, length))
WRAP_WRITE(pwrite, (int file, const void *bytes, size_t length, off_t at), (file, bytes, length, at))
WRAP_WRITE(pwrite64, (int file, const void *bytes, size_t length, off64_t at), (file, bytes, length, at))
WRAP_WRITE(writev, (int file, const struct iovec *parts, int count), (file, parts, count))

static int is_wall(clockid_t id) { return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE; }

int clock_gettime(clockid_t id, struct timespec *now) {
  static __typeof__(&clock_gettime) real;
  if (!real) real = REAL(clock_gettime);
  int result = real(id, now);
  if (offset_ms && result == 0 && is_wall(id)) now->tv_sec += *offset_ms / 1000;
  return result;
}

int gettimeofday(struct timeval *now, void *zone) {
  struct timespec precise;
  int result = clock_gettime(CLOCK_REALTIME, &precise);
  (void)zone;
  if (result == 0) {
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
  }
  return result;
}
