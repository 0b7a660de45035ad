/** What a user's file imports from "@millrace/guest-sdk". The decorators are the compiler's. */
export { Bytes } from './bytes';
export { eventTime, hasEventTime, log } from './context';
export { none, Optional, some } from './optional';
export { Emitter } from './output';
export { Rows, Window } from './window';
export { Utf8, Utf8Pieces, Utf8Words } from './utf8';

/** Milliseconds since the epoch. */
export type Timestamp = i64;

export function record(): void {}
export function map(): void {}
export function filter(): void {}
export function flatMap(): void {}
export function reduce(): void {}
export function aggregate(): void {}
export function apply(): void {}
export function assignTimestamp(): void {}
export function join(): void {}
