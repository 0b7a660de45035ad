import type { BatchBuilder } from '../../host/abi/batch-builder.ts';
import type { Batch } from '../../host/model/batch.ts';

/** A bid as an object, for the candidates that work on objects. Its 64-bit fields are small enough for numbers. */
export interface Bid {
  auction: number;
  bidder: number;
  price: number;
  channel: string;
  extra: string;
}

const FIXED_BYTES = 56;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Rows → objects, as directly as JavaScript can. */
export function decodeBids({ bytes, count }: Batch): Bid[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bids: Bid[] = new Array(count);
  for (let i = 0, at = 0; i < count; i++, at += view.getUint32(at, true)) {
    bids[i] = {
      auction: number64(view, at + 16),
      bidder: number64(view, at + 24),
      price: number64(view, at + 32),
      channel: text(bytes, view, at, at + 40),
      extra: text(bytes, view, at, at + 48),
    };
  }
  return bids;
}

/** Objects → rows. */
export function encodeBids(bids: readonly Bid[], out: BatchBuilder): void {
  out.clear();
  for (const bid of bids) {
    const bound = FIXED_BYTES + 3 * (bid.channel.length + bid.extra.length) + 8;
    const at = out.reserve(bound);
    const { view } = out;
    put64(view, at + 16, bid.auction);
    put64(view, at + 24, bid.bidder);
    put64(view, at + 32, bid.price);
    const middle = putText(out, at, { slot: 40, from: FIXED_BYTES, text: bid.channel });
    const end = putText(out, at, { slot: 48, from: middle, text: bid.extra });
    const length = (end + 7) & ~7;
    out.bytes.fill(0, at + end, at + length);
    view.setUint32(at, length, true);
    view.setUint32(at + 4, 0, true);
    out.commit(length, 1);
  }
}

function number64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getInt32(at + 4, true) * 2 ** 32;
}

function put64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setInt32(at + 4, Math.floor(value / 2 ** 32), true);
}

function text(bytes: Uint8Array, view: DataView, row: number, slot: number): string {
  const start = row + view.getUint32(slot, true);
  return decoder.decode(bytes.subarray(start, start + view.getUint32(slot + 4, true)));
}

function putText(
  out: BatchBuilder,
  row: number,
  place: { readonly slot: number; readonly from: number; readonly text: string },
): number {
  const { written } = encoder.encodeInto(place.text, out.bytes.subarray(row + place.from));
  out.view.setUint32(row + place.slot, place.from, true);
  out.view.setUint32(row + place.slot + 4, written, true);
  return place.from + written;
}
