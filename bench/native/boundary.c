// The boundary bench's native baseline: identity, filter and map over the same rows, as a C programmer would
// write them. Reads a batch from the file named first, repeats each loop as often as the second argument says, and
// prints nanoseconds per record: `name ns` a line. "copy-in" first copies the batch to a second buffer, as the
// host does for a guest.
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

static void measure(const char *name, size_t (*loop)(const uint8_t *), int copies_in, long repeats, long rows) {
  for (long i = 0; i < repeats / 10 + 1; i++) sink += loop(input);
  double start = now_ns();
  for (long i = 0; i < repeats; i++) {
    if (copies_in) memcpy(copy, input, length);
    sink += loop(copies_in ? copy : input);
  }
  printf("%s %.4f\n", name, (now_ns() - start) / repeats / rows);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  FILE *file = fopen(argv[1], "rb");
  if (!file) return 1;
  fseek(file, 0, SEEK_END);
  length = ftell(file);
  rewind(file);
  input = malloc(length);
  copy = malloc(length);
  output = malloc(length);
  if (fread(input, 1, length, file) != length) return 1;
  long rows = 0, repeats = atol(argv[2]);
  for (size_t at = 0; at < length; at += load32(input + at)) rows++;
  measure("identity", identity, 0, repeats, rows);
  measure("identity-copy-in", identity, 1, repeats, rows);
  measure("filter", filter, 0, repeats, rows);
  measure("filter-copy-in", filter, 1, repeats, rows);
  measure("map", map, 0, repeats, rows);
  measure("map-copy-in", map, 1, repeats, rows);
  return 0;
}
