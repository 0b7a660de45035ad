// Kernels for `bench/fuel.ts`, in AssemblyScript over bytes of memory. Each takes how much to do and returns something that
// depends on all of it. No allocation, no imports.

const ROWS: usize = 4096;
const ROW_BYTES: usize = 104;
const COPY: usize = ROWS + 8192 * ROW_BYTES;
const TEXT: usize = COPY + 8192 * ROW_BYTES;
const STATE: usize = TEXT + 262_144;
const BODIES: usize = STATE + 1024;
const MEMORY_END: usize = BODIES + 1024;

/** Rows of 104 bytes, JSON lines, five bodies. */
export function prepare(rows: i32): void {
  const pages = <i32>(((MEMORY_END + 0xffff) >> 16) - memory.size());
  if (pages > 0) memory.grow(pages);
  for (let i = 0; i < rows; i++) {
    const row = ROWS + <usize>i * ROW_BYTES;
    store<u32>(row, <u32>ROW_BYTES);
    for (let at: usize = 16; at < ROW_BYTES; at += 8) store<u64>(row + at, <u64>i * 7919 + at);
  }
  const line = '{"id":12345,"name":"a \\"quoted\\" name","tags":["x","y"],"price":99,"ok":true}\n';
  for (let i = 0; i < 262_144; i++) store<u8>(TEXT + i, <u8>line.charCodeAt(i % line.length));
  for (let i = 0; i < 5; i++) {
    const body = BODIES + <usize>i * 56;
    for (let j = 0; j < 7; j++) store<f64>(body + <usize>j * 8, 0.3 * <f64>(i + 1) + 0.17 * <f64>(j * i + 1));
  }
}

/** Adds up one field of each row. */
export function rowWalk(rows: i32): i64 {
  let sum: i64 = 0;
  let at = ROWS;
  const end = ROWS + <usize>rows * ROW_BYTES;
  while (at < end) {
    sum += load<i64>(at, 16) + load<i64>(at, 40);
    at += load<u32>(at);
  }
  return sum;
}

/** Copies each row, eight bytes at a time. */
export function rowCopy(rows: i32): i64 {
  let from = ROWS;
  let to = COPY;
  const end = ROWS + <usize>rows * ROW_BYTES;
  while (from < end) {
    const length = load<u32>(from);
    for (let at: usize = 0; at < length; at += 8) store<u64>(to + at, load<u64>(from + at));
    from += length;
    to += length;
  }
  return load<i64>(to - 8);
}

const K = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);
const SCHEDULE = memory.data(256);

/** SHA-256's compression over so many blocks of the text. */
export function sha256(blocks: i32): i64 {
  let h0: u32 = 0x6a09e667;
  let h1: u32 = 0xbb67ae85;
  let h2: u32 = 0x3c6ef372;
  let h3: u32 = 0xa54ff53a;
  let h4: u32 = 0x510e527f;
  let h5: u32 = 0x9b05688c;
  let h6: u32 = 0x1f83d9ab;
  let h7: u32 = 0x5be0cd19;
  for (let block = 0; block < blocks; block++) {
    const input = TEXT + <usize>((block & 2047) * 64);
    for (let i: usize = 0; i < 16; i++) store<u32>(SCHEDULE + i * 4, bswap(load<u32>(input + i * 4)));
    for (let i: usize = 16; i < 64; i++) {
      const w15 = load<u32>(SCHEDULE + i * 4 - 60);
      const w2 = load<u32>(SCHEDULE + i * 4 - 8);
      const s0 = rotr(w15, 7) ^ rotr(w15, 18) ^ (w15 >>> 3);
      const s1 = rotr(w2, 17) ^ rotr(w2, 19) ^ (w2 >>> 10);
      const w16 = load<u32>(SCHEDULE + i * 4 - 64);
      store<u32>(SCHEDULE + i * 4, w16 + s0 + load<u32>(SCHEDULE + i * 4 - 28) + s1);
    }
    let a = h0, b = h1, c = h2, d = h3, e = h4, f = h5, g = h6, h = h7;
    for (let i: usize = 0; i < 64; i++) {
      const s1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
      const t1 = h + s1 + ((e & f) ^ (~e & g)) + load<u32>(K + i * 4) + load<u32>(SCHEDULE + i * 4);
      const s0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
      const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g; g = f; f = e; e = d + t1; d = c; c = b; b = a; a = t1 + t2;
    }
    h0 += a; h1 += b; h2 += c; h3 += d; h4 += e; h5 += f; h6 += g; h7 += h;
  }
  return (<i64>h0 << 32) | <i64>h7;
}

/** Steps of five bodies that attract each other. */
export function nBody(steps: i32): f64 {
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < 5; i++) {
      const a = BODIES + <usize>i * 56;
      for (let j = i + 1; j < 5; j++) {
        const b = BODIES + <usize>j * 56;
        const dx = load<f64>(a) - load<f64>(b);
        const dy = load<f64>(a, 8) - load<f64>(b, 8);
        const dz = load<f64>(a, 16) - load<f64>(b, 16);
        const distance = dx * dx + dy * dy + dz * dz + 0.01;
        const magnitude = 0.001 / (distance * Math.sqrt(distance));
        const pull = load<f64>(b, 48) * magnitude;
        store<f64>(a, load<f64>(a, 24) - dx * pull, 24);
        store<f64>(a, load<f64>(a, 32) - dy * pull, 32);
        store<f64>(a, load<f64>(a, 40) - dz * pull, 40);
        const push = load<f64>(a, 48) * magnitude;
        store<f64>(b, load<f64>(b, 24) + dx * push, 24);
        store<f64>(b, load<f64>(b, 32) + dy * push, 32);
        store<f64>(b, load<f64>(b, 40) + dz * push, 40);
      }
    }
    for (let i = 0; i < 5; i++) {
      const a = BODIES + <usize>i * 56;
      store<f64>(a, load<f64>(a) + 0.001 * load<f64>(a, 24));
      store<f64>(a, load<f64>(a, 8) + 0.001 * load<f64>(a, 32), 8);
      store<f64>(a, load<f64>(a, 16) + 0.001 * load<f64>(a, 40), 16);
    }
  }
  return load<f64>(BODIES);
}

/** Fibonacci's numbers in the way that calls most. */
export function recursion(n: i32): i32 {
  return n < 2 ? n : recursion(n - 1) + recursion(n - 2);
}

/** Passes over one JSON value at `at` and returns what follows; adds its whole numbers to `total`. */
let total: i64 = 0;
function value(at: usize, end: usize): usize {
  at = space(at, end);
  const char = load<u8>(at);
  if (char == 0x22) return text(at + 1, end);
  if (char == 0x7b || char == 0x5b) {
    at = space(at + 1, end);
    while (load<u8>(at) != char + 2) {
      if (char == 0x7b) at = space(text(at + 1, end), end) + 1;
      at = space(value(at, end), end);
      if (load<u8>(at) == 0x2c) at = space(at + 1, end);
    }
    return at + 1;
  }
  if (char == 0x74 || char == 0x6e) return at + 4;
  if (char == 0x66) return at + 5;
  let number: i64 = 0;
  for (let digit = load<u8>(at) - 48; digit < 10; digit = load<u8>(at) - 48) {
    number = number * 10 + digit;
    at++;
  }
  total += number;
  return at;
}

function space(at: usize, end: usize): usize {
  while (at < end && load<u8>(at) <= 0x20) at++;
  return at;
}

function text(at: usize, end: usize): usize {
  while (at < end) {
    const char = load<u8>(at++);
    if (char == 0x22) return at;
    if (char == 0x5c) at++;
  }
  return at;
}

/** Reads so many lines of JSON. */
export function json(lines: i32): i64 {
  total = 0;
  let at = TEXT;
  const end = TEXT + 262_144;
  for (let i = 0; i < lines; i++) {
    at = value(at, end);
    if (at > end - 512) at = TEXT;
  }
  return total;
}
