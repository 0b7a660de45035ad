import { aggregate, Emitter, filter, flatMap, map, Optional, record } from '@millrace/guest-sdk';

@record
class Line {
  text: string;
  size: Optional<i32>;
}

@record
class Word {
  word: string;
  count: i64;
}

export const misspelt = map((line: Line): Line => {
  line.txt = 'a'; // wrong
  return line;
});

export const mistyped = map((line: Line): Line => {
  line.size = 'a'; // wrong
  return line;
});

export const unsure = filter((line: Line): bool => line.text); // wrong

export const strange = flatMap((line: Line, out: Emitter<Word>): void => {
  out.emit(line); // wrong
});

export const empty = map(() => 1); // wrong

@aggregate // wrong
export class Sum {
  create(): Word {
    return new Word();
  }
}
