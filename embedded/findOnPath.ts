import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The full path of a command on this PATH; null when there is none. */
export function findOnPath(command: string, path: string | undefined): string | null {
  const names = process.platform === "win32" ? [`${command}.exe`, command] : [command];
  for (const folder of (path ?? "").split(delimiter)) {
    if (folder === "") continue;
    const found = names.map((name) => join(folder, name)).find(isExecutable);
    if (found !== undefined) return found;
  }
  return null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
