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

@flatMap
export function words(line: Line, out: Emitter<Word>): void {
  const found = line.text.words();
  const word = new Word();
  while (found.next()) {
    word.word = found.value;
    out.emit(word);
  }
}

@reduce
export function sum(a: Word, b: Word): Word {
  a.count += b.count;
  return a;
}
