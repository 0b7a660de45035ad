import { LOG_BYTES_PER_CALL_MAX } from '../limits.ts';
import type { GuestLog } from './guest.ts';
import type { GuestMemory } from './guest-memory.ts';
import { escapeText } from './guest-text.ts';

type Level = Parameters<GuestLog>[0];

const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error'];
const UTF8 = new TextDecoder('utf-8');

/** Passes on what a guest logs, up to `LOG_BYTES_PER_CALL_MAX` bytes a call; the rest is counted. */
export class CallLog {
  readonly #log: GuestLog;
  readonly #memory: GuestMemory;
  #left = LOG_BYTES_PER_CALL_MAX;
  #dropped = 0;
  /** Standard output and error up to the next line end. */
  readonly #lines: [stdout: string, stderr: string] = ['', ''];

  constructor(log: GuestLog, memory: GuestMemory) {
    this.#log = log;
    this.#memory = memory;
  }

  /** `millrace.log`. */
  write(level: number, address: number, length: number): void {
    this.#memory.check('log text', address, length);
    const text = this.#take(this.#memory.bytes, address, length);
    if (text !== undefined) this.#log(LEVELS[level] ?? 'info', escapeText(text));
  }

  /** Bytes a WASI guest wrote to standard output (0) or error (1): a log line per line. */
  print(stream: 0 | 1, bytes: Uint8Array): void {
    const text = this.#take(bytes, 0, bytes.length);
    if (text === undefined) return;
    const lines = (this.#lines[stream] + text).split('\n');
    this.#lines[stream] = lines.pop() ?? '';
    for (const line of lines) this.#line(stream, line);
  }

  /** At the end of a call: what was held back goes out, and the next call may log again. */
  flush(): void {
    if (this.#left === LOG_BYTES_PER_CALL_MAX && this.#dropped === 0) return;
    for (const stream of [0, 1] as const) {
      if (this.#lines[stream] !== '') this.#line(stream, this.#lines[stream]);
      this.#lines[stream] = '';
    }
    if (this.#dropped > 0) {
      const text = `${this.#dropped} bytes of log text dropped, limit ${LOG_BYTES_PER_CALL_MAX} a call`;
      this.#log('warn', text);
    }
    this.#left = LOG_BYTES_PER_CALL_MAX;
    this.#dropped = 0;
  }

  #line(stream: 0 | 1, line: string): void {
    this.#log(stream === 0 ? 'info' : 'warn', escapeText(line));
  }

  #take(bytes: Uint8Array, start: number, length: number): string | undefined {
    const taken = Math.min(length, this.#left);
    this.#dropped += length - taken;
    this.#left -= taken;
    if (taken === 0 && length > 0) return undefined;
    return UTF8.decode(bytes.subarray(start, start + taken));
  }
}
