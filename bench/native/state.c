/*
 * The measure for keyed state: an open-addressing table in plain C, 8-byte keys, 16-byte states, everything inlined, one
 * update per row of a batch in memory. It hashes the key; it has no transactions, no key bytes of other sizes, no growth.
 *
 * usage: state KEYS UPDATES; prints nanoseconds per update.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
  uint64_t key;
  uint64_t count;
  uint64_t sum;
  uint64_t used;
} slot;

typedef struct {
  uint32_t length, tag;
  int64_t time;
  uint64_t key, value;
} row;

static uint64_t random_state = 88172645463325252ull;

static uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

static inline uint32_t hash_key(uint64_t key) {
  uint32_t a = (uint32_t)key * 0x9e3779b1u, b = (uint32_t)(key >> 32) * 0xc2b2ae3du;
  uint32_t h = ((a << 15) | (a >> 17)) ^ ((b << 13) | (b >> 19));
  h = (h ^ (h >> 16)) * 0x7feb352du;
  h = (h ^ (h >> 15)) * 0x846ca68bu;
  return h ^ (h >> 16);
}

static inline void update(slot *slots, uint64_t mask, const row *from) {
  uint64_t at = hash_key(from->key) & mask;
  while (slots[at].used && slots[at].key != from->key) at = (at + 1) & mask;
  slots[at].used = 1;
  slots[at].key = from->key;
  slots[at].count++;
  slots[at].sum += from->value;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  uint64_t keys = strtoull(argv[1], 0, 10), updates = strtoull(argv[2], 0, 10), size = 16;
  while (size < 2 * keys) size *= 2;
  slot *slots = calloc(size, sizeof(slot));
  row *rows = calloc(updates, sizeof(row));
  if (!slots || !rows) return 1;
  for (uint64_t i = 0; i < keys; i++) {
    row first = {sizeof(row), 0, 0, i, 0};
    update(slots, size - 1, &first);
  }
  for (uint64_t i = 0; i < updates; i++) {
    rows[i] = (row){sizeof(row), 0, 0, next_random() % keys, i};
  }
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (uint64_t i = 0; i < updates; i++) update(slots, size - 1, &rows[i]);
  clock_gettime(CLOCK_MONOTONIC, &end);
  uint64_t sum = 0;
  for (uint64_t i = 0; i < size; i++) sum += slots[i].count;
  if (sum != keys + updates) return 1;
  printf("%f\n", ((end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec)) / updates);
  return 0;
}
