import { FUNCTION_PARAMETERS_MAX, FUNCTION_RESULTS_MAX, MODULE_ENTRIES_MAX } from '../../limits.ts';
import type { ByteReader } from './byte-reader.ts';
import { checkLimit, malformed, refused } from './module-fault.ts';
import { EXTERNREF, FUNCREF, isValueType, NO_TYPES, singleType } from './value-type.ts';
import type { WasmModule } from './wasm-module.ts';

/** Type section: a vector of function types. */
export function parseTypeSection(reader: ByteReader, module: WasmModule): void {
  const start = reader.offset;
  const count = reader.u32();
  checkLimit(start, 'types', count, MODULE_ENTRIES_MAX);
  for (let i = 0; i < count; i++) {
    const offset = reader.offset;
    const form = reader.byte();
    if (form === 0x4e || form === 0x50 || form === 0x4f || form === 0x5f || form === 0x5e) {
      refused(offset, 'garbage collection: recursive, struct and array types are not accepted');
    }
    if (form !== 0x60) malformed(offset, `type form 0x${form.toString(16)} is not a function`);
    const params = typeList(reader, 'parameters of a function', FUNCTION_PARAMETERS_MAX);
    const results = typeList(reader, 'results of a function', FUNCTION_RESULTS_MAX);
    module.types.push({ params, results });
  }
}

function typeList(reader: ByteReader, what: string, limit: number): Uint8Array {
  const offset = reader.offset;
  const count = reader.u32();
  checkLimit(offset, what, count, limit);
  if (count === 0) return NO_TYPES;
  if (count === 1) return singleType(readValueType(reader)) ?? NO_TYPES;
  const types = new Uint8Array(count);
  for (let i = 0; i < count; i++) types[i] = readValueType(reader);
  return types;
}

/** A value type of the accepted set. */
export function readValueType(reader: ByteReader): number {
  const offset = reader.offset;
  const type = reader.byte();
  if (!isValueType(type)) refuseType(offset, type);
  return type;
}

/** Why a byte is not taken as a value type. */
export function refuseType(offset: number, type: number): never {
  if (type === EXTERNREF) refused(offset, 'type externref is not accepted, only funcref is');
  if (type >= 0x63 && type < FUNCREF) {
    refused(offset, `reference type 0x${type.toString(16)} (garbage collection) is not accepted`);
  }
  if (type >= 0x71 && type <= 0x74) {
    refused(offset, `reference type 0x${type.toString(16)} (garbage collection) is not accepted`);
  }
  return malformed(offset, `0x${type.toString(16)} is not a value type`);
}
