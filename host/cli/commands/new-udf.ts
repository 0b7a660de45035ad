import { access, mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '../../errors.ts';
import { assertName } from '../../model/name.ts';
import type { CommandContext } from '../command-parts.ts';

const PACKAGE = fileURLToPath(new URL('../../../', import.meta.url));

/** `millrace new udf NAME`: a folder with a function, a pipeline, sample input and an editor set-up. */
export async function newUdf(
  context: CommandContext,
  name: string,
  options: { readonly language: string },
): Promise<void> {
  assertName('function', name);
  if (options.language !== 'assemblyscript') {
    throw new MillraceError('USAGE', `there is no template for "${options.language}"`, {
      hint: 'use --language assemblyscript; for C see guest-sdk/c, for other languages guest-sdk/ABI.md',
    });
  }
  const folder = resolve(context.workingDirectory, name);
  await refuseExisting(folder, name);
  await mkdir(join(folder, 'data'), { recursive: true });
  const files = template(name, folder);
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  const shown = relative(context.workingDirectory, folder) || '.';
  if (context.json) {
    context.terminal.out(`${JSON.stringify({ folder, files: Object.keys(files) })}\n`);
    return;
  }
  context.terminal.out(
    `${Object.keys(files)
      .map((file) => `created ${shown}/${file}`)
      .join('\n')}\n\nnext:  millrace run ${shown}/pipeline.yaml\n`,
  );
}

async function refuseExisting(folder: string, name: string): Promise<void> {
  const exists = await access(folder).then(
    () => true,
    () => false,
  );
  if (!exists) return;
  throw new MillraceError('USAGE', `"${name}" exists already`, { hint: 'choose another name' });
}

function template(name: string, folder: string): Record<string, string> {
  return {
    [`${name}.ts`]: FUNCTION_SOURCE,
    'pipeline.yaml': pipelineSource(name),
    'data/sample.txt': 'to be or not to be\nthat is the question\n',
    'tsconfig.json': `${JSON.stringify(editorSettings(name, folder), null, 2)}\n`,
    '.gitignore': 'out/\n*.wasm\n*.wasm.map\nmillrace-data/\n',
  };
}

function editorSettings(name: string, folder: string): object {
  const editor = join(packageSeenFrom(folder), 'guest-sdk', 'assemblyscript', 'editor');
  const paths = { '@millrace/guest-sdk': [join(editor, 'index.d.ts')] };
  return {
    extends: join(editor, 'tsconfig.json'),
    compilerOptions: { paths },
    include: [`${name}.ts`],
  };
}

/**
 * Where the editor finds the types, so that the folder needs no node_modules of its own: a relative path when this
 * package is installed in a project around the folder, which then can move as a whole.
 */
function packageSeenFrom(folder: string): string {
  const [project, ...below] = PACKAGE.split(`${sep}node_modules${sep}`);
  const inside = below.length > 0 && folder.startsWith(`${project}${sep}`);
  return inside ? relative(folder, PACKAGE) : PACKAGE;
}

const FUNCTION_SOURCE = `import { Emitter, flatMap, record, reduce, Utf8 } from '@millrace/guest-sdk';

@record
class Line {
  text: Utf8;
}

@record
class Word {
  word: Utf8;
  count: i64 = 1;
}

/** Splits a line at white space. */
export const words = flatMap((line: Line, out: Emitter<Word>): void => {
  const word = new Word();
  const pieces = line.text.words();
  while (pieces.next()) {
    word.word = pieces.value;
    out.emit(word);
  }
});

/** Adds up the counts of one word. */
export const sum = reduce((a: Word, b: Word): Word => {
  a.count += b.count;
  return a;
});
`;

function pipelineSource(name: string): string {
  return `name: ${name}
parallelism: 1
checkpoint: { every: 1s }
modules:
  text: ./${name}.ts
sources:
  lines: { connector: file, path: data/*.txt, format: lines }
steps:
  words:  { flatMap: text.words, from: lines }
  counts: { reduce: text.sum, from: words, key: word }
sinks:
  out: { from: counts, connector: stdout, format: json }
`;
}
