/** Something wrong with a pipeline document, at a place in it. */
export interface Finding {
  readonly path: DocumentPath;
  readonly message: string;
}

/** Keys and list indexes from the document's root. */
export type DocumentPath = readonly (string | number)[];

/** A finding as it is printed: `steps.words.from[1]: unknown name "linse"`. */
export function formatFinding(finding: Finding): string {
  return `${formatPath(finding.path)}: ${finding.message}`;
}

/** `steps.words.from[1]`; the root is `document`. */
export function formatPath(path: DocumentPath): string {
  if (path.length === 0) return 'document';
  return path
    .map((part, i) => {
      if (typeof part === 'number') return `[${part}]`;
      const key = /^[\w@~/-]+$/.test(part) ? part : JSON.stringify(part.slice(0, 80));
      return i === 0 ? key : `.${key}`;
    })
    .join('');
}
