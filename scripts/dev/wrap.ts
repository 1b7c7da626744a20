/** Columns of a terminal whose width is not known, as behind a pipe. */
const USUAL_COLUMNS = 80;

/** How wide printed lines may be. */
export function columnsOf(stream: { columns?: number }): number {
  return stream.columns ?? USUAL_COLUMNS;
}

/**
 * Breaks a line at spaces, so that none is wider than `columns` unless a word is, such as an address, which stays whole.
 * A line that was indented stays indented in its continuation.
 */
export function wrapLine(line: string, columns: number): string[] {
  if (line.length <= columns) return [line];
  const indent = /^ */.exec(line)?.[0] ?? "";
  const lines: string[] = [];
  let current = indent;
  for (const word of line.trim().split(" ")) {
    const longer = current === indent ? `${indent}${word}` : `${current} ${word}`;
    if (longer.length <= columns || current === indent) {
      current = longer;
      continue;
    }
    lines.push(current.trimEnd());
    current = `${indent}${word}`;
  }
  return [...lines, current];
}
