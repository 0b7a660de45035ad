/** UTF-8 to and from AssemblyScript's UTF-16. Malformed bytes read as U+FFFD, as in a browser. */

/** Copies `bytes` bytes between areas that do not overlap; may read and write up to 16 bytes too many. */
// @ts-ignore: decorator
@inline
export function copyBytes(target: usize, source: usize, bytes: usize): void {
  if (bytes <= 16) {
    v128.store(target, v128.load(source));
  } else if (bytes <= 64) {
    for (let at: usize = 0; at < bytes; at += 8) {
      store<u64>(target + at, load<u64>(source + at));
    }
  } else {
    memory.copy(target, source, bytes);
  }
}

function isAscii(start: usize, bytes: usize): bool {
  const end = start + bytes;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    if ((load<u64>(at) & 0x8080808080808080) != 0) return false;
  }
  for (; at < end; at++) {
    if (load<u8>(at) >= 0x80) return false;
  }
  return true;
}

/** A string of the UTF-8 bytes at `start`. */
export function decodeText(start: usize, bytes: usize): string {
  const text = __new(bytes << 1, idof<string>());
  if (isAscii(start, bytes)) {
    for (let at: usize = 0; at < bytes; at++) {
      store<u16>(text + (at << 1), <u16>load<u8>(start + at));
    }
    return changetype<string>(text);
  }
  const units = decodeInto(text, start, start + bytes);
  return changetype<string>(__renew(text, units << 1));
}

/** Returns the number of UTF-16 units; at most one per byte. */
function decodeInto(target: usize, start: usize, end: usize): usize {
  let out = target;
  let at = start;
  while (at < end) {
    const first = <u32>load<u8>(at++);
    if (first < 0x80) {
      store<u16>(out, <u16>first);
      out += 2;
      continue;
    }
    let more = 0;
    let low: u32 = 0x80;
    let high: u32 = 0xbf;
    let point: u32 = 0;
    if (first >= 0xc2 && first <= 0xdf) {
      more = 1;
      point = first & 0x1f;
    } else if (first >= 0xe0 && first <= 0xef) {
      if (first == 0xe0) low = 0xa0;
      if (first == 0xed) high = 0x9f;
      more = 2;
      point = first & 0xf;
    } else if (first >= 0xf0 && first <= 0xf4) {
      if (first == 0xf0) low = 0x90;
      if (first == 0xf4) high = 0x8f;
      more = 3;
      point = first & 0x7;
    }
    let whole = more > 0;
    for (; more > 0; more--) {
      const next = at < end ? <u32>load<u8>(at) : 0;
      if (next < low || next > high) {
        whole = false;
        break;
      }
      low = 0x80;
      high = 0xbf;
      point = (point << 6) | (next & 0x3f);
      at++;
    }
    if (!whole) point = 0xfffd;
    if (point >= 0x10000) {
      point -= 0x10000;
      store<u16>(out, <u16>(0xd800 | (point >>> 10)));
      store<u16>(out, <u16>(0xdc00 | (point & 0x3ff)), 2);
      out += 4;
    } else {
      store<u16>(out, <u16>point);
      out += 2;
    }
  }
  return (out - target) >>> 1;
}

/** Writes `text` as UTF-8 and returns the bytes used, at most three a unit. */
export function encodeText(text: string, target: usize): usize {
  let at = changetype<usize>(text);
  const end = at + (<usize>text.length << 1);
  let out = target;
  while (at < end) {
    let point = <u32>load<u16>(at);
    at += 2;
    if (point < 0x80) {
      store<u8>(out++, <u8>point);
      continue;
    }
    if (point < 0x800) {
      store<u8>(out, <u8>(0xc0 | (point >>> 6)));
      store<u8>(out, <u8>(0x80 | (point & 0x3f)), 1);
      out += 2;
      continue;
    }
    if ((point & 0xf800) == 0xd800) {
      const next = at < end ? <u32>load<u16>(at) : 0;
      if (point < 0xdc00 && (next & 0xfc00) == 0xdc00) {
        at += 2;
        point = 0x10000 + ((point & 0x3ff) << 10) + (next & 0x3ff);
        store<u8>(out, <u8>(0xf0 | (point >>> 18)));
        store<u8>(out, <u8>(0x80 | ((point >>> 12) & 0x3f)), 1);
        store<u8>(out, <u8>(0x80 | ((point >>> 6) & 0x3f)), 2);
        store<u8>(out, <u8>(0x80 | (point & 0x3f)), 3);
        out += 4;
        continue;
      }
      point = 0xfffd; // half a surrogate pair has no UTF-8 form
    }
    store<u8>(out, <u8>(0xe0 | (point >>> 12)));
    store<u8>(out, <u8>(0x80 | ((point >>> 6) & 0x3f)), 1);
    store<u8>(out, <u8>(0x80 | (point & 0x3f)), 2);
    out += 3;
  }
  return out - target;
}
