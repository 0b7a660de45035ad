import { appendFileSync, existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AUDIT_FILE_BYTES, AUDIT_FILES_MAX } from '../../server-limits.ts';

/** One request that could change something, and what came of it. */
export interface AuditEntry {
  readonly time: string;
  /** The token's name. */
  readonly who: string;
  readonly role: string;
  readonly tenant: string;
  /** The address it came from. */
  readonly from: string;
  readonly method: string;
  /** The path as it was sent. */
  readonly path: string;
  readonly status: number;
}

/** What was changed, by whom and from where: a line each, in files of the data directory. */
export interface AuditLog {
  /** In the file when it returns. What the disk refuses is told to `onFault`. */
  add(entry: AuditEntry): void;
  /** The latest of a tenant, oldest first. */
  latest(tenant: string, limit: number): readonly AuditEntry[];
}

/**
 * The audit log in `directory`: `audit.jsonl`, and before it `audit.1.jsonl` and so on, which are older. Of each file's size the
 * newest few are kept.
 */
export function openAuditLog(
  directory: string,
  options: { readonly fileBytes?: number; readonly onFault: (thrown: unknown) => void },
): AuditLog {
  const { fileBytes = AUDIT_FILE_BYTES, onFault } = options;
  const path = (age: number) => join(directory, age === 0 ? 'audit.jsonl' : `audit.${age}.jsonl`);
  const turn = () => {
    for (let age = AUDIT_FILES_MAX - 1; age > 0; age -= 1) {
      if (existsSync(path(age - 1))) renameSync(path(age - 1), path(age));
    }
  };
  return {
    add(entry) {
      try {
        if (sizeOf(path(0)) >= fileBytes) turn();
        appendFileSync(path(0), `${JSON.stringify(entry)}\n`, { mode: 0o600 });
      } catch (thrown) {
        onFault(thrown);
      }
    },
    latest(tenant, limit) {
      const found: AuditEntry[] = [];
      for (let age = 0; age < AUDIT_FILES_MAX && found.length < limit; age += 1) {
        if (!existsSync(path(age))) break;
        const entries = readEntries(path(age)).filter((entry) => entry.tenant === tenant);
        found.unshift(...entries.slice(-(limit - found.length)));
      }
      return found;
    },
  };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** A line that a crash cut is left out. */
function readEntries(path: string): readonly AuditEntry[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as AuditEntry];
      } catch {
        return [];
      }
    });
}
