import { Emitter, flatMap, record, reduce, Utf8 } from '@millrace/guest-sdk';

@record
class Line {
  text: Utf8;
}

@record
class Word {
  word: Utf8;
  count: i64 = 1;
}

/** Splits a line at white space. */
export const words = flatMap((line: Line, out: Emitter<Word>): void => {
  const word = new Word();
  const pieces = line.text.words();
  while (pieces.next()) {
    word.word = pieces.value;
    out.emit(word);
  }
});

/** Adds up the counts of one word. */
export const sum = reduce((a: Word, b: Word): Word => {
  a.count += b.count;
  return a;
});
