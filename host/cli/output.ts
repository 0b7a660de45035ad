import { type ErrorReport, MillraceError } from '../errors.ts';

/** Where a command writes. Handed in, so that tests read what a person would see. */
export interface Terminal {
  out(text: string): void;
  error(text: string): void;
  /** Width in columns; undefined when the output is no terminal. */
  readonly columns: number | undefined;
}

/** The process's own terminal. */
export function processTerminal(): Terminal {
  return {
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(text),
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  };
}

/** Exit code 2 for a wrong command line or document, 1 for anything that failed. */
export function exitCodeOf(error: MillraceError): number {
  const usage = [
    'USAGE',
    'PIPELINE_INVALID',
    'PIPELINE_UNREADABLE',
    'NAME_INVALID',
    'REQUEST_INVALID',
  ];
  return usage.includes(error.code) ? 2 : 1;
}

/** `CODE: message`, one line per finding, and the hint. */
export function formatError(report: ErrorReport): string {
  const lines = [`${report.code}: ${report.message}`];
  for (const detail of report.details) lines.push(`  - ${detail.replaceAll('\n', '\n    ')}`);
  if (report.hint !== '') lines.push(`  hint: ${report.hint}`);
  return `${lines.join('\n')}\n`;
}

/** Prints any thrown value to stderr and returns the exit code it stands for. */
export function reportFailure(thrown: unknown, terminal: Terminal): number {
  const error = MillraceError.from(thrown);
  terminal.error(formatError(error.report()));
  if (error.code === 'INTERNAL' && error.cause instanceof Error && process.env.MILLRACE_DEBUG) {
    terminal.error(`${error.cause.stack ?? ''}\n`);
  }
  return exitCodeOf(error);
}
