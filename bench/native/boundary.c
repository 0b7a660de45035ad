// The boundary bench's native baseline: identity, filter and map over rows like the bench's, as a C programmer would
// write them. Prints nanoseconds per record. With copy-in the batch is first copied to a second buffer, as the host does
// for a guest.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEADER = 16, AUCTION = HEADER, PRICE = HEADER + 16 };

static uint8_t *input, *copy, *output;
static size_t length;

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static int64_t load64(const uint8_t *at) { int64_t value; memcpy(&value, at, 8); return value; }
static uint32_t load32(const uint8_t *at) { uint32_t value; memcpy(&value, at, 4); return value; }

static size_t identity(const uint8_t *rows) {
  size_t out = 0;
  for (size_t at = 0; at < length;) {
    uint32_t bytes = load32(rows + at);
    memcpy(output + out, rows + at, bytes);
    out += bytes;
    at += bytes;
  }
  return out;
}

static size_t filter(const uint8_t *rows) {
  size_t out = 0;
  for (size_t at = 0; at < length;) {
    uint32_t bytes = load32(rows + at);
    if (load64(rows + at + AUCTION) % 123 == 0) {
      memcpy(output + out, rows + at, bytes);
      out += bytes;
    }
    at += bytes;
  }
  return out;
}

static size_t map(const uint8_t *rows) {
  size_t out = 0;
  for (size_t at = 0; at < length;) {
    uint32_t bytes = load32(rows + at);
    memcpy(output + out, rows + at, bytes);
    int64_t price = load64(rows + at + PRICE) * 908 / 1000;
    memcpy(output + out + PRICE, &price, 8);
    out += bytes;
    at += bytes;
  }
  return out;
}

static volatile size_t sink;

// A batch of `rows` rows of `bytes` bytes each; the auction decides the filter, as in the bench's other candidates.
static void make_rows(long rows, uint32_t bytes) {
  length = (size_t)rows * bytes;
  input = calloc(1, length);
  copy = malloc(length);
  output = malloc(length);
  for (long row = 0; row < rows; row++) {
    int64_t auction = row * 7919 % 10000, price = row * 13;
    memcpy(input + row * bytes, &bytes, 4);
    memcpy(input + row * bytes + AUCTION, &auction, 8);
    memcpy(input + row * bytes + PRICE, &price, 8);
  }
}

// Arguments: 0 identity | 1 filter | 2 map, 1 = copy the batch in first, rows, bytes a row, repeats.
int main(int argc, char **argv) {
  size_t (*const loops[])(const uint8_t *) = {identity, filter, map};
  if (argc != 6) return 2;
  long rows = atol(argv[3]), repeats = atol(argv[5]);
  make_rows(rows, atol(argv[4]));
  size_t (*loop)(const uint8_t *) = loops[atol(argv[1])];
  int copies_in = atol(argv[2]) != 0;
  for (long i = 0; i < repeats / 10 + 1; i++) sink += loop(input);
  double start = now_ns();
  for (long i = 0; i < repeats; i++) {
    if (copies_in) memcpy(copy, input, length);
    sink += loop(copies_in ? copy : input);
  }
  printf("%.4f\n", (now_ns() - start) / repeats / rows);
  return 0;
}
