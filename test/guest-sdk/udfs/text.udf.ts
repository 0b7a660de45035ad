import { Bytes, Emitter, flatMap, map, record, Utf8 } from '@millrace/guest-sdk';

@record
class Pair {
  left: Utf8;
  right: Utf8;
  index: i32;
}

@record
class Facts {
  equals: bool;
  is: bool;
  startsWith: bool;
  endsWith: bool;
  contains: bool;
  indexOf: i32;
  order: i32;
  number: i64;
  slice: Utf8;
  trimmed: Utf8;
  copy: Utf8;
  text: string;
  length: i32;
}

export const facts = map((pair: Pair): Facts => {
  const found = new Facts();
  const right = pair.right.toString();
  found.equals = pair.left.equals(pair.right);
  found.is = pair.left.is(right);
  found.startsWith = pair.left.startsWith(right);
  found.endsWith = pair.left.endsWith(right);
  found.contains = pair.left.contains(right);
  found.indexOf = pair.left.indexOf(right);
  found.order = pair.left.compare(pair.right);
  found.number = pair.left.toI64(-1);
  found.slice = pair.left.slice(pair.index);
  found.trimmed = pair.left.trim();
  found.text = pair.left.toString();
  found.copy = Utf8.of(found.text);
  found.length = pair.left.length;
  return found;
});

@record
class Piece {
  text: Utf8;
}

export const words = flatMap((pair: Pair, out: Emitter<Piece>): void => {
  const piece = new Piece();
  const words = pair.left.words();
  while (words.next()) {
    piece.text = words.value;
    out.emit(piece);
  }
});

export const pieces = flatMap((pair: Pair, out: Emitter<Piece>): void => {
  const piece = new Piece();
  const pieces = pair.left.split(',');
  while (pieces.next()) {
    piece.text = pieces.value;
    out.emit(piece);
  }
});

export const bytewise = map((pair: Pair): Pair => {
  let sum: i32 = 0;
  for (let i: i32 = 0; i < pair.left.length; i++) sum += pair.left.byteAt(i);
  pair.index = sum;
  return pair;
});

@record
class Blob {
  data: Bytes;
  other: Bytes;
  sum: i32;
  same: bool;
}

export const bytes = map((blob: Blob): Blob => {
  blob.same = blob.data.equals(blob.other);
  for (let i: i32 = 0; i < blob.data.length; i++) blob.sum += blob.data[i];
  const array = blob.data.toArray();
  array.reverse();
  blob.other = Bytes.of(array).slice(1, -1);
  return blob;
});
