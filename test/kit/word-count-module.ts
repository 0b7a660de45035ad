import { compileAssemblyScript } from '../../guest-sdk/assemblyscript/compile.ts';

/** Word count in AssemblyScript; every word gets `mark` at its end, so that the output tells which version made it. */
export function wordCountSource(mark = ''): string {
  return `
import { Emitter, flatMap, record, reduce } from '@millrace/guest-sdk';
@record class Line { text: string = ''; }
@record class Word { word: string = ''; count: i64 = 1; }
@flatMap export function words(line: Line, out: Emitter<Word>): void {
  const parts = line.text.split(' ');
  for (let i = 0; i < parts.length; i++) {
    if (parts[i].length == 0) continue;
    const word = new Word();
    word.word = parts[i] + '${mark}';
    out.emit(word);
  }
}
@reduce export function sum(a: Word, b: Word): Word {
  a.count += b.count;
  return a;
}
`;
}

/** The compiled module. */
export async function wordCountModule(mark = ''): Promise<Uint8Array> {
  const source = wordCountSource(mark);
  return (await compileAssemblyScript({ source, name: 'word-count.ts' })).wasm;
}
