/*
 * Millrace guests in C: rows in, rows out, as guest-sdk/ABI.md lays them down. One header, no library:
 * works freestanding (-nostdlib) and with a WASI libc alike. README.md has a whole guest.
 *
 * Fields are named by their index in the record of the custom section. Nothing here checks the input:
 * the host hands over valid rows only. What a guest writes is checked by the host.
 */
#ifndef MILLRACE_H
#define MILLRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -- what the module says about itself -- */

/* Puts the JSON of ABI.md, section 3, into the module: string literals. Once per module, at file level. */
#define MILLRACE_SECTION(json) \
  __asm__(".section .custom_section.millrace,\"\",@\n.ascii " #json "\n.text\n");

/* Before the definition of the function that the section calls `name`. */
#define MILLRACE_EXPORT(name) __attribute__((export_name("mr_" #name)))

/* The host's functions. */
#define MILLRACE_IMPORT(name) \
  __attribute__((import_module("millrace"), import_name(#name)))

MILLRACE_IMPORT(emit) void mr_host_emit(const void *rows, uint32_t bytes, uint32_t count, uint32_t last);
MILLRACE_IMPORT(state) void mr_host_state(const void *rows, uint32_t bytes, uint32_t count);
MILLRACE_IMPORT(log) void mr_host_log(uint32_t level, const char *text, uint32_t bytes);

enum { MR_DEBUG = 0, MR_INFO = 1, MR_WARN = 2, MR_ERROR = 3 };

/* Flags of a reduce or aggregate call. */
enum { MR_EMIT_EACH = 1, MR_EMIT_KEYS = 2, MR_MERGE = 4 };

#define MR_NO_TIME INT64_MIN
#define MR_PAGE 65536u

/* -- reading rows -- */

/* The address of a row's header. */
typedef const uint8_t *mr_row;

/* Text or bytes inside a row: not terminated, valid until the call returns. */
typedef struct {
  const char *bytes;
  uint32_t length;
} mr_text;

static inline uint32_t mr_u32_at(const uint8_t *at) {
  uint32_t value;
  __builtin_memcpy(&value, at, 4);
  return value;
}

static inline const uint8_t *mr_slot(mr_row row, uint32_t field) { return row + 16 + 8 * field; }
static inline uint32_t mr_length(mr_row row) { return mr_u32_at(row); }
static inline uint32_t mr_tag(mr_row row) { return mr_u32_at(row + 4); }
static inline mr_row mr_next(mr_row row) { return row + mr_length(row); }

static inline int64_t mr_time(mr_row row) {
  int64_t value;
  __builtin_memcpy(&value, row + 8, 8);
  return value;
}

#define MR_READER(name, type)                                      \
  static inline type mr_##name(mr_row row, uint32_t field) {       \
    type value;                                                    \
    __builtin_memcpy(&value, mr_slot(row, field), sizeof(type));   \
    return value;                                                  \
  }
MR_READER(i32, int32_t)
MR_READER(u32, uint32_t)
MR_READER(i64, int64_t)
MR_READER(u64, uint64_t)
MR_READER(f32, float)
MR_READER(f64, double)
#undef MR_READER

static inline bool mr_bool(mr_row row, uint32_t field) { return mr_slot(row, field)[0] != 0; }
static inline int64_t mr_timestamp(mr_row row, uint32_t field) { return mr_i64(row, field); }

/* A string or bytes field. */
static inline mr_text mr_string(mr_row row, uint32_t field) {
  const uint8_t *slot = mr_slot(row, field);
  mr_text text = {(const char *)row + mr_u32_at(slot), mr_u32_at(slot + 4)};
  return text;
}

/* Whether an optional field is null; `fields` is the number of fields of the record. */
static inline bool mr_is_null(mr_row row, uint32_t fields, uint32_t field) {
  return (row[16 + 8 * fields + field / 8] >> (field % 8)) & 1;
}

/* A field that is a record: its row. */
static inline mr_row mr_record(mr_row row, uint32_t field) {
  return row + mr_u32_at(mr_slot(row, field));
}

/* -- memory: whole pages, so that it gets on with any malloc -- */

static inline void *mr_pages(uint32_t bytes) {
  size_t before = __builtin_wasm_memory_grow(0, (bytes + MR_PAGE - 1) / MR_PAGE);
  if (before == SIZE_MAX) __builtin_trap();
  return (void *)(before * MR_PAGE);
}

/* -- writing rows -- */

/* Rows on their way out. One per module and stream is enough; start with `= {0}`. */
typedef struct {
  uint8_t *bytes;
  uint32_t capacity;
  uint32_t used;  /* bytes of finished rows */
  uint32_t count; /* finished rows */
  uint32_t tail;  /* end of the row at hand, from `used` on */
  uint32_t fields;
} mr_output;

static inline void mr_store(mr_output *out, uint32_t offset, const void *from, uint32_t bytes) {
  __builtin_memcpy(out->bytes + out->used + offset, from, bytes);
}

/* Makes room for a row at hand of `bytes` bytes. Finished rows leave first when there is none. */
static inline void mr_room(mr_output *out, uint32_t bytes) {
  if (out->used + bytes <= out->capacity) return;
  if (out->used > 0) {
    mr_host_emit(out->bytes, out->used, out->count, 0);
    __builtin_memmove(out->bytes, out->bytes + out->used, out->tail);
    out->used = 0;
    out->count = 0;
    if (bytes <= out->capacity) return;
  }
  uint32_t capacity = out->capacity < 2 * MR_PAGE ? 2 * MR_PAGE : out->capacity;
  while (capacity < bytes) capacity *= 2;
  uint8_t *larger = mr_pages(capacity);
  __builtin_memcpy(larger, out->bytes, out->tail);
  out->bytes = larger;
  out->capacity = capacity;
}

/* Starts a row with this many fields and the event time of the row that caused it. */
static inline void mr_begin(mr_output *out, uint32_t fields, bool optionals, int64_t time) {
  uint32_t fixed = 16 + 8 * fields + (optionals ? 8 * ((fields + 63) / 64) : 0);
  out->tail = 0;
  mr_room(out, fixed);
  __builtin_memset(out->bytes + out->used, 0, fixed);
  mr_store(out, 8, &time, 8);
  out->tail = fixed;
  out->fields = fields;
}

#define MR_WRITER(name, type)                                                       \
  static inline void mr_put_##name(mr_output *out, uint32_t field, type value) {    \
    mr_store(out, 16 + 8 * field, &value, sizeof(type));                            \
  }
MR_WRITER(i32, int32_t)
MR_WRITER(u32, uint32_t)
MR_WRITER(i64, int64_t)
MR_WRITER(u64, uint64_t)
MR_WRITER(f32, float)
MR_WRITER(f64, double)
#undef MR_WRITER

static inline void mr_put_bool(mr_output *out, uint32_t field, bool value) {
  mr_put_u32(out, field, value ? 1 : 0);
}

/* A string (UTF-8) or bytes field. Call in the order of the fields. */
static inline void mr_put_string(mr_output *out, uint32_t field, const char *bytes, uint32_t length) {
  if (length == 0) return;
  mr_room(out, out->tail + length);
  uint32_t offset = out->tail;
  mr_store(out, offset, bytes, length);
  mr_store(out, 16 + 8 * field, &offset, 4);
  mr_store(out, 20 + 8 * field, &length, 4);
  out->tail += length;
}

static inline void mr_put_null(mr_output *out, uint32_t field) {
  out->bytes[out->used + 16 + 8 * out->fields + field / 8] |= (uint8_t)(1 << (field % 8));
}

/* The ordinal of the key, in a row that is a state. */
static inline void mr_put_tag(mr_output *out, uint32_t ordinal) { mr_store(out, 4, &ordinal, 4); }

/* Finishes the row at hand. */
static inline void mr_end(mr_output *out) {
  uint32_t length = (out->tail + 7) & ~7u;
  mr_room(out, length);
  __builtin_memset(out->bytes + out->used + out->tail, 0, length - out->tail);
  mr_store(out, 0, &length, 4);
  out->used += length;
  out->count += 1;
  out->tail = 0;
}

/* Copies a whole row, as a filter does. */
static inline void mr_put_row(mr_output *out, mr_row row) {
  uint32_t length = mr_length(row);
  out->tail = 0;
  mr_room(out, length);
  mr_store(out, 0, row, length);
  out->used += length;
  out->count += 1;
}

/* Hands what is left to the host, at the end of a call. */
static inline void mr_finish(mr_output *out) {
  mr_host_emit(out->bytes, out->used, out->count, 1);
  out->used = 0;
  out->count = 0;
}

/* -- the input area -- */

/* Defines `mr_buffer`. Once per module, at file level. */
#define MILLRACE_INPUT                                                             \
  __attribute__((export_name("mr_buffer"))) void *millrace_buffer(uint32_t bytes) { \
    static void *area;                                                             \
    static uint32_t capacity;                                                      \
    if (bytes > capacity) {                                                        \
      capacity = (bytes + MR_PAGE - 1) / MR_PAGE * MR_PAGE;                        \
      area = mr_pages(capacity);                                                   \
    }                                                                              \
    return area;                                                                   \
  }

#endif
