/** What a user's file imports from "@millrace/guest-sdk". The decorators are the compiler's. */
export { Bytes } from './bytes';
export { eventTime, hasEventTime, log } from './context';
export { none, Optional, some } from './optional';
export { Emitter } from './output';
export { Context, Counter, Gauge, SideOutput, Timers } from './process';
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
export function process(): void {}
export function coProcess(): void {}
export function broadcastProcess(): void {}
export function ttl(): void {}

/** The fields of a process class; the compiler puts classes of their types in their places. */
export class ValueState<T> {}
export class ListState<T> {}
export class ReducingState<T> {}
export class MapState<K, V> {}
export class BroadcastState<K, V> {}
