/**
 * A number, bool or timestamp that may be null. `record.age` is a handle on the field itself:
 * `record.age.value = 3` and `record.age.clear()` change the record.
 */
@final
export class Optional<T> {
  /** Where the address of the row stands: the record's first word, or `base` of a value on its own. */
  private owner: usize;
  private slot: u32;
  private nullByte: u32;
  private nullMask: u32;
  private base: usize;
  private cell: u64;
  private cellNull: u64;

  constructor(owner: usize, slot: u32, nullByte: u32, nullMask: u32) {
    this.owner = owner;
    this.slot = slot;
    this.nullByte = nullByte;
    this.nullMask = nullMask;
    this.base = 0;
    this.cell = 0;
    this.cellNull = 0;
    if (owner == 0) {
      this.owner = changetype<usize>(this) + offsetof<Optional<T>>('base');
      this.base = changetype<usize>(this) + offsetof<Optional<T>>('cell');
    }
  }

  get isNull(): bool {
    return (load<u8>(load<usize>(this.owner) + this.nullByte) & this.nullMask) != 0;
  }

  /** The value; traps when it is null. */
  get value(): T {
    if (this.isNull) throw new Error('the value is null');
    return load<T>(load<usize>(this.owner) + this.slot);
  }

  set value(value: T) {
    const row = load<usize>(this.owner);
    const at = row + this.nullByte;
    store<u8>(at, <u8>(load<u8>(at) & ~this.nullMask));
    store<u64>(row + this.slot, 0);
    store<T>(row + this.slot, value);
  }

  /** The value, or `fallback` when it is null. */
  or(fallback: T): T {
    return this.isNull ? fallback : load<T>(load<usize>(this.owner) + this.slot);
  }

  clear(): void {
    const row = load<usize>(this.owner);
    const at = row + this.nullByte;
    store<u8>(at, <u8>(load<u8>(at) | this.nullMask));
    store<u64>(row + this.slot, 0);
  }

  /** Takes over what the other holds, null included. */
  assign(other: Optional<T>): void {
    if (other.isNull) this.clear();
    else this.value = other.value;
  }
}

/** A value on its own, for assigning: `record.age = some<i32>(3)`. */
export function some<T>(value: T): Optional<T> {
  const optional = new Optional<T>(0, 0, 8, 1);
  optional.value = value;
  return optional;
}

/** Null, for assigning: `record.age = none<i32>()`. */
export function none<T>(): Optional<T> {
  const optional = new Optional<T>(0, 0, 8, 1);
  optional.clear();
  return optional;
}

// @ts-ignore: decorator
@global
export function __mr_optional<T>(owner: usize, slot: u32, nullByte: u32, nullMask: u32): Optional<T> {
  return new Optional<T>(owner, slot, nullByte, nullMask);
}
