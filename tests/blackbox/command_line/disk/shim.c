/* A disk that fails, for a process that preloads this: only the files of a history are touched.
 *
 * FERRY_DISK_FAIL=ERRNO and FERRY_DISK_AFTER=N: after N writes and syncs all others fail.
 * FERRY_DISK_FAIL_READ=ERRNO and FERRY_DISK_AFTER=N: after N reads all others fail.
 * FERRY_DISK_FULL_WHILE=FILE: there is no room for writes while FILE exists.
 * FERRY_DISK_SLOW=N: a sync takes N microseconds more.
 * FERRY_DISK_LOG=FILE: notes what each write replaces until the file is synced, so that the test
 * can take back what a power cut would lose. A record is a line of numbers, the path, and the bytes
 * that were there: see power.rs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long operations, reads;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Returns whether a descriptor is a database or a journal of a history, and its path. */
static int is_ours(int fd, char *path, size_t size) {
    char link[64];
    struct stat what;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    if (length <= 0 || fstat(fd, &what) != 0 || !S_ISREG(what.st_mode)) return 0;
    path[length] = 0;
    size_t end = strlen(path);
    int is_database = end > 8 && strcmp(path + end - 8, ".history") == 0;
    int is_journal = end > 12 && strcmp(path + end - 12, ".history-wal") == 0;
    return is_database || is_journal;
}

/* Returns the error of this write or sync, or 0. The lock is held. */
static int fails(void) {
    const char *full = getenv("FERRY_DISK_FULL_WHILE");
    if (full && access(full, F_OK) == 0) return ENOSPC;
    const char *error = getenv("FERRY_DISK_FAIL"), *after = getenv("FERRY_DISK_AFTER");
    return error && after && ++operations > atol(after) ? atoi(error) : 0;
}

/* Returns the error of this read, or 0. */
static int read_fails(int fd) {
    const char *error = getenv("FERRY_DISK_FAIL_READ"), *after = getenv("FERRY_DISK_AFTER");
    char path[4096];
    if (!error || !after || !is_ours(fd, path, sizeof path)) return 0;
    pthread_mutex_lock(&lock);
    int is_over = ++reads > atol(after);
    pthread_mutex_unlock(&lock);
    return is_over ? atoi(error) : 0;
}

static void put(int log, const void *bytes, size_t length) {
    const char *next = bytes;
    while (length > 0) {
        ssize_t written = REAL(write)(log, next, length);
        if (written <= 0) abort();
        next += written;
        length -= (size_t)written;
    }
}

enum { WRITES, SYNCS, CUTS };

/* Notes that a file is synced, or what is there in the place of a write or after a cut. */
static void note(int fd, const char *path, off_t at, size_t length, int what) {
    const char *file = getenv("FERRY_DISK_LOG");
    if (!file) return;
    int log = REAL(open)(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct stat before;
    if (log < 0 || fstat(fd, &before) != 0) abort();
    /* The descriptor may be open for writing only. */
    int from = REAL(open)(path, O_RDONLY | O_CLOEXEC);
    char *old = malloc(length + 1);
    ssize_t kept = what == SYNCS || from < 0 ? 0 : REAL(pread)(from, old, length, at);
    if (kept < 0) kept = 0;
    char head[160];
    int size = snprintf(head, sizeof head, "%d %zu %lld %zu %lld %zd\n", what, strlen(path), (long long)at, length,
                        (long long)before.st_size, kept);
    put(log, head, (size_t)size);
    put(log, path, strlen(path));
    put(log, old, (size_t)kept);
    free(old);
    if (from >= 0) close(from);
    close(log);
}

/* Runs an operation on a file of a history. */
#define GUARDED(fd, at, length, what, real)                                      \
    char path[4096];                                                             \
    if (!is_ours(fd, path, sizeof path)) return real;                            \
    pthread_mutex_lock(&lock);                                                   \
    int error = fails();                                                         \
    if (!error && (what) != SYNCS) note(fd, path, at, length, what);             \
    __typeof__(real) done = error ? -1 : real;                                   \
    int why = error ? error : errno;                                             \
    if (!error && (what) == SYNCS && done == 0) note(fd, path, 0, 0, SYNCS);     \
    pthread_mutex_unlock(&lock);                                                 \
    errno = why;                                                                 \
    return done

#define GUARDED_READ(fd, real)       \
    int error = read_fails(fd);      \
    if (error) {                     \
        errno = error;               \
        return -1;                   \
    }                                \
    return real

ssize_t write(int fd, const void *bytes, size_t length) {
    GUARDED(fd, lseek(fd, 0, SEEK_CUR), length, WRITES, REAL(write)(fd, bytes, length));
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    GUARDED(fd, at, length, WRITES, REAL(pwrite)(fd, bytes, length, at));
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    GUARDED(fd, at, length, WRITES, REAL(pwrite64)(fd, bytes, length, at));
}
static size_t rest(int fd, off_t size) {
    struct stat now;
    return fstat(fd, &now) == 0 && now.st_size > size ? (size_t)(now.st_size - size) : 0;
}
int ftruncate(int fd, off_t size) { GUARDED(fd, size, rest(fd, size), CUTS, REAL(ftruncate)(fd, size)); }
int ftruncate64(int fd, off64_t size) { GUARDED(fd, size, rest(fd, size), CUTS, REAL(ftruncate64)(fd, size)); }
ssize_t read(int fd, void *bytes, size_t length) { GUARDED_READ(fd, REAL(read)(fd, bytes, length)); }
ssize_t pread(int fd, void *bytes, size_t length, off_t at) { GUARDED_READ(fd, REAL(pread)(fd, bytes, length, at)); }
ssize_t pread64(int fd, void *bytes, size_t length, off64_t at) {
    GUARDED_READ(fd, REAL(pread64)(fd, bytes, length, at));
}
/* A disk is slow, so that a power cut may fall into a sync. */
static int slowly(void) {
    const char *slow = getenv("FERRY_DISK_SLOW");
    if (slow) return usleep((useconds_t)atol(slow));
    return getenv("FERRY_DISK_LOG") ? usleep(20000) : 0;
}
int fsync(int fd) { GUARDED(fd, 0, 0, SYNCS, slowly() + REAL(fsync)(fd)); }
int fdatasync(int fd) { GUARDED(fd, 0, 0, SYNCS, slowly() + REAL(fdatasync)(fd)); }
