/**
 * The parts of AssemblyScript that TypeScript's own library lacks, so that an editor knows them:
 * number types and their casts, memory access, `StaticArray`. What both have (Array, Map, string,
 * Math, …) comes from TypeScript's library, which is larger: the compiler has the last word.
 */

declare type i8 = number;
declare type i16 = number;
declare type i32 = number;
declare type i64 = number;
declare type isize = number;
declare type u8 = number;
declare type u16 = number;
declare type u32 = number;
declare type u64 = number;
declare type usize = number;
declare type f32 = number;
declare type f64 = number;
declare type bool = boolean;

interface IntegerType {
  /** Converts a number, wrapping around; 1 for true. */
  (value: number | boolean): number;
  readonly MIN_VALUE: number;
  readonly MAX_VALUE: number;
  parse(text: string, radix?: i32): number;
}

interface FloatType {
  (value: number | boolean): number;
  readonly MIN_VALUE: number;
  readonly MAX_VALUE: number;
  readonly EPSILON: number;
  readonly POSITIVE_INFINITY: number;
  readonly NEGATIVE_INFINITY: number;
  readonly NaN: number;
  parse(text: string): number;
}

declare const i8: IntegerType;
declare const i16: IntegerType;
declare const i32: IntegerType;
declare const i64: IntegerType;
declare const isize: IntegerType;
declare const u8: IntegerType;
declare const u16: IntegerType;
declare const u32: IntegerType;
declare const u64: IntegerType;
declare const usize: IntegerType;
declare const f32: FloatType;
declare const f64: FloatType;
declare const bool: (value: number | boolean) => bool;

/** An array of fixed length; the only one that may stand at the top level of a file. */
declare class StaticArray<T> {
  constructor(length: i32);
  static fromArray<T>(source: T[]): StaticArray<T>;
  [index: number]: T;
  readonly length: i32;
  includes(value: T, from?: i32): bool;
  indexOf(value: T, from?: i32): i32;
  lastIndexOf(value: T, from?: i32): i32;
  fill(value: T, start?: i32, end?: i32): this;
  slice(start?: i32, end?: i32): T[];
  concat(other: T[]): T[];
  join(separator?: string): string;
}

declare const Mathf: Math;
declare const NativeMath: Math;

declare function load<T>(address: usize, offset?: usize, align?: usize): T;
declare function store<T>(address: usize, value: T, offset?: usize, align?: usize): void;
declare function sizeof<T>(): usize;
declare function alignof<T>(): usize;
declare function offsetof<T>(field?: string): usize;
declare function idof<T>(): u32;
declare function nameof<T>(value?: T): string;
/** Takes a value for one of another type without converting it. */
declare function changetype<T>(value: unknown): T;
/** The expression without bounds checks. */
declare function unchecked<T>(value: T): T;
declare function select<T>(ifTrue: T, ifFalse: T, condition: bool): T;
declare function assert<T>(value: T, message?: string): NonNullable<T>;
declare function unreachable(): never;
declare function abort(message?: string | null, file?: string, line?: i32, column?: i32): never;

// biome-ignore lint/suspicious/noShadowRestrictedNames: AssemblyScript's takes a type
declare function isNaN<T = number>(value: T): bool;
// biome-ignore lint/suspicious/noShadowRestrictedNames: AssemblyScript's takes a type
declare function isFinite<T = number>(value: T): bool;
declare function isInteger<T>(value?: T): bool;
declare function isFloat<T>(value?: T): bool;
declare function isSigned<T>(value?: T): bool;
declare function isString<T>(value?: T): bool;
declare function isReference<T>(value?: T): bool;
declare function isArray<T>(value?: T): bool;
declare function isNullable<T>(value?: T): bool;
declare function isDefined(expression: unknown): bool;
declare function isConstant(expression: unknown): bool;

declare function abs<T = number>(value: number): number;
declare function ceil<T = number>(value: number): number;
declare function floor<T = number>(value: number): number;
declare function nearest<T = number>(value: number): number;
declare function sqrt<T = number>(value: number): number;
declare function trunc<T = number>(value: number): number;
declare function clz<T = number>(value: number): number;
declare function ctz<T = number>(value: number): number;
declare function popcnt<T = number>(value: number): number;
declare function bswap<T = number>(value: number): number;
declare function min<T = number>(left: number, right: number): number;
declare function max<T = number>(left: number, right: number): number;
declare function copysign<T = number>(left: number, right: number): number;
declare function rotl<T = number>(left: number, right: number): number;
declare function rotr<T = number>(left: number, right: number): number;

declare namespace memory {
  function size(): i32;
  function grow(pages: i32): i32;
  function fill(target: usize, value: u8, bytes: usize): void;
  function copy(target: usize, source: usize, bytes: usize): void;
  function compare(left: usize, right: usize, bytes: usize): i32;
  function data(size: i32, align?: i32): usize;
  function data<T>(values: T[], align?: i32): usize;
}

interface StringConstructor {
  readonly UTF8: {
    byteLength(text: string, nullTerminated?: bool): i32;
    encode(text: string, nullTerminated?: bool): ArrayBuffer;
    decode(buffer: ArrayBuffer, nullTerminated?: bool): string;
  };
}

interface Map<K, V> {
  /** Arrays in AssemblyScript, not iterators. */
  keys(): K[];
  values(): V[];
}

interface Set<T> {
  values(): T[];
}

declare function inline(...parameters: unknown[]): void;
declare function operator(token: string): (...parameters: unknown[]) => void;
declare function final(target: abstract new (...parameters: never[]) => unknown): void;
declare function unmanaged(target: abstract new (...parameters: never[]) => unknown): void;
