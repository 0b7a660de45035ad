import { Emitter, filter, flatMap, record, reduce, Timestamp, Utf8 } from '@millrace/guest-sdk';

@record
class Line {
  at: Timestamp;
  text: Utf8;
}

@record
class Word {
  word: Utf8;
  count: i64 = 1;
  windowStart: Timestamp;
  windowEnd: Timestamp;
}

export const greetings = filter((line: Line): bool => line.text.startsWith('hello'));

export const words = flatMap((line: Line, out: Emitter<Word>): void => {
  const word = new Word();
  const pieces = line.text.words();
  while (pieces.next()) {
    word.word = pieces.value;
    out.emit(word);
  }
});

export const sum = reduce((a: Word, b: Word): Word => {
  a.count += b.count;
  return a;
});
