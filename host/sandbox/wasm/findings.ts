import type { ErrorCode } from '../../errors.ts';
import { GATE_FINDINGS_MAX } from '../../limits.ts';
import { ModuleFault } from './module-fault.ts';

export type FindingCode = Extract<ErrorCode, `MODULE_${string}`>;

/** One thing wrong with an upload. */
export interface Finding {
  readonly code: FindingCode;
  /** `code`, `import`, … or `module`. */
  readonly section: string;
  /** Index of the function it is in, imports counted. */
  readonly functionIndex?: number;
  /** Byte offset in the upload, when it has a place. */
  readonly offset?: number;
  readonly text: string;
}

/** Collects what is wrong, up to `GATE_FINDINGS_MAX`; beyond that only counts. */
export class Findings {
  readonly list: Finding[] = [];
  dropped = 0;

  get full(): boolean {
    return this.list.length >= GATE_FINDINGS_MAX;
  }

  get any(): boolean {
    return this.list.length > 0;
  }

  add(finding: Finding): void {
    if (this.full) this.dropped++;
    else this.list.push(finding);
  }

  /** Runs a part of the parser; a fault in it becomes a finding. Returns whether it went through. */
  guard(section: string, part: () => void): boolean {
    try {
      part();
      return true;
    } catch (thrown) {
      this.addFault(thrown, section);
      return false;
    }
  }

  /** A caught fault as a finding; anything else is thrown on. */
  addFault(thrown: unknown, section: string, functionIndex?: number): void {
    if (!(thrown instanceof ModuleFault)) throw thrown;
    const code = thrown.kind === 'malformed' ? 'MODULE_MALFORMED' : 'MODULE_REFUSED';
    this.add({ code, section, functionIndex, offset: thrown.offset, text: thrown.text });
  }
}

/** `code section, function 12 "sum", offset 0x1f: expected i32, found f64`. */
export function formatFinding(
  finding: Finding,
  nameOf: (functionIndex: number) => string | undefined = () => undefined,
): string {
  const place = [finding.section === 'module' ? 'module' : `${finding.section} section`];
  if (finding.functionIndex !== undefined) {
    const name = nameOf(finding.functionIndex);
    place.push(`function ${finding.functionIndex}${name === undefined ? '' : ` "${name}"`}`);
  }
  if (finding.offset !== undefined) place.push(`offset 0x${finding.offset.toString(16)}`);
  return `${place.join(', ')}: ${finding.text}`;
}
