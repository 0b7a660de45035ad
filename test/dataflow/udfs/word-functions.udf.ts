import {
  aggregate,
  Emitter,
  filter,
  flatMap,
  map,
  record,
  reduce,
} from '@millrace/guest-sdk';

/** Tells the versions apart. */
const MARK: string = '';

@record
class Line {
  text: string = '';
}

@record
class Word {
  word: string = '';
  count: i64 = 1;
}

@record
class Sum {
  word: string = '';
  total: i64 = 0;
  rows: i64 = 0;
}

@record
class Average {
  word: string = '';
  mean: f64 = 0;
}

function live(text: string): string {
  if (text == 'poison') throw new Error('unreachable');
  if (text == 'spin') {
    let turns: u64 = 1;
    while (turns != 0) turns += 2;
  }
  return text;
}

@map
export function upper(line: Line): Line {
  line.text = live(line.text).toUpperCase() + MARK;
  return line;
}

@filter
export function long(line: Line): bool {
  return live(line.text).length > 3;
}

@flatMap
export function words(line: Line, out: Emitter<Word>): void {
  const pieces = live(line.text).split(' ');
  for (let i = 0; i < pieces.length; i++) {
    if (pieces[i].length == 0) continue;
    const word = new Word();
    word.word = pieces[i] + MARK;
    out.emit(word);
  }
}

@reduce
export function sum(a: Word, b: Word): Word {
  if (b.count == -1) throw new Error('a count below zero');
  a.count += b.count;
  return a;
}

@aggregate
export class mean {
  create(): Sum {
    return new Sum();
  }

  add(state: Sum, word: Word): Sum {
    if (word.count == -1) throw new Error('a count below zero');
    state.word = word.word;
    state.total += word.count;
    state.rows += 1;
    return state;
  }

  result(state: Sum): Average {
    if (state.total == 13) throw new Error('an unlucky total');
    const result = new Average();
    result.word = state.word;
    result.mean = <f64>state.total / <f64>state.rows;
    return result;
  }

  merge(a: Sum, b: Sum): Sum {
    a.total += b.total;
    a.rows += b.rows;
    return a;
  }
}
