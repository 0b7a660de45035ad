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

export const words = flatMap((line: Line, out: Emitter<Word>): void => {
  const word = new Word();
  const found = line.text.words();
  while (found.next()) {
    word.word = found.value;
    out.emit(word);
  }
});

export const sum = reduce((a: Word, b: Word): Word => {
  a.count += b.count;
  return a;
});
