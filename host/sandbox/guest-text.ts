/** Characters that could forge lines, colours or directions where the text is shown. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\\]/gu;

const SHORT: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\\': '\\\\',
};

/** Text from a guest, safe to put in a log line or a message: what does not print is escaped. */
export function escapeText(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (char) => SHORT[char] ?? `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
