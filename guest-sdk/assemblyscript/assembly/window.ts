/** What an `apply` function works on: a window, and the records of one key in it. */

/** From `start`, included, to `end`, not included, in ms. A window without bounds has those of an `i64`. */
@final
export class Window {
  start: i64;
  end: i64;
}

// @ts-ignore: decorator
@global
export function __mr_window(): Window {
  return new Window();
}

/** The records, in the order in which they came: `while (rows.next()) use(rows.value)`. */
@final
export class Rows<T> {
  private from: usize = 0;
  private at: usize = 0;
  private end: usize = 0;
  length: i32 = 0;
  /** Shows the current record; the same object each time. */
  value: T;

  constructor() {
    this.value = __mr_view<T>();
  }

  next(): bool {
    const at = this.at;
    if (at >= this.end) return false;
    // @ts-ignore: a record
    this.value.__mr_move(at);
    this.at = at + <usize>load<u32>(at);
    return true;
  }

  /** Back before the first record. */
  rewind(): void {
    this.at = this.from;
  }

  /** All records, an object each. */
  toArray(): Array<T> {
    const all = new Array<T>(this.length);
    let at = this.from;
    for (let i = 0; at < this.end; i++) {
      const view = __mr_view<T>();
      // @ts-ignore: a record
      view.__mr_move(at);
      all[i] = view;
      at += <usize>load<u32>(at);
    }
    return all;
  }

  __mr_open(from: usize, end: usize, length: i32): void {
    this.from = from;
    this.at = from;
    this.end = end;
    this.length = length;
  }
}

// @ts-ignore: decorator
@global
export function __mr_rows<T>(): Rows<T> {
  return new Rows<T>();
}
