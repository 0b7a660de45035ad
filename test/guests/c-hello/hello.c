/* A map in C over a WASI libc: greets each name, says so on standard output. */
#include <stdio.h>
#include <string.h>

#include "millrace.h"

MILLRACE_SECTION(
    "{\"abi\":1,\"sdk\":\"c 0.1.0\","
    "\"records\":["
    "{\"name\":\"Person\",\"fields\":[{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"age\",\"type\":\"i32\"}]},"
    "{\"name\":\"Greeting\",\"fields\":[{\"name\":\"text\",\"type\":\"string\"},"
    "{\"name\":\"letters\",\"type\":\"u32\"},{\"name\":\"half\",\"type\":\"optional<f64>\"}]}],"
    "\"functions\":[{\"name\":\"greet\",\"kind\":\"map\",\"input\":\"Person\",\"output\":\"Greeting\"}]}")
MILLRACE_INPUT

enum { PERSON_NAME, PERSON_AGE };
enum { GREETING_TEXT, GREETING_LETTERS, GREETING_HALF, GREETING_FIELDS };

MILLRACE_EXPORT(greet) int32_t greet(mr_row rows, uint32_t bytes, uint32_t count) {
  static mr_output out;
  mr_row row = rows;
  for (uint32_t i = 0; i < count; i++, row = mr_next(row)) {
    mr_text name = mr_string(row, PERSON_NAME);
    char text[256];
    int length = snprintf(text, sizeof text, "hello, %.*s", (int)name.length, name.bytes);
    mr_begin(&out, GREETING_FIELDS, true, mr_time(row));
    mr_put_string(&out, GREETING_TEXT, text, (uint32_t)length);
    mr_put_u32(&out, GREETING_LETTERS, name.length);
    if (mr_i32(row, PERSON_AGE) < 0) mr_put_null(&out, GREETING_HALF);
    else mr_put_f64(&out, GREETING_HALF, mr_i32(row, PERSON_AGE) / 2.0);
    mr_end(&out);
  }
  printf("greeted %u people in %u bytes\n", (unsigned)count, (unsigned)bytes);
  fflush(stdout);
  mr_finish(&out);
  return 0;
}
