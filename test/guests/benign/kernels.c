/* Small programs with loops, recursion, tables and floats, for comparing a module with its rewritten form. */
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))

static uint8_t bytes[4096];
static double numbers[256];

EXPORT(fill) void fill(uint32_t seed) {
  for (int i = 0; i < 4096; i++) bytes[i] = (uint8_t)(seed = seed * 1664525u + 1013904223u) >> 3;
}

EXPORT(checksum) uint32_t checksum(uint32_t from) {
  uint32_t a = 1, b = 0;
  for (uint32_t i = from & 4095; i < 4096; i++) {
    a = (a + bytes[i]) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

EXPORT(fibonacci) uint32_t fibonacci(uint32_t n) {
  n %= 20;
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

EXPORT(ackermann) uint32_t ackermann(uint32_t m, uint32_t n) {
  m %= 3;
  n %= 5;
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}

EXPORT(sort) void sort(void) {
  for (int i = 1; i < 512; i++) {
    uint8_t value = bytes[i];
    int at = i;
    for (; at > 0 && bytes[at - 1] > value; at--) bytes[at] = bytes[at - 1];
    bytes[at] = value;
  }
}

static int32_t add(int32_t a, int32_t b) { return a + b; }
static int32_t subtract(int32_t a, int32_t b) { return a - b; }
static int32_t twice(int32_t a, int32_t b) { return 2 * a + (b == 0 ? 0 : a / b); }
static int32_t (*const operations[])(int32_t, int32_t) = {add, subtract, twice};

EXPORT(calculate) int32_t calculate(int32_t a, int32_t b, uint32_t steps) {
  for (uint32_t i = 0; i < steps % 50; i++) a = operations[(a ^ i) % 3u](a, b);
  return a;
}

EXPORT(integrate) double integrate(double from, double to) {
  double sum = 0;
  for (int i = 0; i < 256; i++) {
    double x = from + (to - from) * i / 256;
    numbers[i] = __builtin_sqrt(x * x + 1) * __builtin_floor(x);
    sum += numbers[i];
  }
  return sum;
}

EXPORT(divide) int64_t divide(int64_t a, int64_t b) { return a / b; }

EXPORT(classify) int32_t classify(uint32_t value) {
  switch (value % 11) {
    case 0: return 5;
    case 1: return checksum(value);
    case 2: for (int i = 0;; i++) if (bytes[i % 4096] > 60 || i > 9000) return i;
    case 3: return (int32_t)integrate(value, 7);
    case 4: case 5: return -(int32_t)value;
    case 9: return fibonacci(value);
    default: return 77;
  }
}

EXPORT(convert) int32_t convert(float value) { return (int32_t)(value * 1000); }
EXPORT(copy) void copy(uint32_t from, uint32_t to, uint32_t length) {
#ifdef __wasm_bulk_memory__
  __builtin_memmove(bytes + to % 2048, bytes + from % 2048, length % 2048);
#else
  for (uint32_t i = 0; i < length % 2048; i++) bytes[(to + i) % 4096] = bytes[(from + i) % 4096];
#endif
}
EXPORT(grow) int32_t grow(uint32_t pages) { return (int32_t)__builtin_wasm_memory_grow(0, pages % 3); }
EXPORT(trap) void trap(int32_t value) { if (value % 5 == 3) __builtin_trap(); }
