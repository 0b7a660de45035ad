import { describe, expect, test } from 'vitest';
import {
  FUNCTION_NESTING_MAX,
  GATE_FINDINGS_MAX,
  MEMORY_PAGES_MAX,
  MODULE_IMPORTS_MAX,
} from '../../host/limits.ts';
import { gate } from '../../host/sandbox/gate.ts';
import { guestWithBody as bodyOf, guestWith, refusalOf, times } from '../kit/gate-refusal.ts';
import { addBuffer, finishGuest, handMadeGuest } from '../kit/hand-made-guest.ts';
import { op, text, unsigned, vector, WasmBuilder } from '../kit/wasm-builder.ts';

describe('the gate reports', () => {
  test('findings of several sections and functions at once, each with its place', () => {
    const error = refusalOf(
      guestWith((builder) => {
        builder.importFunction('env', 'fopen', []);
        builder.function({ code: [op.i32(1)] });
        builder.function({ code: [op.call(999)] });
      }),
    );
    expect(error.code).toBe('MODULE_MALFORMED');
    expect(error.details).toHaveLength(2);
    expect(error.details[0]).toMatch(/^code section, function 5, offset 0x[0-9a-f]+: /);
    expect(error.details[1]).toMatch(/^code section, function 6, offset 0x[0-9a-f]+: /);
  });

  test('imports, section and exports together once the code is valid', () => {
    const builder = new WasmBuilder();
    builder.importFunction('env', 'fopen', []);
    builder.importFunction('env', 'fclose', []);
    const error = refusalOf(builder.build());
    expect(error.code).toBe('MODULE_REFUSED');
    expect(error.details).toHaveLength(5);
    expect(error.message).toMatch(/and 4 more findings$/);
  });

  test('no more findings than its limit, and how many there are', () => {
    const builder = new WasmBuilder();
    for (let i = 0; i < MODULE_IMPORTS_MAX; i++) builder.importFunction('env', `f${i}`, []);
    const error = refusalOf(builder.build());
    expect(error.details).toHaveLength(GATE_FINDINGS_MAX + 1);
    // Beside the imports the module lacks a section, a memory and mr_buffer.
    expect(error.details.at(-1)).toBe(`… and ${MODULE_IMPORTS_MAX + 3 - GATE_FINDINGS_MAX} more`);
  });

  test('names of functions with what does not print replaced', () => {
    const names = vector([[...unsigned(4), ...text('evil\u001b[31m\n')]]);
    const error = refusalOf(
      guestWith((builder) => {
        builder.function({ code: [op.drop] });
        builder.custom('name', [1, ...unsigned(names.length), ...names]);
      }),
    );
    expect(error.details[0]).toContain('function 4 "evil?[31m?"');
  });
});

describe('the gate lets in', () => {
  const accepted = (upload: Uint8Array) => {
    const report = gate(upload);
    expect(WebAssembly.validate(report.rewritten as Uint8Array<ArrayBuffer>)).toBe(true);
    return report;
  };

  test('a guest, and says what it is', () => {
    const report = accepted(guestWith(() => {}));
    expect(report.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(report.description.functions.map(({ name }) => name)).toEqual(['pass']);
    expect(report.imports).toEqual(['millrace.emit', 'millrace.state', 'millrace.log']);
    expect(report.functions).toBe(2);
    expect(report.memoryPages).toBe(MEMORY_PAGES_MAX);
  });

  test('a memory with a maximum, which it keeps', () => {
    const guest = handMadeGuest(1, 7);
    addBuffer(guest);
    expect(accepted(finishGuest(guest, {})).memoryPages).toBe(7);
  });

  test('nothing it can tell two uploads of the same bytes apart by', () => {
    const upload = guestWith((builder) => builder.start(builder.function({ code: [] })));
    expect(gate(upload)).toEqual(gate(Uint8Array.from(upload)));
  });

  test('custom sections only of the names it knows', () => {
    const report = accepted(
      guestWith((builder) => {
        builder.custom('sourceMappingURL', text('http://example.org'));
        builder.custom('producers', [0]);
        builder.custom('name', [0xff]);
      }),
    );
    const module = new WebAssembly.Module(report.rewritten as Uint8Array<ArrayBuffer>);
    for (const dropped of ['sourceMappingURL', 'producers', 'name']) {
      expect(WebAssembly.Module.customSections(module, dropped)).toEqual([]);
    }
    expect(WebAssembly.Module.customSections(module, 'millrace')).toHaveLength(1);
  });

  test('as many nested blocks as the limit', () => {
    const depth = FUNCTION_NESTING_MAX - 1;
    accepted(bodyOf(times(depth, [2, 0x40]), times(depth, [0x0b])));
  });
});
