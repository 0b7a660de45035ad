import { Emitter, flatMap, record, reduce, Utf8 } from '@millrace/guest-sdk';

@record class Line {
  text: Utf8 = new Utf8();
}

@record class Word {
  word: Utf8 = new Utf8();
  count: i64 = 1;
}

/** Splits at ASCII white space. */
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
