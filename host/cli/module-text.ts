import type { FunctionDescription, ModuleDescription } from '../model/module-description.ts';
import { formatRecord } from '../model/schema.ts';
import type { GateReport } from '../sandbox/guest.ts';
import { formatBytes, formatTable } from './table.ts';

/** A module for people: what it is, its functions and records. */
export function formatModule(report: GateReport, uploadBytes: number): string {
  const { description } = report;
  const facts = [
    `digest     ${report.digest}`,
    `size       ${formatBytes(uploadBytes)}, ${report.functions} WebAssembly functions`,
    `sdk        ${description.sdk}, ABI ${description.abi}`,
    `memory     at most ${formatBytes(report.memoryPages * 65_536)}`,
    `imports    ${report.imports.join(', ') || 'none'}`,
  ];
  return `${facts.join('\n')}\n\n${formatFunctions(description)}\n${formatRecords(description)}`;
}

/** The functions of a module as a table. */
export function formatFunctions(description: ModuleDescription): string {
  return formatTable(description.functions, [
    { title: 'FUNCTION', value: (row) => row.name },
    { title: 'KIND', value: (row) => row.kind },
    { title: 'INPUT', value: (row) => row.input.name },
    { title: 'OUTPUT', value: (row) => row.output.name },
    { title: 'STATE', value: stateText },
  ]);
}

/** The record of a fold's state, or the names of a process function's states. */
function stateText({ state, process }: FunctionDescription): string | undefined {
  if (process === undefined) return state?.name;
  return [...process.states, ...process.maps].map(({ name }) => name).join(', ') || undefined;
}

/** `words (flatMap Line → Word)`, for one-line summaries. */
export function formatSignature(description: FunctionDescription): string {
  return `${description.name} (${description.kind} ${description.input.name} → ${description.output.name})`;
}

function formatRecords(description: ModuleDescription): string {
  return description.records.map((record) => `${formatRecord(record)}\n`).join('');
}
