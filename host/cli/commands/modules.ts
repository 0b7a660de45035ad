import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MillraceError } from '../../errors.ts';
import { assertName } from '../../model/name.ts';
import type { CommandContext } from '../command-parts.ts';
import { loadModuleFile, moduleNameOf } from '../module-file.ts';
import { formatBytes, formatTable, formatTime } from '../table.ts';

/** What a module did over sample records when the server tried it. */
interface ListedTrial {
  readonly name: string;
  readonly records: number;
  readonly failed: number;
  readonly fuelPerRecord: number | null;
  readonly failure: string | null;
}

/** A version as the server lists it. */
export interface ListedVersion {
  readonly name: string;
  readonly version: number;
  readonly digest: string;
  readonly bytes: number;
  readonly createdAtMs: number;
  readonly functions: readonly { readonly name: string; readonly kind: string }[];
  /** `null` for versions that an earlier release stored. */
  readonly admission: { readonly functions: readonly ListedTrial[] } | null;
}

interface ListedModule {
  readonly versions: readonly ListedVersion[];
}

/** `millrace modules push FILE [--name N]`: uploads a module, compiling AssemblyScript first. */
export async function pushModule(
  context: CommandContext,
  file: string,
  options: { readonly name?: string },
): Promise<void> {
  const path = resolve(context.workingDirectory, file);
  const pushed = await uploadModule(
    context,
    options.name ?? moduleNameOf(file),
    await loadModuleFile(path),
  );
  context.terminal.out(
    context.json
      ? `${JSON.stringify(pushed)}\n`
      : `${pushed.name}@${pushed.version}  ${formatBytes(pushed.bytes)}  ${pushed.digest.slice(0, 12)}\n`,
  );
  if (context.json) return;
  for (const { name, records, failed, failure } of pushed.admission?.functions ?? []) {
    if (failure === null) continue;
    const text = `function "${name}" failed on ${failed} of ${records} sample records: ${failure}`;
    context.terminal.error(`warning: ${text}\n`);
  }
}

/** Uploads bytes as the next version of a module; the same bytes as the newest version are that version. */
export async function uploadModule(
  context: CommandContext,
  name: string,
  bytes: Uint8Array,
): Promise<ListedVersion> {
  assertName('module', name);
  return context.client.json<ListedVersion>(`/v1/modules/${name}`, {
    method: 'POST',
    body: bytes,
    contentType: 'application/wasm',
  });
}

/** `millrace modules list` */
export async function listModules(context: CommandContext): Promise<void> {
  const { modules } = await context.client.json<{
    modules: readonly { readonly name: string }[];
  }>('/v1/modules');
  if (context.json) {
    context.terminal.out(`${JSON.stringify(modules)}\n`);
    return;
  }
  const details = await Promise.all(
    modules.map(({ name }) => context.client.json<ListedModule>(`/v1/modules/${name}`)),
  );
  context.terminal.out(formatVersions(details.flatMap((module) => module.versions)));
}

/** `millrace modules show N[@V]` */
export async function showModule(context: CommandContext, ref: string): Promise<void> {
  const { name, version } = parseRef(ref);
  const path =
    version === undefined ? `/v1/modules/${name}` : `/v1/modules/${name}/versions/${version}`;
  const answer = await context.client.json<ListedVersion | ListedModule>(path);
  if (context.json) context.terminal.out(`${JSON.stringify(answer)}\n`);
  else if ('versions' in answer) context.terminal.out(formatVersions(answer.versions));
  else context.terminal.out(`${formatVersions([answer])}\n${formatTrials(answer)}`);
}

/** `millrace modules pull N@V [-o FILE]` */
export async function pullModule(
  context: CommandContext,
  ref: string,
  options: { readonly output?: string },
): Promise<void> {
  const { name, version } = parseRef(ref);
  const bytes = await context.client.bytes(
    `/v1/modules/${name}/versions/${required(ref, version)}.wasm`,
  );
  const target = resolve(context.workingDirectory, options.output ?? `${name}.wasm`);
  await writeFile(target, bytes);
  context.terminal.out(context.json ? `${JSON.stringify({ output: target })}\n` : `${target}\n`);
}

/** `millrace modules delete N@V` */
export async function deleteModule(context: CommandContext, ref: string): Promise<void> {
  const { name, version } = parseRef(ref);
  await context.client.json(`/v1/modules/${name}/versions/${required(ref, version)}`, {
    method: 'DELETE',
  });
  context.terminal.out(context.json ? `${JSON.stringify({ deleted: ref })}\n` : `deleted ${ref}\n`);
}

/** `word-count@2` → its parts; without `@` the version is undefined. */
export function parseRef(ref: string): {
  readonly name: string;
  readonly version: string | undefined;
} {
  const [name, version, ...rest] = ref.split('@');
  assertName('module', name);
  if (rest.length > 0 || (version !== undefined && !/^(?:[1-9]\d*|latest)$/.test(version))) {
    throw new MillraceError('USAGE', `"${ref}" is not a module version`, {
      hint: 'write NAME@VERSION, for example word-count@2 or word-count@latest',
    });
  }
  return { name, version };
}

function required(ref: string, version: string | undefined): string {
  if (version !== undefined) return version;
  throw new MillraceError('USAGE', `"${ref}" names no version`, {
    hint: `write ${ref}@VERSION; "millrace modules show ${ref}" lists them`,
  });
}

function formatVersions(versions: readonly ListedVersion[]): string {
  return formatTable(versions, [
    { title: 'MODULE', value: (row) => `${row.name}@${row.version}` },
    { title: 'SIZE', value: (row) => formatBytes(row.bytes), align: 'right' },
    { title: 'DIGEST', value: (row) => row.digest.slice(0, 12) },
    { title: 'CREATED', value: (row) => formatTime(row.createdAtMs) },
    {
      title: 'FUNCTIONS',
      value: (row) => row.functions.map((f) => `${f.name} (${f.kind})`).join(', '),
    },
  ]);
}

/** What the functions did when the module was tried. */
function formatTrials({ admission }: ListedVersion): string {
  return formatTable(admission?.functions ?? [], [
    { title: 'FUNCTION', value: (row) => row.name },
    { title: 'SAMPLES', value: (row) => row.records },
    { title: 'FAILED', value: (row) => row.failed },
    { title: 'FUEL/RECORD', value: (row) => row.fuelPerRecord },
    { title: 'FIRST FAILURE', value: (row) => row.failure },
  ]);
}
