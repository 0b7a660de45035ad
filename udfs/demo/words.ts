import { Emitter, flatMap, record, reduce, Utf8 } from '@millrace/guest-sdk';

/** Stands in every record that this version of the function makes. */
const VERSION: i32 = 1;

@record class Line {
  text: Utf8 = new Utf8();
}

@record class Word {
  word: Utf8 = new Utf8();
  version: i32 = VERSION;
  count: i64 = 1;
}

@flatMap export function words(line: Line, out: Emitter<Word>): void {
  const word = new Word();
  const pieces = line.text.words();
  while (pieces.next()) {
    word.word = pieces.value;
    out.emit(word);
  }
}

@reduce export function sum(a: Word, b: Word): Word {
  a.count += b.count;
  return a;
}
