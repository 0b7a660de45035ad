/** A column of a table for people. */
export interface Column<Row> {
  readonly title: string;
  /** `null` and `undefined` are shown as a dash. */
  readonly value: (row: Row) => string | number | null | undefined;
  readonly align?: 'left' | 'right';
}

/** Rows under their titles, two spaces apart, numbers to the right. An empty table says so in one line. */
export function formatTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  if (rows.length === 0) return 'none\n';
  const cells = rows.map((row) => columns.map((column) => formatCell(column.value(row))));
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...cells.map((line) => line[i].length)),
  );
  const line = (texts: readonly string[]) =>
    texts
      .map((text, i) =>
        alignment(columns[i], rows) === 'right' ? text.padStart(widths[i]) : text.padEnd(widths[i]),
      )
      .join('  ')
      .trimEnd();
  return `${[columns.map((column) => column.title), ...cells].map(line).join('\n')}\n`;
}

function alignment<Row>(column: Column<Row>, rows: readonly Row[]): 'left' | 'right' {
  if (column.align !== undefined) return column.align;
  return rows.every((row) => typeof (column.value(row) ?? 0) === 'number') ? 'right' : 'left';
}

function formatCell(value: string | number | null | undefined): string {
  if (value === undefined || value === null) return '–';
  return typeof value === 'number' ? formatCount(value) : value;
}

/** `1234567` → `1,234,567`; fractions keep at most three digits. */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: Number.isInteger(value) ? 0 : 3 });
}

/** Bytes with a binary unit: `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Milliseconds as people read them: `3.2 ms`, `12.4 s`, `5 m 10 s`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${ms < 10 ? ms.toFixed(2) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} m ${Math.round((ms % 60_000) / 1_000)} s`;
}

/** Local date and time to the second: `2026-03-01 09:05:00`. */
export function formatTime(ms: number): string {
  const offsetMs = new Date(ms).getTimezoneOffset() * 60_000;
  return new Date(ms - offsetMs).toISOString().replace('T', ' ').slice(0, 19);
}
